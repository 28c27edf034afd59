//! Pooling: first down the columns of a window, then along its rows, a vector at a time.

use super::shape::{Shape, Window, bin};
use super::simd::{F32x4, LANES};

/// What becomes of the values of one window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pooling {
    /// The largest; padding never wins.
    Max,
    /// The mean; padding counts as zeros, what a ceil-mode window sees beyond it does not count.
    Average,
}

impl Pooling {
    /// What does not change a window it is added to.
    fn nothing(self) -> f32 {
        match self {
            Self::Max => f32::NEG_INFINITY,
            Self::Average => 0.0,
        }
    }

    #[inline(always)]
    fn join(self, a: F32x4, b: F32x4) -> F32x4 {
        match self {
            Self::Max => a.max(b),
            Self::Average => a + b,
        }
    }
}

/// Fills `y` of shape `output` with the windows of `x`; `line` is room for one padded row.
pub fn pool(
    pooling: Pooling,
    (x, input): (&[f32], Shape),
    window: Window,
    (y, output): (&mut [f32], Shape),
    line: &mut Vec<f32>,
) {
    let Window { kernel, stride, padding, .. } = window;
    // Windows of the ceil mode may start anywhere in the image and reach beyond its padding.
    let reach = (output.w.next_multiple_of(LANES) - 1) * stride[1] + kernel[1] + 2 * LANES;
    let width = reach.max(padding.left + input.w);
    line.resize(line.len().max(width), 0.0);
    let line = &mut line[..width];
    line.fill(pooling.nothing());
    let padded = [padding.top + input.h + padding.bottom, padding.left + input.w + padding.right];
    let count =
        |axis: usize, at: usize| kernel[axis].min(padded[axis] - (at * stride[axis]).min(padded[axis]));
    let planes = x.chunks_exact(input.plane()).zip(y.chunks_exact_mut(output.plane()));
    for (x, y) in planes.take(input.n * input.c) {
        for (row, y) in y.chunks_exact_mut(output.w).enumerate() {
            let rows = window.rows(row, input.h);
            join_rows(
                pooling,
                &x[rows.start * input.w..rows.end * input.w],
                &mut line[padding.left..][..input.w],
            );
            for (at, y) in y.chunks_mut(LANES).enumerate() {
                let line = &line[at * LANES * stride[1]..];
                let sums = join_columns(pooling, line, kernel[1], stride[1]);
                unsafe { sums.store_first(y.len(), y.as_mut_ptr()) };
            }
            if pooling == Pooling::Average {
                let down = count(0, row);
                y.iter_mut().enumerate().for_each(|(at, y)| *y /= (down * count(1, at)) as f32);
            }
        }
    }
}

/// Joins whole rows, of `line`'s length, into `line`.
fn join_rows(pooling: Pooling, rows: &[f32], line: &mut [f32]) {
    let mut rows = rows.chunks_exact(line.len());
    match rows.next() {
        Some(first) => line.copy_from_slice(first),
        None => line.fill(pooling.nothing()),
    }
    for row in rows {
        let ((vectors, rest), (row, row_rest)) = (line.as_chunks_mut::<LANES>(), row.as_chunks::<LANES>());
        for (a, &b) in vectors.iter_mut().zip(row) {
            *a = pooling.join(F32x4::from_array(*a), F32x4::from_array(b)).to_array();
        }
        for (a, &b) in rest.iter_mut().zip(row_rest) {
            *a = pooling.join(F32x4::splat(*a), F32x4::splat(b)).to_array()[0];
        }
    }
}

/// Four neighbouring windows, `stride` apart, of a padded row.
#[inline(always)]
fn join_columns(pooling: Pooling, line: &[f32], kernel: usize, stride: usize) -> F32x4 {
    assert!(line.len() >= 3 * stride + kernel + LANES, "a window reads beyond the padded row");
    let at = |k: usize| unsafe {
        // With stride 2 the last value read is `k + 7`, less than `3 * stride + kernel + LANES`.
        let start = line.as_ptr().add(k);
        match stride {
            1 => F32x4::load(start),
            2 => F32x4::load(start).even(F32x4::load(start.add(LANES))),
            _ => F32x4::from_array([0, 1, 2, 3].map(|i| line[k + i * stride])),
        }
    };
    (1..kernel).fold(at(0), |sums, k| pooling.join(sums, at(k)))
}

/// Hands the gradient of every window to its largest value, the first of equal ones.
pub fn max_gradient(
    (x, input): (&[f32], Shape),
    window: Window,
    (dy, output): (&[f32], Shape),
    dx: &mut [f32],
) {
    dx.fill(0.0);
    let planes = x.chunks_exact(input.plane()).zip(dx.chunks_exact_mut(input.plane()));
    for ((x, dx), dy) in planes.zip(dy.chunks_exact(output.plane())) {
        for (row, dy) in dy.chunks_exact(output.w).enumerate() {
            let rows = window.rows(row, input.h);
            for (column, &dy) in dy.iter().enumerate() {
                let columns = window.columns(column, input.w);
                let mut best = rows.start * input.w + columns.start;
                for row in rows.clone() {
                    for at in row * input.w + columns.start..row * input.w + columns.end {
                        best = if x[at] > x[best] { at } else { best };
                    }
                }
                dx[best] += dy;
            }
        }
    }
}

/// Hands equal parts of the gradient of every window to all that it saw.
pub fn average_gradient(input: Shape, window: Window, (dy, output): (&[f32], Shape), dx: &mut [f32]) {
    dx.fill(0.0);
    let Window { kernel, stride, padding, .. } = window;
    let padded = [padding.top + input.h + padding.bottom, padding.left + input.w + padding.right];
    let count = |axis: usize, at: usize| kernel[axis].min(padded[axis] - at * stride[axis]);
    for (dx, dy) in dx.chunks_exact_mut(input.plane()).zip(dy.chunks_exact(output.plane())) {
        for (row, dy) in dy.chunks_exact(output.w).enumerate() {
            for (column, &dy) in dy.iter().enumerate() {
                let part = dy / (count(0, row) * count(1, column)) as f32;
                let columns = window.columns(column, input.w);
                for row in window.rows(row, input.h) {
                    dx[row * input.w..][columns.clone()].iter_mut().for_each(|dx| *dx += part);
                }
            }
        }
    }
}

/// The mean of every bin of every plane; `y` has `bins` of them for each.
pub fn adaptive_average(x: &[f32], input: Shape, bins: [usize; 2], y: &mut [f32]) {
    let [h, w] = bins;
    for (x, y) in x.chunks_exact(input.plane()).zip(y.chunks_exact_mut(h * w)) {
        for (oh, y) in y.chunks_exact_mut(w).enumerate() {
            let rows = bin(oh, h, input.h);
            for (ow, y) in y.iter_mut().enumerate() {
                let columns = bin(ow, w, input.w);
                let row = |ih: usize| x[ih * input.w..][columns.clone()].iter().sum::<f32>();
                *y = rows.clone().map(row).sum::<f32>() / (rows.len() * columns.len()) as f32;
            }
        }
    }
}

/// The mean of every plane of `plane` values.
pub fn global_average(x: &[f32], plane: usize, y: &mut [f32]) {
    for (y, x) in y.iter_mut().zip(x.chunks_exact(plane)) {
        let (vectors, rest) = x.as_chunks::<LANES>();
        let sums = vectors.iter().fold(F32x4::zero(), |sums, &v| sums + F32x4::from_array(v));
        *y = (sums.sum() + rest.iter().sum::<f32>()) / plane as f32;
    }
}
