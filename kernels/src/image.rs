//! From a picture of any size to the numbers a network was trained on: resize the short side, cut out the centre,
//! normalise.
//!
//! Gives the same bits as `torchvision.transforms` on a Pillow image: `Resize` (antialiased), `CenterCrop`, `ToTensor`,
//! `Normalize`. The resize is Pillow's `Resample.c`: two passes, coefficients in 22-bit fixed point, eight-bit values in
//! between. Knows nothing about files, cameras or rotation: it is handed upright RGBA bytes.

use crate::shape::Shape;
use thiserror::Error;

/// The picture a network expects; data of every model's specification.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct InputSpec {
    /// 3 for colour, 1 for grey.
    pub channels: usize,
    /// Pixels the network sees.
    pub height: usize,
    pub width: usize,
    /// Length in pixels of the picture's short side after resizing, before the centre is cut out.
    pub resize_short: usize,
    pub filter: Filter,
    pub order: Order,
    /// `(value - mean) / std` per channel in that order, in units of 0..255. A grey network uses the first.
    pub mean: [f32; 3],
    pub std: [f32; 3],
}

/// How far a resized pixel looks; both widen when shrinking, so that no pixel of the source is skipped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Filter {
    /// A triangle one pixel to either side.
    Bilinear,
    /// Keys' cubic with a = -0.5, two pixels to either side.
    Bicubic,
}

/// Which colour comes first; grey is grey.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    Rgb,
    /// As Caffe's networks were trained.
    Bgr,
}

/// Why a picture cannot be prepared.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum ImageError {
    #[error("this picture is {width} x {height} pixels, which leaves nothing to look at; choose another one")]
    Empty { width: usize, height: usize },
    #[error(
        "this picture is {width} x {height} pixels, more than the {MAX_SIDE} on a side that can be handled; shrink it first"
    )]
    TooLarge { width: usize, height: usize },
    #[error("a picture of {width} x {height} pixels has {expected} bytes of RGBA, got {found}")]
    ByteCount { width: usize, height: usize, expected: usize, found: usize },
    #[error(
        "a network input of {channels} x {height} x {width} with the short side resized to {resize_short} is not possible; \
         channels are 1 or 3, and no length is 0 or above {MAX_SIDE}"
    )]
    Input { channels: usize, height: usize, width: usize, resize_short: usize },
}

/// Longest side of a picture and of a network's input, in pixels: beyond any camera, and small enough that no product
/// below overflows 32 bits of address space unnoticed.
pub const MAX_SIDE: usize = 32_768;

impl InputSpec {
    /// Pictures of that size as they are: neither cut nor normalised.
    pub const fn plain(channels: usize, height: usize, width: usize) -> Self {
        let resize_short = if height < width { height } else { width };
        let (filter, order) = (Filter::Bilinear, Order::Rgb);
        Self { channels, height, width, resize_short, filter, order, mean: [0.0; 3], std: [1.0; 3] }
    }

    /// The same preparation for another input size: the share of the picture that is cut off stays the same.
    pub fn scaled_to(&self, height: usize, width: usize) -> Self {
        // The larger ratio wins, so that the resized picture still covers an oblong crop.
        let grown = |new: usize, old: usize| {
            let old = old.max(1);
            (self.resize_short.saturating_mul(new).saturating_add(old / 2)) / old
        };
        let resize_short = grown(height, self.height).max(grown(width, self.width));
        Self { height, width, resize_short, ..*self }
    }

    /// Of `n` prepared pictures.
    pub const fn shape(&self, n: usize) -> Shape {
        Shape::new(n, self.channels, self.height, self.width)
    }

    /// Number of values of one prepared picture.
    pub const fn len(&self) -> usize {
        self.channels * self.height * self.width
    }

    pub const fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// Prepares one picture for a network.
///
/// `rgba` holds `height * width` pixels of four bytes, row by row, alpha not premultiplied; transparency is laid over
/// white. Grey networks see Pillow's "L", taken before resizing. Returns `[channels, height, width]` of `spec`, normalised.
/// Only the rows and columns that end up in the crop are computed.
pub fn preprocess(
    rgba: &[u8],
    width: usize,
    height: usize,
    spec: &InputSpec,
) -> Result<Vec<f32>, ImageError> {
    check(rgba, width, height, spec)?;
    let (resized_width, resized_height) = resized(width, height, spec.resize_short);
    let across = Span::of_crop(resized_width, spec.width);
    let down = Span::of_crop(resized_height, spec.height);
    let columns = Taps::new(width, resized_width, across, spec.filter);
    let rows = Taps::new(height, resized_height, down, spec.filter);
    Ok(if spec.channels == 1 {
        normalise(&resample::<1>(rgba, width, &columns, &rows), across, down, spec)
    } else {
        normalise(&resample::<4>(rgba, width, &columns, &rows), across, down, spec)
    })
}

fn check(rgba: &[u8], width: usize, height: usize, spec: &InputSpec) -> Result<(), ImageError> {
    let InputSpec { channels, height: h, width: w, resize_short, .. } = *spec;
    let possible = |length: usize| (1..=MAX_SIDE).contains(&length);
    if !matches!(channels, 1 | 3) || ![h, w, resize_short].into_iter().all(possible) {
        return Err(ImageError::Input { channels, height: h, width: w, resize_short });
    }
    if width == 0 || height == 0 {
        return Err(ImageError::Empty { width, height });
    }
    if width > MAX_SIDE || height > MAX_SIDE {
        return Err(ImageError::TooLarge { width, height });
    }
    let expected = (width * height).checked_mul(4).ok_or(ImageError::TooLarge { width, height })?;
    if rgba.len() != expected {
        return Err(ImageError::ByteCount { width, height, expected, found: rgba.len() });
    }
    Ok(())
}

/// torchvision's rule for `Resize(short)`: the long side keeps the proportions, rounded down. Returns width, height.
fn resized(width: usize, height: usize, short: usize) -> (usize, usize) {
    let long = |long: usize, of: usize| (short as u64 * long as u64 / of as u64) as usize;
    if width <= height { (short, long(height, width)) } else { (long(width, height), short) }
}

/// The part of one axis of the resized picture that is kept, and the black that torchvision pads where there is too
/// little picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Span {
    /// First pixel of the resized picture that is kept.
    start: usize,
    length: usize,
    /// Pixels of padding before the first one that is kept.
    before: usize,
}

impl Span {
    fn of_crop(size: usize, crop: usize) -> Self {
        if size < crop {
            return Self { start: 0, length: size, before: (crop - size) / 2 };
        }
        let surplus = size - crop;
        // Python's `round(surplus / 2)`: halves go to the even neighbour.
        let start = surplus / 2 + usize::from(surplus % 4 == 3);
        Self { start, length: crop, before: 0 }
    }
}

/// For every kept pixel of one axis: which source pixels it looks at, and how much of each it takes.
struct Taps {
    /// First source pixel, and number of source pixels.
    ranges: Vec<(usize, usize)>,
    /// `ranges.len()` rows of `stride` coefficients in fixed point.
    weights: Vec<i32>,
    stride: usize,
}

/// Fraction bits of a coefficient: 32 less eight for the pixel and two for overshoot, as Pillow has it.
const FRACTION_BITS: u32 = 22;

impl Taps {
    /// Coefficients of Pillow's `precompute_coeffs` and `normalize_coeffs_8bpc` for the kept part of an axis that is
    /// resized from `source` to `target` pixels.
    fn new(source: usize, target: usize, span: Span, filter: Filter) -> Self {
        let scale = source as f64 / target as f64;
        let stretch = scale.max(1.0);
        let support = filter.support() * stretch;
        let stride = (support.ceil() as usize) * 2 + 1;
        let mut ranges = Vec::with_capacity(span.length);
        let mut weights = vec![0; span.length * stride];
        let mut exact = vec![0.0; stride];
        for (i, fixed) in weights.chunks_exact_mut(stride).enumerate() {
            let centre = ((span.start + i) as f64 + 0.5) * scale;
            // Conversion to an integer truncates, also below zero, as C's cast does.
            let first = ((centre - support + 0.5) as i64).max(0) as usize;
            let end = ((centre + support + 0.5) as usize).min(source);
            let exact = &mut exact[..end - first];
            let mut total = 0.0;
            for (x, value) in exact.iter_mut().enumerate() {
                *value = filter.at(((x + first) as f64 - centre + 0.5) * (1.0 / stretch));
                total += *value;
            }
            for (fixed, value) in fixed.iter_mut().zip(exact.iter()) {
                let share = if total == 0.0 { *value } else { value / total };
                *fixed = (share * f64::from(1 << FRACTION_BITS) + 0.5_f64.copysign(share)) as i32;
            }
            ranges.push((first, end - first));
        }
        Self { ranges, weights, stride }
    }

    fn iter(&self) -> impl Iterator<Item = (usize, &[i32])> {
        let rows = self.weights.chunks_exact(self.stride);
        self.ranges.iter().zip(rows).map(|(&(first, count), row)| (first, &row[..count]))
    }

    /// Source pixels anybody looks at: first, and one past the last.
    fn reach(&self) -> (usize, usize) {
        let first = self.ranges.iter().map(|r| r.0).min().unwrap_or(0);
        let end = self.ranges.iter().map(|r| r.0 + r.1).max().unwrap_or(0);
        (first, end)
    }
}

impl Filter {
    fn support(self) -> f64 {
        match self {
            Filter::Bilinear => 1.0,
            Filter::Bicubic => 2.0,
        }
    }

    /// Weight at a distance of `x` pixels.
    fn at(self, x: f64) -> f64 {
        const A: f64 = -0.5;
        let x = x.abs();
        match self {
            Filter::Bilinear if x < 1.0 => 1.0 - x,
            Filter::Bicubic if x < 1.0 => ((A + 2.0) * x - (A + 3.0)) * x * x + 1.0,
            Filter::Bicubic if x < 2.0 => (((x - 5.0) * x + 8.0) * x - 4.0) * A,
            _ => 0.0,
        }
    }
}

/// Both passes, across and then down, over pixels of `C` interleaved bytes: 1 for grey, 4 for colour, where the fourth
/// is carried along because four lanes are one SIMD register.
fn resample<const C: usize>(rgba: &[u8], width: usize, columns: &Taps, rows: &Taps) -> Vec<[u8; C]> {
    let (left, right) = columns.reach();
    let (top, bottom) = rows.reach();
    let target_width = columns.ranges.len();
    let mut narrow = Vec::with_capacity(target_width * (bottom - top));
    let mut line = vec![[0; C]; width];
    for y in top..bottom {
        let source = &rgba[(y * width + left) * 4..(y * width + right) * 4];
        flatten(source, &mut line[left..right]);
        narrow.extend(columns.iter().map(|(first, weights)| {
            let mut sum = [1 << (FRACTION_BITS - 1); C];
            accumulate(&mut sum, &line[first..first + weights.len()], weights);
            sum.map(clip)
        }));
    }
    let mut result = Vec::with_capacity(target_width * rows.ranges.len());
    let mut sums = vec![[0; C]; target_width];
    for (first, weights) in rows.iter() {
        sums.fill([1 << (FRACTION_BITS - 1); C]);
        for (y, &weight) in (first - top..).zip(weights) {
            let line = &narrow[y * target_width..][..target_width];
            for (sum, pixel) in sums.iter_mut().zip(line) {
                accumulate(sum, &[*pixel], &[weight]);
            }
        }
        result.extend(sums.iter().map(|sum| sum.map(clip)));
    }
    result
}

#[inline(always)]
fn accumulate<const C: usize>(sum: &mut [i32; C], pixels: &[[u8; C]], weights: &[i32]) {
    for (pixel, &weight) in pixels.iter().zip(weights) {
        for c in 0..C {
            sum[c] += i32::from(pixel[c]) * weight;
        }
    }
}

#[inline(always)]
fn clip(sum: i32) -> u8 {
    (sum >> FRACTION_BITS).clamp(0, 255) as u8
}

/// Lays RGBA pixels over white; with `C` = 1, also turns them grey.
fn flatten<const C: usize>(rgba: &[u8], line: &mut [[u8; C]]) {
    let opaque = rgba.chunks_exact(4).fold(255, |all, pixel| all & pixel[3]) == 255;
    for (pixel, flat) in rgba.chunks_exact(4).zip(line) {
        let [r, g, b, a] = [pixel[0], pixel[1], pixel[2], pixel[3]];
        let [r, g, b] = if opaque { [r, g, b] } else { [r, g, b].map(|value| over_white(value, a)) };
        flat.copy_from_slice(&[if C == 1 { grey(r, g, b) } else { r }, g, b, 255][..C]);
    }
}

/// Pillow's `white.paste(picture, mask=alpha)`: `(255 * (255 - alpha) + value * alpha) / 255`, rounded.
fn over_white(value: u8, alpha: u8) -> u8 {
    let sum = 255 * (255 - u32::from(alpha)) + u32::from(value) * u32::from(alpha) + 128;
    (((sum >> 8) + sum) >> 8) as u8
}

/// Pillow's `convert("L")`: the luma of ITU-R 601-2 in sixteen fraction bits.
fn grey(r: u8, g: u8, b: u8) -> u8 {
    ((u32::from(r) * 19595 + u32::from(g) * 38470 + u32::from(b) * 7471 + 0x8000) >> 16) as u8
}

/// Interleaved bytes to normalised planes, with black around a picture smaller than the crop.
fn normalise<const C: usize>(pixels: &[[u8; C]], across: Span, down: Span, spec: &InputSpec) -> Vec<f32> {
    let mut planes = Vec::with_capacity(spec.len());
    for c in 0..spec.channels {
        let table: [f32; 256] = std::array::from_fn(|value| (value as f32 - spec.mean[c]) / spec.std[c]);
        let colour = if spec.order == Order::Bgr { spec.channels - 1 - c } else { c };
        planes.resize((c + 1) * spec.height * spec.width, table[0]);
        let plane = &mut planes[c * spec.height * spec.width..];
        for (y, line) in pixels.chunks_exact(across.length).enumerate() {
            let start = (down.before + y) * spec.width + across.before;
            for (value, pixel) in plane[start..].iter_mut().zip(line) {
                *value = table[usize::from(pixel[colour])];
            }
        }
    }
    planes
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLAIN: InputSpec = InputSpec::plain(3, 2, 2);

    #[test]
    fn the_long_side_is_rounded_down_as_torchvision_does() {
        assert_eq!(resized(640, 480, 256), (341, 256));
        assert_eq!(resized(480, 641, 256), (256, 341));
        assert_eq!(resized(7, 7, 256), (256, 256));
    }

    #[test]
    fn the_crop_starts_where_python_rounds_to() {
        let starts = [256, 257, 258, 259, 260, 261].map(|size| Span::of_crop(size, 256).start);
        assert_eq!(starts, [0, 0, 1, 2, 2, 2]);
    }

    #[test]
    fn a_picture_that_needs_no_resize_passes_unchanged() {
        let rgba: Vec<u8> = (0..16).map(|i| if i % 4 == 3 { 255 } else { i * 10 }).collect();
        let planes = preprocess(&rgba, 2, 2, &InputSpec { filter: Filter::Bicubic, ..PLAIN });
        let expected = [0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14].map(|i| i as f32 * 10.0);
        assert_eq!(planes.as_deref(), Ok(expected.as_slice()));
        let blue_first = preprocess(&rgba, 2, 2, &InputSpec { order: Order::Bgr, ..PLAIN });
        assert_eq!(blue_first, Ok([&expected[8..], &expected[4..8], &expected[..4]].concat()));
    }

    #[test]
    fn a_transparent_picture_is_white() {
        assert_eq!(preprocess(&[0; 16], 2, 2, &PLAIN), Ok(vec![255.0; 12]));
        let grey = InputSpec { channels: 1, ..PLAIN };
        assert_eq!(preprocess(&[0; 16], 2, 2, &grey), Ok(vec![255.0; 4]));
    }

    #[test]
    fn scaling_the_input_scales_the_margin_with_it() {
        let spec = InputSpec { height: 224, width: 224, resize_short: 256, ..PLAIN };
        assert_eq!(spec.scaled_to(112, 112).resize_short, 128);
        assert_eq!(spec.scaled_to(64, 192).resize_short, 219);
    }

    #[test]
    fn impossible_pictures_are_told_apart_in_one_sentence() {
        let sentence =
            |bytes: usize, w, h| preprocess(&vec![0; bytes], w, h, &PLAIN).unwrap_err().to_string();
        assert!(sentence(0, 0, 7).starts_with("this picture is 0 x 7 pixels"));
        assert!(sentence(4, 1_000_000, 1).contains("shrink it first"));
        assert_eq!(sentence(15, 2, 2), "a picture of 2 x 2 pixels has 16 bytes of RGBA, got 15");
        let no_input = preprocess(&[0; 4], 1, 1, &PLAIN.scaled_to(0, 0)).unwrap_err().to_string();
        assert!(no_input.starts_with("a network input of 3 x 0 x 0"), "{no_input}");
    }

    #[test]
    fn a_strip_one_pixel_wide_is_enlarged_without_enlarging_all_of_it() {
        let spec = InputSpec { height: 224, width: 224, resize_short: 256, ..PLAIN };
        let strip = vec![255; MAX_SIDE * 4];
        assert_eq!(preprocess(&strip, 1, MAX_SIDE, &spec), Ok(vec![255.0; 3 * 224 * 224]));
    }
}
