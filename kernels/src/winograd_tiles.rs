//! Pictures to the transformed tiles of a Winograd convolution, and its products to pictures again, as many tiles at a
//! time as a vector has lanes.

use super::epilogue::{Epilogue, activate};
use super::shape::Shape;
use super::simd::{F32x4, LANES};
use super::tile::COLUMNS;
use super::vector::Vector;
use super::wide::MOST_LANES;
#[cfg(target_arch = "x86_64")]
use super::wide::{self, F32x8};
use super::winograd::{APART, Winograd};
use super::winograd_transform as transform;

impl Winograd {
    /// Transforms all tiles of a block of `width` columns of which `first` is the first.
    #[inline(never)]
    pub fn transform_in<const T: usize>(
        &self,
        padded: &[f32],
        first: usize,
        width: usize,
        panels: &mut [f32],
    ) {
        #[cfg(target_arch = "x86_64")]
        if wide::present() {
            // This processor has what the function needs, as just asked.
            return unsafe { self.transform_in_wide::<T>(padded, first, width, panels) };
        }
        for at in (0..width).step_by(LANES) {
            self.transform_inputs::<F32x4, T>(padded, first + at, at, width, panels);
        }
    }

    #[inline(never)]
    pub fn transform_out<const T: usize>(
        &self,
        products: &[f32],
        first: usize,
        width: usize,
        y: &mut [f32],
        epilogue: Epilogue,
    ) {
        #[cfg(target_arch = "x86_64")]
        if wide::present() {
            // This processor has what the function needs, as just asked.
            return unsafe { self.transform_out_wide::<T>(products, first, width, y, epilogue) };
        }
        for at in (0..width).step_by(LANES) {
            self.transform_outputs::<F32x4, T>(products, first + at, at, width, y, epilogue);
        }
    }

    #[cfg(target_arch = "x86_64")]
    #[target_feature(enable = "avx2,fma")]
    #[inline(never)]
    fn transform_in_wide<const T: usize>(
        &self,
        padded: &[f32],
        first: usize,
        width: usize,
        panels: &mut [f32],
    ) {
        for at in (0..width).step_by(F32x8::LANES) {
            self.transform_inputs::<F32x8, T>(padded, first + at, at, width, panels);
        }
    }

    #[cfg(target_arch = "x86_64")]
    #[target_feature(enable = "avx2,fma")]
    #[inline(never)]
    fn transform_out_wide<const T: usize>(
        &self,
        products: &[f32],
        first: usize,
        width: usize,
        y: &mut [f32],
        epilogue: Epilogue,
    ) {
        for at in (0..width).step_by(F32x8::LANES) {
            self.transform_outputs::<F32x8, T>(products, first + at, at, width, y, epilogue);
        }
    }

    /// Transforms as many tiles of every channel as there are lanes, the first of which is `tile`, into the columns
    /// from `at` on of `T * T` packed matrices of `i` rows and `width` columns, [`APART`] from each other.
    #[inline(always)]
    fn transform_inputs<V: Vector, const T: usize>(
        &self,
        padded: &[f32],
        tile: usize,
        at: usize,
        width: usize,
        panels: &mut [f32],
    ) {
        let step = transform::outputs(T);
        let [row, plane] = [self.grid[1] * step + 2, self.grid[0] * step + 2];
        let plane = row * plane;
        let starts: [usize; MOST_LANES] = std::array::from_fn(|lane| {
            let [n, down, across] = self.place(tile + lane);
            n * self.input.c * plane + (down * row + across) * step
        });
        // The panel of eight columns, or of the last four, and the place of these columns in it.
        let first = at / COLUMNS * COLUMNS;
        let (stride, lane) = (COLUMNS.min(width - first), at - first);
        let i = self.input.c;
        let matrix = i * width + APART;
        let furthest = starts.iter().max().unwrap_or(&0) + (i - 1) * plane + (T - 1) * row + 2 * LANES;
        assert!(furthest <= padded.len() && T * T * matrix <= panels.len(), "a tile beyond the padded image");
        for c in 0..i {
            // The furthest reads and writes were checked above.
            unsafe {
                let mut rows = [[V::splat(0.0); T]; T];
                for (r, line) in rows.iter_mut().enumerate() {
                    let source = padded.as_ptr().add(c * plane + r * row);
                    line[..LANES].copy_from_slice(&V::columns(|lane| source.add(starts[lane])));
                    if T > LANES {
                        let far = V::columns(|lane| source.add(starts[lane] + LANES));
                        line[LANES..].copy_from_slice(&far[..T - LANES]);
                    }
                    *line = transform::input(*line);
                }
                let target = panels.as_mut_ptr().add(first * i + c * stride + lane);
                for k in 0..T {
                    let mut column = [V::splat(0.0); T];
                    column.iter_mut().zip(&rows).for_each(|(value, row)| *value = row[k]);
                    for (r, value) in transform::input(column).into_iter().enumerate() {
                        value.store(target.add((r * T + k) * matrix));
                    }
                }
            }
        }
    }

    /// Transforms the columns from `at` on of the products back into as many tiles of every channel of `y` as there
    /// are lanes.
    #[inline(always)]
    fn transform_outputs<V: Vector, const T: usize>(
        &self,
        products: &[f32],
        tile: usize,
        at: usize,
        width: usize,
        y: &mut [f32],
        epilogue: Epilogue,
    ) {
        let step = transform::outputs(T);
        let Shape { c: o, h, w, .. } = self.output;
        // Where each tile's outputs start in the first channel, and how many rows and columns of them there are.
        let places: [[usize; 3]; MOST_LANES] = std::array::from_fn(|lane| {
            let [n, down, across] = self.place(tile + lane);
            let (top, left) = (down * step, across * step);
            [(n * o * h + top) * w + left, step.min(h - top), step.min(w - left)]
        });
        let matrix = o * width + APART;
        assert!(T * T * matrix <= products.len(), "the products are too short");
        for c in 0..o {
            let mut tiles = [[V::splat(0.0); LANES]; LANES];
            // Reads stay inside the products, as just checked.
            unsafe {
                let source = products.as_ptr().add(c * width + at);
                let mut rows = [[V::splat(0.0); LANES]; T];
                for (r, row) in rows.iter_mut().enumerate() {
                    let mut line = [V::splat(0.0); T];
                    for (k, value) in line.iter_mut().enumerate() {
                        *value = V::load(source.add((r * T + k) * matrix));
                    }
                    *row = transform::output(line);
                }
                for k in 0..step {
                    let mut column = [V::splat(0.0); T];
                    column.iter_mut().zip(&rows).for_each(|(value, row)| *value = row[k]);
                    let column = transform::output(column);
                    tiles.iter_mut().zip(column).for_each(|(row, value)| row[k] = value);
                }
            }
            let bias = F32x4::splat(epilogue.bias(c));
            for (r, row) in tiles.into_iter().enumerate().take(step) {
                V::lines(row, |lane, values| {
                    let [start, rows, count] = places[lane];
                    if r >= rows {
                        return;
                    }
                    let start = start + (c * h + r) * w;
                    let y = &mut y[start..start + count];
                    let mut values = values + bias;
                    if let Some(residual) = epilogue.residual {
                        values = values + F32x4::load_first(&residual[start..start + count]);
                    }
                    unsafe { activate(epilogue.activation, values).store_first(count, y.as_mut_ptr()) };
                });
            }
        }
    }

    /// Picture, row and column of a tile in the grid; tiles beyond the last one are like the last one.
    fn place(&self, tile: usize) -> [usize; 3] {
        let [down, across] = self.grid;
        let tile = tile.min(self.output.n * down * across - 1);
        [tile / (down * across), tile / across % down, tile % across]
    }
}
