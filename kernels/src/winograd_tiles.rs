//! Pictures to the transformed tiles of a Winograd convolution, and its products to pictures again, as many tiles at a
//! time as a vector has lanes.

use super::epilogue::{Epilogue, activate};
use super::shape::Shape;
use super::simd::{F32x4, LANES};
use super::tile::COLUMNS;
use super::vector::Vector;
use super::wide::{self, MOST_LANES, Work};
use super::winograd::{APART, Winograd};
use super::winograd_transform as transform;

/// The first column of the panel of [`super::blocks::packed_columns`], or of the last four, that column `at` of `width` is in, the
/// columns of that panel, and the place among them.
#[inline(always)]
pub fn panel<V: Vector>(at: usize, width: usize) -> [usize; 3] {
    let columns = V::LANES.max(COLUMNS);
    let first = at / columns * columns;
    [first, columns.min(width - first), at - first]
}

/// `f` of every lane of a vector; there may be more entries, which nobody looks at.
#[inline(always)]
pub fn by_lane<V: Vector, T: Default + Copy>(f: impl Fn(usize) -> T) -> [T; MOST_LANES] {
    std::array::from_fn(|lane| if lane < V::LANES { f(lane) } else { T::default() })
}

/// Tiles of every channel of a padded picture, to be transformed into the columns of packed matrices.
struct TilesIn<'a, const T: usize> {
    layer: &'a Winograd,
    padded: &'a [f32],
    first: usize,
    width: usize,
    panels: &'a mut [f32],
}

impl<const T: usize> Work for TilesIn<'_, T> {
    #[inline(always)]
    fn run<V: Vector>(self) {
        let Self { layer, padded, first, width, panels } = self;
        for at in (0..width).step_by(V::LANES) {
            layer.transform_inputs::<V, T>(padded, first + at, at, width, panels);
        }
    }
}

/// Columns of products, to be transformed into tiles of `y`.
struct TilesOut<'a, const T: usize> {
    layer: &'a Winograd,
    products: &'a [f32],
    first: usize,
    width: usize,
    y: &'a mut [f32],
    epilogue: Epilogue<'a>,
}

impl<const T: usize> Work for TilesOut<'_, T> {
    #[inline(always)]
    fn run<V: Vector>(self) {
        let Self { layer, products, first, width, y, epilogue } = self;
        for at in (0..width).step_by(V::LANES) {
            layer.transform_outputs::<V, T>(products, first + at, at, width, y, epilogue);
        }
    }
}

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
        wide::run(TilesIn::<T> { layer: self, padded, first, width, panels });
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
        wide::run(TilesOut::<T> { layer: self, products, first, width, y, epilogue });
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
        let starts = by_lane::<V, _>(|lane| {
            let [n, down, across] = self.place(tile + lane);
            n * self.input.c * plane + (down * row + across) * step
        });
        let [first, stride, lane] = panel::<V>(at, width);
        let i = self.input.c;
        let matrix = i * width + APART;
        let furthest = starts.iter().max().unwrap_or(&0) + (i - 1) * plane + (T - 1) * row + 2 * LANES;
        assert!(furthest <= padded.len() && T * T * matrix <= panels.len(), "a tile beyond the padded image");
        for c in 0..i {
            // The furthest reads and writes were checked above.
            unsafe {
                let rows: [[V; T]; T] = std::array::from_fn(|r| {
                    let source = padded.as_ptr().add(c * plane + r * row);
                    let near = V::columns(|lane| source.add(starts[lane]));
                    let far =
                        if T > LANES { V::columns(|lane| source.add(starts[lane] + LANES)) } else { near };
                    let value = |k: usize| if k < LANES { near[k] } else { far[k - LANES] };
                    transform::input(std::array::from_fn::<V, T, _>(value))
                });
                let target = panels.as_mut_ptr().add(first * i + c * stride + lane);
                for k in 0..T {
                    let column = rows.map(|row| row[k]);
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
        let places = by_lane::<V, [usize; 3]>(|lane| {
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
                let rows: [[V; LANES]; T] = std::array::from_fn(|r| {
                    let line: [V; T] = std::array::from_fn(|k| V::load(source.add((r * T + k) * matrix)));
                    transform::output(line)
                });
                for k in 0..step {
                    let column = rows.map(|row| row[k]);
                    let column = transform::output(column);
                    tiles.iter_mut().zip(column).for_each(|(row, value)| row[k] = value);
                }
            }
            let bias = V::splat(epilogue.bias(c));
            for (r, mut row) in tiles.into_iter().enumerate().take(step) {
                for value in &mut row {
                    *value = *value + bias;
                    if epilogue.residual.is_none() {
                        *value = activate(epilogue.activation, *value);
                    }
                }
                V::lines(row, |lane, mut values| {
                    let [start, rows, count] = places[lane];
                    if r >= rows {
                        return;
                    }
                    let start = start + (c * h + r) * w;
                    let y = &mut y[start..start + count];
                    if let Some(residual) = epilogue.residual {
                        values = values + F32x4::load_first(&residual[start..start + count]);
                        values = activate(epilogue.activation, values);
                    }
                    unsafe { values.store_first(count, y.as_mut_ptr()) };
                });
            }
        }
    }

    /// Picture, row and column of a tile in the grid; tiles beyond the last one are like the last one.
    pub(super) fn place(&self, tile: usize) -> [usize; 3] {
        let [down, across] = self.grid;
        let tile = tile.min(self.tiles() - 1);
        [tile / (down * across), tile / across % down, tile % across]
    }
}
