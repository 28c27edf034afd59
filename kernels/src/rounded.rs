//! A fully connected layer whose weights are kept as 16-bit integers, with a scale for every row.
//!
//! VGG-16 has 471 MiB of such weights, and one picture's product waits for memory: half the bytes are half the time and
//! half the tab. A value is off by a 65,000th of the largest of its row at most, which is several times better than half
//! precision. Packed weights are vectors of 32-bit words like all others here: the scales, then two integers a word.

use super::epilogue::Epilogue;
use super::gemm::matmul;
use super::linear::finish;
use super::simd::{F32x4, LANES};

/// Values of a weight from which on its layer is worth it.
pub const WORTH_ROUNDING: usize = 2 << 20;

/// From this batch size on, restoring rows and a matrix product beat one pass over the weights per picture.
const WORTH_A_PRODUCT: usize = 4;
/// Restored values at once: they stay in a second-level cache.
const BLOCK: usize = 64 * 1024;

/// Packs a `[rows, columns]` weight.
pub fn pack(weight: &[f32], rows: usize) -> Vec<f32> {
    let columns = weight.len() / rows;
    let mut packed = vec![0.0; rows + weight.len().div_ceil(2)];
    let (scales, words) = packed.split_at_mut(rows);
    let words: &mut [i16] = bytemuck::cast_slice_mut(words);
    for ((row, words), scale) in weight.chunks_exact(columns).zip(words.chunks_exact_mut(columns)).zip(scales)
    {
        let largest = row.iter().fold(0.0f32, |largest, value| largest.max(value.abs()));
        *scale = largest / f32::from(i16::MAX);
        let steps = if largest > 0.0 { f32::from(i16::MAX) / largest } else { 0.0 };
        for (word, value) in words.iter_mut().zip(row) {
            *word = (value * steps).round() as i16;
        }
    }
    packed
}

/// Fills `y` of `[n, o]` from `x` of `[n, c]` and a packed weight; the epilogue has no residual.
pub fn linear(
    x: &[f32],
    packed: &[f32],
    y: &mut [f32],
    batch: usize,
    epilogue: Epilogue,
    restored: &mut Vec<f32>,
) {
    let (c, o) = (x.len() / batch, y.len() / batch);
    assert!(packed.len() == o + (o * c).div_ceil(2), "the packed weight is not {o} by {c}");
    let (scales, words) = packed.split_at(o);
    let words: &[i16] = &bytemuck::cast_slice(words)[..o * c];
    if batch >= WORTH_A_PRODUCT {
        let rows = (BLOCK / c).clamp(1, o);
        restored.resize(restored.len().max(rows * c), 0.0);
        for (block, words) in words.chunks(rows * c).enumerate() {
            let count = words.len() / c;
            let scales = &scales[block * rows..][..count];
            for ((row, words), &scale) in restored.chunks_exact_mut(c).zip(words.chunks_exact(c)).zip(scales)
            {
                row.iter_mut().zip(words).for_each(|(value, &word)| *value = f32::from(word) * scale);
            }
            let weight = &restored[..count * c];
            matmul([batch, c, count], x, [c, 1], weight, [1, c], &mut y[block * rows..], [o, 1], false);
        }
    } else {
        for (x, y) in x.chunks_exact(c).zip(y.chunks_exact_mut(o)) {
            let (blocks, rest) = y.as_chunks_mut::<4>();
            let (four, last) = words.split_at(blocks.len() * 4 * c);
            for (y, rows) in blocks.iter_mut().zip(four.chunks_exact(4 * c)) {
                *y = dot::<4>(rows, x);
            }
            for (y, row) in rest.iter_mut().zip(last.chunks_exact(c)) {
                [*y] = dot::<1>(row, x);
            }
            y.iter_mut().zip(scales).for_each(|(y, scale)| *y *= scale);
        }
    }
    finish(y, o, epilogue);
}

/// The inner products of `x` and `ROWS` rows of integers that follow each other.
fn dot<const ROWS: usize>(rows: &[i16], x: &[f32]) -> [f32; ROWS] {
    assert_eq!(rows.len(), ROWS * x.len());
    let mut sums = [F32x4::zero(); ROWS];
    let (vectors, rest) = x.as_chunks::<LANES>();
    for (i, &lanes) in vectors.iter().enumerate() {
        let x_vector = F32x4::from_array(lanes);
        for (r, sum) in sums.iter_mut().enumerate() {
            // Row `r` has as many values as `x`, of which at least `LANES` are left.
            let row = unsafe { F32x4::load_words(rows.as_ptr().add(r * x.len() + i * LANES)) };
            *sum = row.multiply_add(x_vector, *sum);
        }
    }
    let done = vectors.len() * LANES;
    std::array::from_fn(|r| {
        let tail = rows[r * x.len() + done..(r + 1) * x.len()].iter().zip(rest);
        sums[r].sum() + tail.map(|(&word, x)| f32::from(word) * x).sum::<f32>()
    })
}
