//! The gradient of the weight of a 3x3 convolution with stride one in fewer multiplications.
//!
//! [`super::winograd`] computes a tile as `y = A' ((G w G') . (B' x B)) A`, the dot being a product value by value. The
//! weight's gradient is that of a product: `dw = G' S G`, with `S` the sum of `(A dy A') . (B' x B)` over all tiles. For
//! every point of a tile, the sum is a matrix product of the channels of `dy` and of `x`. Lavin and Gray 2015.

use super::blocks;
use super::conv::Workspace;
use super::padding::pad;
use super::shape::{Padding, Shape, Window};
use super::simd::{F32x4, LANES};
use super::tile::COLUMNS;
use super::vector::Vector;
use super::wide::{self, Work};
use super::winograd::{APART, Winograd};
use super::winograd_tiles::{by_lane, panel};
use super::winograd_transform as transform;

/// Values of transformed tiles that are worked on at once.
const BLOCK: usize = 512 * 1024;
const MOST_TILES: usize = 256;
/// With fewer tiles, the maps of the sums cost more than the products they save.
const FEWEST_TILES: usize = 32;
/// Pairs of channels whose sums lie close enough to a core.
const MOST_PAIRS: usize = 1 << 16;
/// Channels of `dy` and of `x` whose products are summed together: twelve sums, three vectors of `x` and one of `dy` fill
/// sixteen registers.
const ROWS: usize = LANES;
const CHANNELS: usize = 3;

/// Such a convolution whose weight's gradient is wanted.
pub struct WinogradGradient {
    layer: Winograd,
}

impl WinogradGradient {
    /// None where [`super::taps`] is as quick.
    pub fn new(input: Shape, output: Shape, window: Window, groups: usize) -> Option<Self> {
        let tile = Winograd::tile_for(window, groups, input, output)?;
        let layer = Winograd::new(input, output, window.padding, tile);
        let worth_while = layer.tiles() >= FEWEST_TILES && input.c * output.c <= MOST_PAIRS;
        worth_while.then_some(Self { layer })
    }

    /// Fills `dw` from the convolution's input and `dy`.
    pub fn weight_gradient(&self, x: &[f32], dy: &[f32], dw: &mut [f32], workspace: &mut Workspace) {
        match self.layer.tile {
            4 => self.sum_tiles::<4>(x, dy, dw, workspace),
            _ => self.sum_tiles::<6>(x, dy, dw, workspace),
        }
    }

    fn sum_tiles<const T: usize>(&self, x: &[f32], dy: &[f32], dw: &mut [f32], workspace: &mut Workspace) {
        let Workspace { padded, panels, tiles, weights: sums, gradients, .. } = workspace;
        let (Winograd { input, output, padding, grid, .. }, points) = (&self.layer, T * T);
        pad(x, *input, *padding, 2 * LANES, padded);
        let [height, width] = grid.map(|tiles| tiles * transform::outputs(T));
        let beyond = Padding { bottom: height - output.h, right: width - output.w, ..Padding::default() };
        // Whole large tiles are read where they are.
        let dy = if beyond == Padding::default() && T > LANES {
            dy
        } else {
            pad(dy, *output, beyond, LANES, gradients);
            gradients
        };
        sums.clear();
        sums.resize(points * input.c * self.rows(), 0.0);
        let columns = blocks::packed_columns();
        let block = (BLOCK / (points * (input.c + output.c)) / columns * columns).clamp(columns, MOST_TILES);
        let count = self.layer.tiles();
        for first in (0..count).step_by(block) {
            let width = block.min(count - first).next_multiple_of(wide::lanes());
            panels.resize(panels.len().max(points * (input.c * width + APART)), 0.0);
            tiles.resize(tiles.len().max(points * (output.c * width + APART)), 0.0);
            self.layer.transform_in::<T>(padded, first, width, panels);
            wide::run(Block::<T> { gradient: self, dy, first, width, x: panels, tiles, sums });
        }
        self.transform_sums::<T>(sums, dw);
    }

    /// Transforms as many tiles of every channel of `dy` as there are lanes, the first of which is `tile`, as
    /// [`Winograd::transform_in`] does those of `x`. Tiles beyond the last one are zero.
    #[inline(always)]
    fn transform_gradients<V: Vector, const T: usize>(
        &self,
        dy: &[f32],
        tile: usize,
        at: usize,
        width: usize,
        tiles: &mut [f32],
    ) {
        let (step, o, grid) = (transform::outputs(T), self.layer.output.c, self.layer.grid);
        let row = grid[1] * step;
        let plane = grid[0] * step * row;
        let starts = by_lane::<V, _>(|lane| {
            let [n, down, across] = self.layer.place(tile + lane);
            n * o * plane + (down * row + across) * step
        });
        let there = by_lane::<V, _>(|lane| if tile + lane < self.layer.tiles() { 1.0f32 } else { 0.0 });
        let [first, stride, lane] = panel::<V>(at, width);
        let matrix = o * width + APART;
        let furthest = starts.iter().max().unwrap_or(&0) + (o - 1) * plane + (step - 1) * row + LANES;
        assert!(furthest <= dy.len() && T * T * matrix <= tiles.len(), "a tile beyond the gradients");
        for c in 0..o {
            // The furthest reads and writes were checked above.
            unsafe {
                let there = V::load(there.as_ptr());
                let lines: [[V; T]; LANES] = std::array::from_fn(|r| {
                    if r >= step {
                        // Nobody looks at it.
                        return [there; T];
                    }
                    let source = dy.as_ptr().add(c * plane + r * row);
                    let [a, b, c, d] = V::columns(|lane| source.add(starts[lane]));
                    transform::output_gradient([a * there, b * there, c * there, d * there])
                });
                let target = tiles.as_mut_ptr().add(first * o + c * stride + lane);
                for k in 0..T {
                    let [a, b, c, d] = &lines;
                    let column: [V; T] = transform::output_gradient([a[k], b[k], c[k], d[k]]);
                    for (r, value) in column.into_iter().enumerate() {
                        value.store(target.add((r * T + k) * matrix));
                    }
                }
            }
        }
    }

    /// The inner products over all tiles of four channels of `dy` with three of `x`, from `row` and `channel` on.
    #[inline(always)]
    fn products<V: Vector>(
        [x, dy]: [&[f32]; 2],
        [i, o]: [usize; 2],
        [channel, row]: [usize; 2],
        width: usize,
    ) -> [F32x4; CHANNELS] {
        let channels = [0, 1, 2].map(|c| (channel + c).min(i - 1));
        let rows = [0, 1, 2, 3].map(|r| (row + r).min(o - 1));
        assert!(x.len() == i * width && dy.len() == o * width, "tiles of another width");
        let mut sums = [[V::splat(0.0); ROWS]; CHANNELS];
        for first in (0..width).step_by(V::LANES.max(COLUMNS)) {
            let columns = if V::LANES < COLUMNS { COLUMNS.min(width - first) } else { V::LANES };
            for lane in (0..columns).step_by(V::LANES) {
                // Panels of all channels follow each other up to the width.
                let x = channels.map(|c| unsafe { V::load(x.as_ptr().add(first * i + c * columns + lane)) });
                for (r, &row) in rows.iter().enumerate() {
                    let dy = unsafe { V::load(dy.as_ptr().add(first * o + row * columns + lane)) };
                    for (sums, x) in sums.iter_mut().zip(x) {
                        sums[r] = dy.multiply_add(x, sums[r]);
                    }
                }
            }
        }
        let [a, b, c] = sums;
        [V::sums(a), V::sums(b), V::sums(c)]
    }

    /// The sums of every point, `[points][i][o]`, to kernels, `[o][i][3][3]`.
    fn transform_sums<const T: usize>(&self, sums: &[f32], dw: &mut [f32]) {
        let (i, rows) = (self.layer.input.c, self.rows());
        for (row, dw) in dw.chunks_mut(ROWS * i * 9).enumerate() {
            for c in 0..i {
                let sum = |point: usize| F32x4::load_first(&sums[(point * i + c) * rows + row * ROWS..]);
                let lines: [[F32x4; T]; 3] = transposed(std::array::from_fn(|k| {
                    transform::weight_gradient(std::array::from_fn::<_, T, _>(|r| sum(r * T + k)))
                }));
                let values = lines.map(|line| transform::weight_gradient(line).map(F32x4::to_array));
                for (lane, dw) in dw.chunks_exact_mut(i * 9).enumerate() {
                    let values = values.as_flattened().iter().map(|values| values[lane]);
                    dw[c * 9..][..9].iter_mut().zip(values).for_each(|(dw, value)| *dw = value);
                }
            }
        }
    }

    /// Channels of `dy` in a row of the sums.
    fn rows(&self) -> usize {
        self.layer.output.c.next_multiple_of(ROWS)
    }
}

/// Tiles of `dy` from `first` on, to be transformed and multiplied with those of `x`, which are already.
struct Block<'a, const T: usize> {
    gradient: &'a WinogradGradient,
    dy: &'a [f32],
    first: usize,
    width: usize,
    x: &'a [f32],
    tiles: &'a mut [f32],
    sums: &'a mut [f32],
}

impl<const T: usize> Work for Block<'_, T> {
    /// Adds the products to the sums.
    #[inline(always)]
    fn run<V: Vector>(self) {
        let Self { gradient, dy, first, width, x, tiles, sums } = self;
        for at in (0..width).step_by(V::LANES) {
            gradient.transform_gradients::<V, T>(dy, first + at, at, width, tiles);
        }
        let (i, o, rows) = (gradient.layer.input.c, gradient.layer.output.c, gradient.rows());
        for (point, sums) in sums.chunks_exact_mut(i * rows).enumerate() {
            let x = &x[point * (i * width + APART)..][..i * width];
            let dy = &tiles[point * (o * width + APART)..][..o * width];
            for row in (0..o).step_by(ROWS) {
                for channel in (0..i).step_by(CHANNELS) {
                    let products = WinogradGradient::products::<V>([x, dy], [i, o], [channel, row], width);
                    for (c, products) in (channel..i).zip(products) {
                        let sums = &mut sums[c * rows + row..][..ROWS];
                        sums.copy_from_slice(&(F32x4::load_first(sums) + products).to_array());
                    }
                }
            }
        }
    }
}

/// Rows as columns.
#[inline(always)]
fn transposed<const T: usize>(columns: [[F32x4; 3]; T]) -> [[F32x4; T]; 3] {
    std::array::from_fn(|r| std::array::from_fn(|k| columns[k][r]))
}
