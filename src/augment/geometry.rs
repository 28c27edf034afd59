//! Where each pixel comes from: crop, resize, flip, turn, cut out. Pure functions on pictures of `[1, c, h, w]`.
//!
//! The same arithmetic as torchvision's transforms on float tensors: bilinear, antialiased when shrinking, black outside.

use crate::random::Random;
use crate::shape::Shape;
use crate::tensor::Tensor;

/// A part of a picture, in pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Part {
    pub top: usize,
    pub left: usize,
    pub height: usize,
    pub width: usize,
}

/// How often a crop is drawn before the centre is taken.
const ATTEMPTS: usize = 10;

/// torchvision's `RandomResizedCrop.get_params`: a share of the area between `scale`, proportions between `ratio` on a
/// logarithmic scale; the largest centred part of admissible proportions if ten draws do not fit.
pub fn draw_resized_crop(
    [height, width]: [usize; 2],
    scale: [f32; 2],
    ratio: [f32; 2],
    random: &mut Random,
) -> Part {
    let (h, w) = (height as f32, width as f32);
    for _ in 0..ATTEMPTS {
        let area = h * w * random.uniform(scale[0], scale[1]);
        let proportion = random.uniform(ratio[0].ln(), ratio[1].ln()).exp();
        let part_width = (area * proportion).sqrt().round_ties_even() as usize;
        let part_height = (area / proportion).sqrt().round_ties_even() as usize;
        if (1..=width).contains(&part_width) && (1..=height).contains(&part_height) {
            let top = random.below(height - part_height + 1);
            let left = random.below(width - part_width + 1);
            return Part { top, left, height: part_height, width: part_width };
        }
    }
    let (part_height, part_width) = if w / h < ratio[0] {
        ((w / ratio[0]).round_ties_even() as usize, width)
    } else if w / h > ratio[1] {
        (height, (h * ratio[1]).round_ties_even() as usize)
    } else {
        (height, width)
    };
    let (part_height, part_width) = (part_height.clamp(1, height), part_width.clamp(1, width));
    let (top, left) = ((height - part_height) / 2, (width - part_width) / 2);
    Part { top, left, height: part_height, width: part_width }
}

/// Cuts `part` out of the picture and resizes it to `[height, width]`.
///
/// # Panics
/// If the part does not lie inside the picture.
pub fn resized_crop(x: &Tensor<f32>, part: Part, size: [usize; 2]) -> Tensor<f32> {
    let inside = part.top + part.height <= x.shape.h && part.left + part.width <= x.shape.w;
    assert!(inside, "{part:?} lies outside a picture of {}", x.shape);
    let (rows, columns) = (taps(part.height, size[0]), taps(part.width, size[1]));
    let mut across = vec![0.0; part.height * size[1]];
    let mut data = Vec::with_capacity(x.shape.c * size[0] * size[1]);
    for plane in x.data.chunks_exact(x.shape.plane()) {
        for (row, out) in across.chunks_exact_mut(size[1]).enumerate() {
            let line = &plane[(part.top + row) * x.shape.w + part.left..][..part.width];
            for (value, (first, weights)) in out.iter_mut().zip(&columns) {
                *value = weights.iter().zip(&line[*first..]).map(|(weight, x)| weight * x).sum();
            }
        }
        for (first, weights) in &rows {
            for column in 0..size[1] {
                let values = weights.iter().enumerate();
                data.push(values.map(|(k, weight)| weight * across[(first + k) * size[1] + column]).sum());
            }
        }
    }
    Tensor::new(Shape { h: size[0], w: size[1], ..x.shape }, data)
}

/// For every pixel of an axis resized from `source` to `target`: the first source pixel it looks at, and the weights.
/// A triangle that widens when shrinking: PyTorch's antialiased bilinear.
fn taps(source: usize, target: usize) -> Vec<(usize, Vec<f32>)> {
    let scale = source as f32 / target as f32;
    let support = scale.max(1.0);
    let tap = |i: usize| {
        let centre = scale * (i as f32 + 0.5);
        let first = ((centre - support + 0.5).max(0.0)) as usize;
        let end = ((centre + support + 0.5) as usize).min(source);
        let weight = |j: usize| (1.0 - ((j as f32 - centre + 0.5) / support).abs()).max(0.0);
        let weights: Vec<f32> = (first..end).map(weight).collect();
        let total: f32 = weights.iter().sum();
        (first, weights.into_iter().map(|weight| weight / total).collect())
    };
    (0..target).map(tap).collect()
}

/// The part of `[height, width]` that starts at `[top, left]` of the picture with `padding` black pixels all around.
pub fn padded_crop(
    x: &Tensor<f32>,
    padding: usize,
    [top, left]: [usize; 2],
    size: [usize; 2],
) -> Tensor<f32> {
    let shape = Shape { h: size[0], w: size[1], ..x.shape };
    let mut y = Tensor::filled(shape, 0.0);
    // Columns of the result that show the picture and not its padding.
    let first = padding.saturating_sub(left).min(size[1]);
    let end = (padding + x.shape.w).saturating_sub(left).clamp(first, size[1]);
    for c in 0..shape.c {
        for h in 0..size[0] {
            let row = (top + h).checked_sub(padding).filter(|&row| row < x.shape.h);
            if let Some(row) = row.filter(|_| first < end) {
                let source = x.index(0, c, row, left + first - padding);
                let target = y.index(0, c, h, first);
                y.data[target..][..end - first].copy_from_slice(&x.data[source..][..end - first]);
            }
        }
    }
    y
}

/// The picture in the middle of black, or the middle of the picture: `[height, width]` of it.
pub fn centred(x: &Tensor<f32>, size: [usize; 2]) -> Tensor<f32> {
    let padding = (size[0].saturating_sub(x.shape.h)).max(size[1].saturating_sub(x.shape.w));
    let start = [(x.shape.h + 2 * padding - size[0]) / 2, (x.shape.w + 2 * padding - size[1]) / 2];
    padded_crop(x, padding, start, size)
}

/// Left and right exchanged.
pub fn flip(x: &Tensor<f32>) -> Tensor<f32> {
    let rows = x.data.chunks_exact(x.shape.w);
    Tensor::new(x.shape, rows.flat_map(|row| row.iter().rev().copied()).collect())
}

/// Turned counter-clockwise about the centre, bilinear, black outside.
pub fn rotate(x: &Tensor<f32>, degrees: f32) -> Tensor<f32> {
    turned(x, degrees.to_radians().sin_cos())
}

/// As [`rotate`], by an angle of that sine and cosine.
pub fn turned(x: &Tensor<f32>, (sin, cos): (f32, f32)) -> Tensor<f32> {
    let (h, w) = (x.shape.h, x.shape.w);
    let (middle_y, middle_x) = (0.5 * (h as f32 - 1.0), 0.5 * (w as f32 - 1.0));
    let mut y = Tensor::filled(x.shape, 0.0);
    for row in 0..h {
        for column in 0..w {
            let (down, right) = (row as f32 - middle_y, column as f32 - middle_x);
            let (source_y, source_x) =
                (right * sin + down * cos + middle_y, right * cos - down * sin + middle_x);
            let (top, left) = (source_y.floor(), source_x.floor());
            let (share_y, share_x) = (source_y - top, source_x - left);
            for c in 0..x.shape.c {
                let at = |dy: f32, dx: f32| {
                    let (y, x_) = (top + dy, left + dx);
                    let inside = y >= 0.0 && x_ >= 0.0 && y < h as f32 && x_ < w as f32;
                    if inside { x.at(0, c, y as usize, x_ as usize) } else { 0.0 }
                };
                let upper = at(0.0, 0.0) * (1.0 - share_x) + at(0.0, 1.0) * share_x;
                let lower = at(1.0, 0.0) * (1.0 - share_x) + at(1.0, 1.0) * share_x;
                let index = y.index(0, c, row, column);
                y.data[index] = upper * (1.0 - share_y) + lower * share_y;
            }
        }
    }
    y
}

/// A square of `side` pixels around `centre` (row, column), cut off at the border, in the colour `mean`.
pub fn cutout(x: &Tensor<f32>, centre: [usize; 2], side: usize, mean: [f32; 3]) -> Tensor<f32> {
    let range = |centre: usize, size: usize| {
        let first = centre.saturating_sub(side / 2);
        first..(centre + side - side / 2).min(size)
    };
    let mut y = x.clone();
    let columns = range(centre[1], x.shape.w);
    for (c, mean) in mean.into_iter().enumerate().take(x.shape.c) {
        for row in range(centre[0], x.shape.h) {
            let start = y.index(0, c, row, 0);
            y.data[start + columns.start..start + columns.end].fill(mean);
        }
    }
    y
}

#[cfg(test)]
mod tests {
    use super::*;

    fn picture(values: &[f32], h: usize, w: usize) -> Tensor<f32> {
        Tensor::new(Shape::new(1, 1, h, w), values.to_vec())
    }

    #[test]
    fn a_crop_beyond_the_border_is_black_there() {
        let x = picture(&[1.0, 2.0, 3.0, 4.0], 2, 2);
        assert_eq!(padded_crop(&x, 1, [0, 0], [2, 2]).data, [0.0, 0.0, 0.0, 1.0]);
        assert_eq!(padded_crop(&x, 1, [2, 1], [2, 3]).data, [3.0, 4.0, 0.0, 0.0, 0.0, 0.0]);
        assert_eq!(centred(&x, [2, 4]).data, [0.0, 1.0, 2.0, 0.0, 0.0, 3.0, 4.0, 0.0]);
        assert_eq!(centred(&picture(&[1.0, 2.0, 3.0], 1, 3), [1, 1]).data, [2.0]);
    }

    #[test]
    fn turning_by_a_right_angle_moves_pixels_counter_clockwise() {
        let x = picture(&[1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0], 3, 3);
        let turned: Vec<f32> = rotate(&x, 90.0).data.iter().map(|value| value.round()).collect();
        assert_eq!(turned, [3.0, 6.0, 9.0, 2.0, 5.0, 8.0, 1.0, 4.0, 7.0]);
    }

    #[test]
    fn flipping_twice_changes_nothing() {
        let x = picture(&[1.0, 2.0, 3.0, 4.0, 5.0, 6.0], 2, 3);
        assert_eq!(flip(&x).data, [3.0, 2.0, 1.0, 6.0, 5.0, 4.0]);
        assert_eq!(flip(&flip(&x)), x);
    }

    #[test]
    fn resizing_and_turning_have_the_numbers_of_torchvision() {
        // torchvision 0.29 on arange(12).reshape(1, 1, 3, 4): resized_crop(.., antialias=True) and rotate(.., 20, BILINEAR).
        let x = picture(&(0..12).map(|i| i as f32).collect::<Vec<_>>(), 3, 4);
        let whole = Part { top: 0, left: 0, height: 3, width: 4 };
        let middle = Part { left: 1, width: 2, ..whole };
        let published: [(Tensor<f32>, &[f32]); 3] = [
            (resized_crop(&x, whole, [2, 2]), &[2.2143, 3.7857, 7.2143, 8.7857]),
            (resized_crop(&x, middle, [2, 3]), &[2.5, 3.0, 3.5, 7.5, 8.0, 8.5]),
            (
                rotate(&x, 20.0),
                &[
                    0.2367, 1.2203, 3.2371, 3.9618, 2.0383, 4.3461, 6.6539, 8.9617, 4.2711, 7.7629, 8.562,
                    5.7834,
                ],
            ),
        ];
        for (found, expected) in published {
            let near = found.data.iter().zip(expected).all(|(f, e)| (f - e).abs() < 2e-4);
            assert!(near, "expected {expected:?}, got {:?}", found.data);
        }
    }

    #[test]
    fn drawn_parts_lie_inside_and_have_the_area_and_proportions_asked_for() {
        let mut random = Random::new(1, 0);
        for _ in 0..500 {
            let part = draw_resized_crop([100, 150], [0.08, 1.0], [0.75, 4.0 / 3.0], &mut random);
            assert!(part.top + part.height <= 100 && part.left + part.width <= 150, "{part:?}");
            let share = (part.height * part.width) as f32 / 15_000.0;
            let ratio = part.width as f32 / part.height as f32;
            assert!((0.07..=1.0).contains(&share) && (0.72..=1.38).contains(&ratio), "{part:?}");
        }
        // Nothing of these proportions fits, so that the middle is taken.
        let part = draw_resized_crop([10, 100], [1.0, 1.0], [1.0, 1.0], &mut random);
        assert_eq!(part, Part { top: 0, left: 45, height: 10, width: 10 });
    }

    #[test]
    fn a_cutout_is_cut_off_at_the_border() {
        let y = cutout(&picture(&[1.0; 16], 4, 4), [0, 3], 2, [9.0; 3]);
        assert_eq!(y.data.iter().filter(|value| **value == 9.0).count(), 2, "{:?}", y.data);
    }
}
