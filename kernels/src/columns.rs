//! The gradients of a convolution as matrix products over the windows of its input, written out as columns.
//!
//! With `X` of `[k, p]`, the value that tap `k` (input channel, row, column of the kernel) meets at output pixel `p`:
//! `dw = dy X^T`, and `dx` is `w^T dy` with every value added to the pixel it was read from. Chellapilla, Puri and
//! Simard 2006. A depthwise kernel has too few taps for a product; its rows are multiplied one by one. Where maps are no
//! mere pixels, [`super::taps`] and [`super::winograd_gradient`] have the quicker ways to `dw`.

use std::ops::Range;

use super::conv::Workspace;
use super::cores::map_with;
use super::gemm::matmul;
use super::shape::{Shape, Window, is_depthwise};
use super::taps::Taps;
use super::winograd_gradient::WinogradGradient;

/// Columns of one product, if the pictures are that small.
const ENOUGH_COLUMNS: usize = 1024;
/// Values of the written-out windows at most, unless a single picture has more.
const MOST_VALUES: usize = 512 * 1024;

/// The geometry of a convolution whose gradients are wanted.
#[derive(Clone, Debug)]
pub struct Columns {
    input: Shape,
    output: Shape,
    window: Window,
    groups: usize,
}

impl Columns {
    pub fn new(input: Shape, output: Shape, window: Window, groups: usize) -> Self {
        Self { input, output, window, groups }
    }

    /// Fills `dx` from `dy` and a weight of `[o, i / groups, kernel height, kernel width]`.
    pub fn input_gradient(&self, dy: &[f32], weight: &[f32], dx: &mut [f32], workspace: &mut Workspace) {
        dx.fill(0.0);
        if self.is_depthwise() {
            return self.each_row(weight.len(), |tap, x, y| {
                add_scaled(weight[tap], &dy[y], &mut dx[x], self.window.stride[1]);
            });
        }
        let (taps, rows, plane) = (self.taps(), self.output.c / self.groups, self.output.plane());
        let Workspace { padded: columns, tiles: gathered, .. } = workspace;
        self.products(|group, images| {
            let count = images.len() * plane;
            let dy = self.gather(dy, group, &images, gathered);
            let weight = &weight[group * rows * taps..][..rows * taps];
            columns.resize(columns.len().max(taps * count), 0.0);
            let product = &mut columns[..taps * count];
            matmul([taps, rows, count], weight, [1, taps], dy, [count, 1], product, [count, 1], false);
            for (at, image) in images.enumerate() {
                self.walk(|k, window, x, step| {
                    let x = self.start(image, group) + x;
                    let source = &product[k * count + at * plane..][window];
                    let target = &mut dx[x..];
                    match step {
                        1 => target.iter_mut().zip(source).for_each(|(x, v)| *x += v),
                        _ => target.iter_mut().step_by(step).zip(source).for_each(|(x, v)| *x += v),
                    }
                });
            }
        });
    }

    /// Fills `dw` from the convolution's input and `dy`: the sums over `parts` runs of pictures, added up in order.
    pub fn weight_gradient(
        &self,
        x: &[f32],
        dy: &[f32],
        dw: &mut [f32],
        parts: usize,
        workspace: &mut Workspace,
    ) {
        if parts == 1 {
            return self.part_of_weight_gradient(x, dy, dw, workspace);
        }
        let n = self.input.n / parts;
        let part =
            Self { input: self.input.with_batch(n), output: self.output.with_batch(n), ..self.clone() };
        let len = dw.len();
        workspace.parts.resize_with(workspace.parts.len().max(parts), Workspace::default);
        let sums = map_with(&mut workspace.parts[..parts], |at, workspace| {
            let mut dw = vec![0.0; len];
            let (x, dy) = (&x[at * part.input.len()..], &dy[at * part.output.len()..]);
            part.part_of_weight_gradient(x, dy, &mut dw, workspace);
            dw
        });
        dw.fill(0.0);
        sums.iter().for_each(|sum| dw.iter_mut().zip(sum).for_each(|(dw, sum)| *dw += sum));
    }

    fn part_of_weight_gradient(&self, x: &[f32], dy: &[f32], dw: &mut [f32], workspace: &mut Workspace) {
        if let Some(winograd) = WinogradGradient::new(self.input, self.output, self.window, self.groups) {
            return winograd.weight_gradient(x, dy, dw, workspace);
        }
        dw.fill(0.0);
        if let Some(taps) = Taps::new(self.input, self.output, self.window, self.groups) {
            return taps.weight_gradient(x, dy, dw, workspace);
        }
        if self.is_depthwise() {
            return self.each_row(dw.len(), |tap, x_row, y| {
                dw[tap] += dot(&x[x_row], &dy[y], self.window.stride[1]);
            });
        }
        let (taps, rows, plane) = (self.taps(), self.output.c / self.groups, self.output.plane());
        let Workspace { padded: columns, tiles: gathered, .. } = workspace;
        self.products(|group, images| {
            let count = images.len() * plane;
            let dy = self.gather(dy, group, &images, gathered);
            let dw = &mut dw[group * rows * taps..][..rows * taps];
            let x = if self.is_plain() && images.len() == 1 {
                &x[self.start(images.start, group)..][..taps * count]
            } else {
                self.write_out(x, group, images, columns)
            };
            matmul([rows, count, taps], dy, [count, 1], x, [1, count], dw, [taps, 1], true);
        });
    }

    /// The windows of some pictures, `[taps][pictures][pixels]`.
    fn write_out<'a>(
        &self,
        x: &[f32],
        group: usize,
        images: Range<usize>,
        columns: &'a mut Vec<f32>,
    ) -> &'a [f32] {
        let plane = self.output.plane();
        let count = images.len() * plane;
        columns.resize(columns.len().max(self.taps() * count), 0.0);
        let columns = &mut columns[..self.taps() * count];
        if !self.is_plain() {
            // What no window reaches inside the picture is padding.
            columns.fill(0.0);
        }
        for (at, image) in images.enumerate() {
            self.walk(|k, window, source, step| {
                let source = &x[self.start(image, group) + source..];
                let target = &mut columns[k * count + at * plane..][window];
                match step {
                    1 => target.copy_from_slice(&source[..target.len()]),
                    _ => target.iter_mut().zip(source.iter().step_by(step)).for_each(|(to, v)| *to = *v),
                }
            });
        }
        columns
    }

    /// One group of `dy` of some pictures as `[o][pictures][pixels]`: where it is, if that is how it lies.
    fn gather<'a>(
        &self,
        dy: &'a [f32],
        group: usize,
        images: &Range<usize>,
        gathered: &'a mut Vec<f32>,
    ) -> &'a [f32] {
        let (rows, plane) = (self.output.c / self.groups, self.output.plane());
        let first = |image: usize| image * self.output.image() + group * rows * plane;
        if images.len() == 1 {
            return &dy[first(images.start)..][..rows * plane];
        }
        gathered.clear();
        for row in 0..rows {
            for image in images.clone() {
                gathered.extend_from_slice(&dy[first(image) + row * plane..][..plane]);
            }
        }
        gathered
    }

    /// Calls `f` with every group and as many pictures as make a product worth its while.
    fn products(&self, mut f: impl FnMut(usize, Range<usize>)) {
        let plane = self.output.plane();
        let together = (ENOUGH_COLUMNS / plane).min(MOST_VALUES / (plane * self.taps())).max(1);
        for first in (0..self.input.n).step_by(together) {
            (0..self.groups).for_each(|group| f(group, first..self.input.n.min(first + together)));
        }
    }

    /// Calls `f` for every row of every tap's meetings: the tap, the output pixels of the row, where the first of them
    /// reads within a picture's group of channels, and how far apart neighbours read.
    fn walk(&self, mut f: impl FnMut(usize, Range<usize>, usize, usize)) {
        let ([kernel_h, kernel_w], channels) = (self.window.kernel, self.input.c / self.groups);
        for c in 0..channels {
            for kh in 0..kernel_h {
                let (rows, first_row, step) = self.meetings(0, kh);
                for kw in 0..kernel_w {
                    let (columns, first_column, stride) = self.meetings(1, kw);
                    if columns.is_empty() {
                        continue;
                    }
                    let k = (c * kernel_h + kh) * kernel_w + kw;
                    for (i, row) in rows.clone().enumerate() {
                        let x = (c * self.input.h + first_row + i * step) * self.input.w + first_column;
                        let start = row * self.output.w;
                        f(k, start + columns.start..start + columns.end, x, stride);
                    }
                }
            }
        }
    }

    /// The output positions along one axis at which a tap meets a pixel and not padding, the first pixel it meets, and
    /// the distance to the next.
    fn meetings(&self, axis: usize, tap: usize) -> (Range<usize>, usize, usize) {
        let padding = [self.window.padding.top, self.window.padding.left][axis];
        let (size, count) = [(self.input.h, self.output.h), (self.input.w, self.output.w)][axis];
        let stride = self.window.stride[axis];
        let first = padding.saturating_sub(tap).div_ceil(stride);
        let end = (size + padding).saturating_sub(tap).div_ceil(stride).min(count).max(first);
        (first..end, (first * stride + tap).saturating_sub(padding), stride)
    }

    /// Depthwise, calls `f` with every tap, the pixels of `x` and those of `y` that it connects in one row.
    fn each_row(&self, taps: usize, mut f: impl FnMut(usize, Range<usize>, Range<usize>)) {
        let of_channel = taps / self.input.c;
        for plane in 0..self.input.n * self.input.c {
            let c = plane % self.input.c;
            let (x_start, y_start) = (plane * self.input.plane(), plane * self.output.plane());
            for tap in 0..of_channel {
                let [kh, kw] = [tap / self.window.kernel[1], tap % self.window.kernel[1]];
                let (rows, first_row, step) = self.meetings(0, kh);
                let (columns, first_column, stride) = self.meetings(1, kw);
                if columns.is_empty() {
                    continue;
                }
                for (i, row) in rows.enumerate() {
                    let x = x_start + (first_row + i * step) * self.input.w + first_column;
                    let y = y_start + row * self.output.w + columns.start;
                    let count = columns.len();
                    f(c * of_channel + tap, x..x + (count - 1) * stride + 1, y..y + count);
                }
            }
        }
    }

    /// Taps of one output channel.
    fn taps(&self) -> usize {
        self.input.c / self.groups * self.window.kernel[0] * self.window.kernel[1]
    }

    /// Where a group of channels of a picture starts.
    fn start(&self, image: usize, group: usize) -> usize {
        image * self.input.image() + group * (self.input.c / self.groups) * self.input.plane()
    }

    fn is_depthwise(&self) -> bool {
        is_depthwise(self.input, self.output, self.groups)
    }

    /// Whether every window is one pixel, each seen once.
    fn is_plain(&self) -> bool {
        self.window == Window { ceil: self.window.ceil, ..Window::point() }
    }
}

/// `x += factor * y`, the values of `x` being `stride` apart.
fn add_scaled(factor: f32, y: &[f32], x: &mut [f32], stride: usize) {
    match stride {
        1 => x.iter_mut().zip(y).for_each(|(x, y)| *x += factor * y),
        _ => x.iter_mut().step_by(stride).zip(y).for_each(|(x, y)| *x += factor * y),
    }
}

/// The inner product of `y` and the values of `x`, `stride` apart; for maps of a pixel or two.
fn dot(x: &[f32], y: &[f32], stride: usize) -> f32 {
    x.iter().step_by(stride).zip(y).map(|(x, y)| x * y).sum()
}
