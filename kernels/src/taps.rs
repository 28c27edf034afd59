//! The gradient of a convolution's weight, straight from padded pictures.
//!
//! What tap `k` (input channel, row, column of the kernel) meets is the picture itself, moved by where the tap is. So
//! `dw[o, k]` is the inner product of channel `o` of `dy` and of a window as large as `dy` in the padded picture: nothing is
//! written out for every tap, and nothing is packed. With a stride, pixels that a tap meets lie side by side once the
//! picture is divided into those of every remainder of the stride.

use std::ops::Range;

use super::conv::Workspace;
use super::shape::{Shape, Window, is_depthwise};
use super::vector::Vector;
use super::wide::{self, Work};

/// Output channels and taps of one tile: twelve sums, three windows and one row of `dy` fill sixteen registers.
const ROWS: usize = 4;
const TAPS: usize = 3;
/// Taps of a tile of a single output channel, where every channel has a kernel of its own: those of a whole small kernel, or
/// of a row of a larger one.
const MOST_TAPS: usize = 9;
const ROW_OF_TAPS: usize = 5;
/// Values of pictures and of `dy` that are gone through at a time, tile by tile: about what lies close to a core.
const CLOSE: usize = 64 * 1024;

/// A convolution whose weight's gradient is wanted; depthwise, that of one channel, which is done for all of them in turn.
pub struct Taps {
    input: Shape,
    output: Shape,
    window: Window,
    groups: usize,
    /// Channels that are done in turn.
    channels: usize,
    /// Of the vectors to compute with.
    lanes: usize,
    /// Height and width of a picture's pixels of one remainder.
    rows: usize,
    pitch: usize,
    walk: Walk,
    /// Where the window of every tap of the first group begins in a picture.
    starts: Vec<usize>,
}

/// How a channel of `dy` is gone through: lines of a multiple of the lanes, and where the next one begins.
#[derive(Clone, Copy)]
struct Walk {
    lines: usize,
    width: usize,
    /// From the beginning of a line to the next one's, in a picture and in `dy`.
    x_step: usize,
    y_step: usize,
}

/// The part that a tile sums up: some lines of some pictures, from the first value on.
#[derive(Clone, Copy)]
struct Part {
    images: usize,
    lines: usize,
    x_image: usize,
    y_image: usize,
}

impl Taps {
    /// None where most of what a vector holds would be wasted, on maps of a pixel or two.
    pub fn new(input: Shape, output: Shape, window: Window, groups: usize) -> Option<Self> {
        let channels = if is_depthwise(input, output, groups) { groups } else { 1 };
        let [input, output] = [input, output].map(|shape| Shape { c: shape.c / channels, ..shape });
        let (padding, [stride_h, stride_w]) = (window.padding, window.stride);
        let rows = (padding.top + input.h + padding.bottom).div_ceil(stride_h);
        let pitch = (padding.left + input.w + padding.right).div_ceil(stride_w);
        let walk = |lanes: usize| {
            let width = output.w.next_multiple_of(lanes);
            let row_by_row = Walk { lines: output.h, width, x_step: pitch, y_step: width };
            // All rows as one, with zeros in `dy` for what lies between two rows of the picture.
            let width = ((output.h - 1) * pitch + output.w).next_multiple_of(lanes);
            let at_once = Walk { lines: 1, width, x_step: 0, y_step: width };
            if at_once.len() < row_by_row.len() { at_once } else { row_by_row }
        };
        // The widest vectors, unless much of what they hold would be beyond the ends of lines.
        let most = wide::lanes();
        let lanes = if 4 * walk(most).len() > 5 * walk(most.min(8)).len() { most.min(8) } else { most };
        let walk = walk(lanes);
        let worth_while = 3 * output.plane() > walk.len();
        let groups = groups / channels;
        let starts = Vec::new();
        let mut taps = Self { input, output, window, groups, channels, lanes, rows, pitch, walk, starts };
        let count = input.c / groups * window.kernel[0] * window.kernel[1];
        taps.starts = (0..count).map(|k| taps.start(k)).collect();
        worth_while.then_some(taps)
    }

    /// Adds the sums over all pictures to `dw`.
    pub fn weight_gradient(&self, x: &[f32], dy: &[f32], dw: &mut [f32], workspace: &mut Workspace) {
        let Workspace { padded, tiles: lines, .. } = workspace;
        let (x_image, y_image) = (self.input.c * self.x_plane(), self.output.c * self.walk.len());
        let together = (CLOSE / (x_image + y_image)).clamp(1, self.input.n);
        // Windows read whole vectors, beyond the last pixel of the last channel too.
        let x_len = together * x_image + self.lanes + self.walk.width;
        let y_len = together * y_image;
        padded.clear();
        padded.resize(x_len, 0.0);
        lines.clear();
        lines.resize(y_len, 0.0);
        let band = (CLOSE * self.walk.lines / (x_image + y_image)).clamp(1, self.walk.lines);
        let of_channel = dw.len() / self.channels;
        for (channel, dw) in dw.chunks_exact_mut(of_channel).enumerate() {
            for first in (0..self.input.n).step_by(together) {
                let images = first..self.input.n.min(first + together);
                self.lay_out_pictures(self.planes(x, self.input, channel, &images), padded);
                self.lay_out_gradients(self.planes(dy, self.output, channel, &images), lines);
                for line in (0..self.walk.lines).step_by(band) {
                    let lines_left = band.min(self.walk.lines - line);
                    let part = Part { images: images.len(), lines: lines_left, x_image, y_image };
                    let (x, y) = (&padded[line * self.walk.x_step..], &lines[line * self.walk.y_step..]);
                    wide::run_with(self.lanes, PartOfSum { taps: self, x, y, part, dw });
                }
            }
        }
    }

    /// The planes of some pictures: all of them, or those of the channel whose turn it is.
    fn planes<'a>(
        &self,
        values: &'a [f32],
        shape: Shape,
        channel: usize,
        images: &Range<usize>,
    ) -> impl Iterator<Item = &'a [f32]> + use<'a> {
        let first = images.start * shape.c * self.channels + channel;
        let planes = values.chunks_exact(shape.plane()).skip(first);
        planes.step_by(self.channels).take(images.len() * shape.c)
    }

    #[inline(always)]
    fn add_tiles<V: Vector, const ROWS: usize, const TAPS: usize>(
        &self,
        x: &[f32],
        y: &[f32],
        part: Part,
        dw: &mut [f32],
    ) {
        let (channels, outputs) = (self.input.c / self.groups, self.output.c / self.groups);
        let (taps, group_step) = (self.starts.len(), channels * self.x_plane());
        // With a stride, the last tap is not always the farthest.
        let farthest = self.starts.iter().max().expect("a kernel has taps") + (self.groups - 1) * group_step;
        let end = |image: usize, first: usize, step: usize| {
            (part.images - 1) * image + first + (part.lines - 1) * step + self.walk.width
        };
        let x_end = end(part.x_image, farthest, self.walk.x_step);
        let y_end = end(part.y_image, (self.output.c - 1) * self.walk.len(), self.walk.y_step);
        assert!(x_end <= x.len() && y_end <= y.len(), "a tile would read beyond the values");
        for group in 0..self.groups {
            for o in (0..outputs).step_by(ROWS) {
                let rows = std::array::from_fn(|r| group * outputs + (o + r).min(outputs - 1));
                let y = rows.map(|row: usize| unsafe { y.as_ptr().add(row * self.walk.len()) });
                for k in (0..taps).step_by(TAPS) {
                    let taps_here = std::array::from_fn(|t| (k + t).min(taps - 1));
                    let x = taps_here
                        .map(|k: usize| unsafe { x.as_ptr().add(group * group_step + self.starts[k]) });
                    // The last channel's and the farthest tap's last line are inside, as checked above.
                    let sums = unsafe { self.tile::<V, ROWS, TAPS>(x, y, part) };
                    for (row, sums) in rows.into_iter().zip(sums).take(outputs - o) {
                        let dw = &mut dw[row * taps + k..(row + 1) * taps];
                        dw.iter_mut().zip(sums).for_each(|(dw, sum)| *dw += sum);
                    }
                }
            }
        }
    }

    /// The inner products of every row with every window.
    ///
    /// # Safety
    /// All lines of all pictures of the part are valid for reading, from each of the pointers.
    #[inline(always)]
    unsafe fn tile<V: Vector, const ROWS: usize, const TAPS: usize>(
        &self,
        x: [*const f32; TAPS],
        y: [*const f32; ROWS],
        part: Part,
    ) -> [[f32; TAPS]; ROWS] {
        let mut sums = [[V::splat(0.0); TAPS]; ROWS];
        for image in 0..part.images {
            for line in 0..part.lines {
                let x_at = image * part.x_image + line * self.walk.x_step;
                let y_at = image * part.y_image + line * self.walk.y_step;
                for column in (0..self.walk.width).step_by(V::LANES) {
                    let windows = x.map(|x| unsafe { V::load(x.add(x_at + column)) });
                    for (sums, y) in sums.iter_mut().zip(y) {
                        let dy = unsafe { V::load(y.add(y_at + column)) };
                        for (sum, window) in sums.iter_mut().zip(windows) {
                            *sum = dy.multiply_add(window, *sum);
                        }
                    }
                }
            }
        }
        sums.map(|sums| sums.map(V::sum))
    }

    /// Copies pictures to `padded`, with zeros around them and by the remainders of the stride.
    fn lay_out_pictures<'a>(&self, planes: impl Iterator<Item = &'a [f32]>, padded: &mut [f32]) {
        let ([stride_h, stride_w], padding) = (self.window.stride, self.window.padding);
        for (plane, padded) in planes.zip(padded.chunks_exact_mut(self.x_plane())) {
            for (row, values) in plane.chunks_exact(self.input.w).enumerate() {
                let row = row + padding.top;
                let start = ((row % stride_h) * stride_w * self.rows + row / stride_h) * self.pitch;
                let line = &mut padded[start..];
                if stride_w == 1 {
                    line[padding.left..][..values.len()].copy_from_slice(values);
                    continue;
                }
                for (column, &value) in values.iter().enumerate() {
                    let column = column + padding.left;
                    line[(column % stride_w) * self.rows * self.pitch + column / stride_w] = value;
                }
            }
        }
    }

    /// Copies `dy` to lines that a vector never leaves half way.
    fn lay_out_gradients<'a>(&self, planes: impl Iterator<Item = &'a [f32]>, lines: &mut [f32]) {
        let step = if self.walk.lines == 1 { self.pitch } else { self.walk.y_step };
        for (plane, lines) in planes.zip(lines.chunks_exact_mut(self.walk.len())) {
            for (row, values) in plane.chunks_exact(self.output.w).enumerate() {
                lines[row * step..][..values.len()].copy_from_slice(values);
            }
        }
    }

    /// Where the window of a tap of the first group begins in a picture.
    fn start(&self, k: usize) -> usize {
        let ([kernel_h, kernel_w], [stride_h, stride_w]) = (self.window.kernel, self.window.stride);
        let (c, row, column) = (k / (kernel_h * kernel_w), k / kernel_w % kernel_h, k % kernel_w);
        let remainder = row % stride_h * stride_w + column % stride_w;
        let plane = self.rows * self.pitch;
        c * self.x_plane() + remainder * plane + row / stride_h * self.pitch + column / stride_w
    }

    /// Values of one channel of a picture.
    fn x_plane(&self) -> usize {
        self.window.stride[0] * self.window.stride[1] * self.rows * self.pitch
    }
}

/// A part, whose inner products are to be added to `dw`.
struct PartOfSum<'a> {
    taps: &'a Taps,
    x: &'a [f32],
    y: &'a [f32],
    part: Part,
    dw: &'a mut [f32],
}

impl Work for PartOfSum<'_> {
    #[inline(always)]
    fn run<V: Vector>(self) {
        let Self { taps, x, y, part, dw } = self;
        match taps.window.kernel[0] * taps.window.kernel[1] {
            MOST_TAPS if taps.channels > 1 => taps.add_tiles::<V, 1, MOST_TAPS>(x, y, part, dw),
            _ if taps.channels > 1 => taps.add_tiles::<V, 1, ROW_OF_TAPS>(x, y, part, dw),
            _ => taps.add_tiles::<V, ROWS, TAPS>(x, y, part, dw),
        }
    }
}

impl Walk {
    /// Values of one channel of `dy`.
    fn len(&self) -> usize {
        self.lines * self.y_step
    }
}
