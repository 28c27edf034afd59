//! Convolution as a matrix product: the weights times the windows of the image, which are packed as they are needed.
//!
//! `y[o, p] = activation(sum over k of w[o, k] x[window p, k] + b[o] + residual[o, p])`, `k` running over input
//! channel, row and column of the kernel. The matrix of windows never exists as a whole.
//! A 1x1 kernel with stride 1 is the plain product. Chellapilla, Puri and Simard 2006.

use std::ops::Range;

use super::blocks::{self, Columns, Panels};
use super::epilogue::Epilogue;
use super::gemm::pack_rows;
use super::padding::{pad, padded_size};
use super::shape::{Padding, Shape, Window};
use super::simd::{F32x4, LANES};
use super::tile::COLUMNS;

/// Pictures with fewer output pixels than this share one product with the other pictures of the batch.
const PIXELS_OF_ONE_PRODUCT: usize = 64;

/// The geometry of one convolution layer at one input size.
#[derive(Clone, Debug)]
pub struct Convolution {
    input: Shape,
    output: Shape,
    window: Window,
    groups: usize,
    /// Where each value of a window lies, from the window's first value on, in the padded image of one group.
    taps: Vec<u32>,
}

/// Buffers that kernels use while they run; they grow to what the largest layer needs and stay.
#[derive(Debug, Default)]
pub struct Workspace {
    pub padded: Vec<f32>,
    pub panels: Vec<f32>,
    pub tiles: Vec<f32>,
    pub weights: Vec<f32>,
    pub gradients: Vec<f32>,
    /// Those of parts of the work that are done at the same time.
    pub parts: Vec<Workspace>,
}

impl Convolution {
    /// `input` is `[n, c, h, w]`, `output` what the window makes of it, both with the same batch.
    pub fn new(input: Shape, output: Shape, window: Window, groups: usize) -> Self {
        let (width, height) = padded_size(input, window.padding);
        let channels = 0..input.c / groups;
        let taps = channels
            .flat_map(|i| (0..window.kernel[0]).map(move |y| (i * height + y) * width))
            .flat_map(|row| (0..window.kernel[1]).map(move |x| (row + x) as u32))
            .collect();
        Self { input, output, window, groups, taps }
    }

    /// Packs a `[o, i / groups, kernel height, kernel width]` weight for [`Self::run`].
    pub fn pack_weight(weight: &[f32], output_channels: usize, groups: usize) -> Vec<f32> {
        let (rows, depth) = (output_channels / groups, weight.len() / output_channels);
        let len = blocks::packed_len(rows, depth);
        let mut packed = vec![0.0; groups * len];
        for (group, panels) in weight.chunks_exact(rows * depth).zip(packed.chunks_exact_mut(len)) {
            pack_rows([rows, depth], group, [depth, 1], panels);
        }
        packed
    }

    /// Fills `y` with the convolution of `x` and a packed weight.
    pub fn run(
        &self,
        x: &[f32],
        packed_weight: &[f32],
        y: &mut [f32],
        epilogue: Epilogue,
        workspace: &mut Workspace,
    ) {
        let Workspace { padded, panels, .. } = workspace;
        let bare = self.window.padding == Padding::none();
        if !bare {
            pad(x, self.input, self.window.padding, 0, padded);
        }
        let pixels = if bare { x } else { &padded[..] };
        let together = if self.output.plane() < PIXELS_OF_ONE_PRODUCT { self.output.n } else { 1 };
        let (width, height) = padded_size(self.input, self.window.padding);
        let (image, group) = (self.input.c * width * height, self.input.c / self.groups * width * height);
        let rows = self.output.c / self.groups;
        let packed_len = blocks::packed_len(rows, self.taps.len());
        for first in (0..self.output.n).step_by(together) {
            for g in 0..self.groups {
                let windows = Windows {
                    pixels: &pixels[first * image + g * group..],
                    layer: self,
                    images: together,
                    image,
                    width,
                };
                let start = first * self.output.image() + g * rows * self.output.plane();
                let weight = Panels {
                    values: &packed_weight[g * packed_len..][..packed_len],
                    rows,
                    depth: self.taps.len(),
                };
                let epilogue = epilogue.from(g * rows, start);
                let y = &mut y[start..];
                blocks::multiply(weight, &windows, y, self.output.plane(), false, epilogue, panels);
            }
        }
    }
}

/// The windows of one group of channels, of one or several pictures: one column each.
struct Windows<'a> {
    pixels: &'a [f32],
    layer: &'a Convolution,
    images: usize,
    /// Values of one padded picture.
    image: usize,
    /// Width of the padded picture.
    width: usize,
}

impl Windows<'_> {
    /// Calls `f` with the picture, the row and the column of each output pixel.
    #[inline(always)]
    fn walk(&self, columns: Range<usize>, mut f: impl FnMut(usize, usize, usize)) {
        let Shape { h, w, .. } = self.layer.output;
        let (mut image, pixel) = (columns.start / (h * w), columns.start % (h * w));
        let (mut y, mut x) = (pixel / w, pixel % w);
        for _ in columns {
            f(image, y, x);
            x += 1;
            if x == w {
                (x, y) = (0, y + 1);
            }
            if y == h {
                (y, image) = (0, image + 1);
            }
        }
    }
}

impl Columns for Windows<'_> {
    fn count(&self) -> usize {
        self.images * self.layer.output.plane()
    }

    fn pack(&self, depth: Range<usize>, columns: Range<usize>, width: usize, panel: &mut [f32]) {
        let (taps, pixels) = (&self.layer.taps[depth], self.pixels);
        let stride = self.layer.window.stride;
        let (present, mut starts, mut at) = (columns.len(), [0; COLUMNS], 0);
        self.walk(columns, |image, y, x| {
            starts[at] = image * self.image + y * stride[0] * self.width + x * stride[1];
            at += 1;
        });
        let (Some(&furthest), rows) = (taps.last(), panel.chunks_exact_mut(width)) else { return };
        let (first, last) = (starts[0], starts[present - 1]);
        assert!(furthest as usize + last < pixels.len(), "a window reaches beyond the padded image");
        let apart = last - first;
        // Taps ascend, so the last one bounds every read below.
        let end = furthest as usize + first + 2 * COLUMNS;
        if present == COLUMNS && apart == COLUMNS - 1 {
            for (row, &tap) in rows.zip(taps) {
                unsafe { copy_run(pixels.as_ptr().add(tap as usize + first), row.as_mut_ptr()) };
            }
        } else if present == COLUMNS && stride[1] == 2 && apart == 2 * (COLUMNS - 1) && end <= pixels.len() {
            for (row, &tap) in rows.zip(taps) {
                unsafe { copy_every_second(pixels.as_ptr().add(tap as usize + first), row.as_mut_ptr()) };
            }
        } else {
            for (row, &tap) in rows.zip(taps) {
                for (value, &start) in row.iter_mut().zip(&starts[..present]) {
                    *value = unsafe { *pixels.get_unchecked(tap as usize + start) };
                }
                row[present..].fill(0.0);
            }
        }
    }

    fn offsets(&self, columns: Range<usize>, offsets: &mut [u32]) {
        let output = self.layer.output;
        let mut offsets = offsets.iter_mut();
        self.walk(columns, |image, y, x| {
            if let Some(offset) = offsets.next() {
                *offset = (image * output.image() + y * output.w + x) as u32;
            }
        });
    }

    fn in_place(&self) -> Option<(&[f32], usize)> {
        let plain = self.layer.window == Window { ceil: self.layer.window.ceil, ..Window::point() };
        (plain && self.images == 1).then_some((self.pixels, self.layer.output.plane()))
    }
}

#[inline(always)]
unsafe fn copy_run(from: *const f32, to: *mut f32) {
    unsafe {
        F32x4::load(from).store(to);
        F32x4::load(from.add(LANES)).store(to.add(LANES));
    }
}

#[inline(always)]
unsafe fn copy_every_second(from: *const f32, to: *mut f32) {
    unsafe {
        let [a, b, c, d] = [0, 1, 2, 3].map(|i| F32x4::load(from.add(i * LANES)));
        a.even(b).store(to);
        c.even(d).store(to.add(LANES));
    }
}
