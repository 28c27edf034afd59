//! Convolution by a 3x3 kernel with stride one in fewer multiplications.
//!
//! A tile of 4x4 inputs gives 2x2 outputs with 16 products for each pair of channels instead of 36, one of 6x6 inputs
//! 4x4 outputs with 36 instead of 144. Tiles are transformed, multiplied as `T * T` matrix products over the channels,
//! and transformed back: [`super::winograd_tiles`], with the maps of [`super::winograd_transform`].

use super::blocks::{self, Panels};
use super::conv::Workspace;
use super::epilogue::Epilogue;
use super::padding::pad;
use super::shape::{Padding, Shape, Window};
use super::simd::{F32x4, LANES};
use super::tile::ROWS;
use super::wide;
use super::winograd_transform as transform;

/// Values of transformed inputs and products that are worked on at once.
const BLOCK: usize = 192 * 1024;
const MOST_TILES: usize = 128;
/// With fewer channels, the transforms cost more than the products they save.
const FEWEST_CHANNELS: usize = 16;
/// Tiles of one picture up to which large weights are transformed when they are used: reading the transformed ones,
/// four times as many, would take longer.
const FEW_TILES: usize = 16;
/// Pairs of channels from which on weights are large.
const MANY_PAIRS: usize = 1 << 17;
/// Rows of weights that are transformed at once, to be used while they are in the cache.
const ROWS_AT_ONCE: usize = 2 * ROWS;
/// Values between two matrices: at distances of powers of two they would push each other out of the cache.
pub const APART: usize = 16;

/// The geometry of one such layer at one input size.
#[derive(Clone, Debug)]
pub struct Winograd {
    pub(super) input: Shape,
    pub(super) output: Shape,
    /// Padded up to whole tiles.
    pub(super) padding: Padding,
    /// Inputs along one side of a tile: four or six.
    pub(super) tile: usize,
    /// Tiles down and across one picture.
    pub(super) grid: [usize; 2],
}

impl Winograd {
    /// Inputs along one side of the tile that is fastest for a layer, if any beats the plain product.
    ///
    /// The batch plays no part, so that programs for all batch sizes share their weights. Large tiles need four times
    /// the weights, small ones 1.8 times; on few pixels, reading those takes longer than what they save.
    pub fn tile_for(window: Window, groups: usize, input: Shape, output: Shape) -> Option<usize> {
        let fits = window.kernel == [3, 3] && window.stride == [1, 1] && groups == 1;
        let channels = input.c.min(output.c);
        match output.plane() {
            64.. if fits && channels >= FEWEST_CHANNELS => Some(6),
            12.. if fits && channels >= FEWEST_CHANNELS => Some(4),
            _ => None,
        }
    }

    /// `input` is `[n, c, h, w]`, `output` what a 3x3 window makes of it; `tile` is four or six.
    pub fn new(input: Shape, output: Shape, padding: Padding, tile: usize) -> Self {
        let step = transform::outputs(tile);
        let grid = [output.h.div_ceil(step), output.w.div_ceil(step)];
        let padding = Padding {
            bottom: grid[0] * step + 2 - padding.top - input.h,
            right: grid[1] * step + 2 - padding.left - input.w,
            ..padding
        };
        Self { input, output, padding, tile, grid }
    }

    /// Tiles of all pictures.
    pub(super) fn tiles(&self) -> usize {
        self.output.n * self.grid[0] * self.grid[1]
    }

    /// Whether [`Winograd::run`] takes a weight as it is, `[o, i, 3, 3]`, instead of a packed one.
    pub fn takes_plain_weight(&self) -> bool {
        self.grid[0] * self.grid[1] <= FEW_TILES && self.input.c * self.output.c >= MANY_PAIRS
    }

    /// Transforms and packs a `[o, i, 3, 3]` weight: `tile * tile` matrices of `o` by `i`.
    pub fn pack_weight(weight: &[f32], output_channels: usize, tile: usize) -> Vec<f32> {
        match tile {
            4 => Self::pack_tiles::<4>(weight, output_channels),
            _ => Self::pack_tiles::<6>(weight, output_channels),
        }
    }

    fn pack_tiles<const T: usize>(weight: &[f32], o: usize) -> Vec<f32> {
        let i = weight.len() / 9 / o;
        let len = blocks::packed_len(o, i);
        let mut packed = vec![0.0; T * T * len];
        // The matrices are often a power of two apart, and go there by long runs.
        let mut rows = vec![0.0; Self::rows_len::<T>(i)];
        for first in (0..o).step_by(ROWS_AT_ONCE) {
            let count = Self::transform_rows::<T>(weight, [o, i], first, &mut rows);
            let run = blocks::packed_len(count, i);
            for point in 0..T * T {
                packed[point * len + first * i..][..run]
                    .copy_from_slice(&rows[point * (run + APART)..][..run]);
            }
        }
        packed
    }

    /// Values that [`Winograd::transform_rows`] needs room for.
    fn rows_len<const T: usize>(i: usize) -> usize {
        T * T * (blocks::packed_len(ROWS_AT_ONCE, i) + APART)
    }

    /// Transforms and packs the rows from `first` on of a `[o, i, 3, 3]` weight, at most [`ROWS_AT_ONCE`], with matrices
    /// [`APART`] from each other. Returns the number of rows.
    fn transform_rows<const T: usize>(
        weight: &[f32],
        [o, i]: [usize; 2],
        first: usize,
        packed: &mut [f32],
    ) -> usize {
        let count = ROWS_AT_ONCE.min(o - first);
        let (kernels, _) = weight.as_chunks::<9>();
        let len = blocks::packed_len(count, i) + APART;
        assert!(T * T * len <= packed.len(), "the transformed weights do not fit");
        for row in (0..count).step_by(ROWS) {
            // Rows beyond the last one are like the last one; nobody reads their products.
            let rows: [&[[f32; 9]]; ROWS] =
                std::array::from_fn(|r| &kernels[(first + (row + r).min(count - 1)) * i..][..i]);
            for c in 0..i {
                let [a, b, d, e] = rows.map(|row| &row[c]);
                let value = |k: usize| [a[k], b[k], d[k], e[k]].map(f64::from);
                let columns =
                    [0, 1, 2].map(|k| transform::weights::<T>([value(k), value(3 + k), value(6 + k)]));
                let place = blocks::packed_index(i, row, c);
                for r in 0..T {
                    let line = transform::weights::<T>(columns.map(|column| column[r]));
                    for (k, values) in line.into_iter().enumerate() {
                        let value = F32x4::from_array(values.map(|value| value as f32));
                        // Four rows lie side by side, and the last of them is inside, as checked above.
                        unsafe { value.store(packed.as_mut_ptr().add((r * T + k) * len + place)) };
                    }
                }
            }
        }
        count
    }

    /// Fills `y` with the convolution of `x` and a weight, packed or plain.
    pub fn run(
        &self,
        x: &[f32],
        weight: &[f32],
        y: &mut [f32],
        epilogue: Epilogue,
        workspace: &mut Workspace,
    ) {
        match self.tile {
            4 => self.run_tiles::<4>(x, weight, y, epilogue, workspace),
            _ => self.run_tiles::<6>(x, weight, y, epilogue, workspace),
        }
    }

    fn run_tiles<const T: usize>(
        &self,
        x: &[f32],
        weight: &[f32],
        y: &mut [f32],
        epilogue: Epilogue,
        workspace: &mut Workspace,
    ) {
        let Workspace { padded, panels, tiles, weights, .. } = workspace;
        pad(x, self.input, self.padding, 2 * LANES, padded);
        let (i, o, points) = (self.input.c, self.output.c, T * T);
        let count = self.tiles();
        let columns = blocks::packed_columns();
        let block = (BLOCK / (points * (i + o)) / columns * columns).clamp(2 * columns, MOST_TILES);
        let block = block.min(count.next_multiple_of(wide::lanes()));
        panels.resize(panels.len().max(points * (i * block + APART)), 0.0);
        tiles.resize(tiles.len().max(points * (o * block + APART)), 0.0);
        let packed_len = blocks::packed_len(o, i);
        for first in (0..count).step_by(block) {
            let width = block.min(count - first).next_multiple_of(wide::lanes());
            let (columns, products) = (i * width + APART, o * width + APART);
            self.transform_in::<T>(padded, first, width, panels);
            if self.takes_plain_weight() {
                weights.resize(weights.len().max(Self::rows_len::<T>(i)), 0.0);
                for first in (0..o).step_by(ROWS_AT_ONCE) {
                    let rows = Self::transform_rows::<T>(weight, [o, i], first, weights);
                    let len = blocks::packed_len(rows, i);
                    for point in 0..points {
                        let values = &weights[point * (len + APART)..][..len];
                        let a = Panels { values, rows, depth: i };
                        let columns = &panels[point * columns..][..i * width];
                        let products = &mut tiles[point * products + first * width..][..rows * width];
                        blocks::multiply_packed(a, columns, products, width);
                    }
                }
            }
            for point in (0..points).filter(|_| !self.takes_plain_weight()) {
                let a = Panels { values: &weight[point * packed_len..][..packed_len], rows: o, depth: i };
                let columns = &panels[point * columns..][..i * width];
                blocks::multiply_packed(a, columns, &mut tiles[point * products..][..o * width], width);
            }
            self.transform_out::<T>(tiles, first, width, y, epilogue);
        }
    }
}
