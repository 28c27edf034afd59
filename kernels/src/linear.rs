//! A fully connected layer: `y = activation(w x + b)`, `x` of `[n, c]`, `w` of `[o, c]`, unpacked.
//!
//! One picture is a matrix-vector product and waits for memory, so every weight is read once, where it lies.

use super::epilogue::{Epilogue, activate};
use super::gemm::matmul;
use super::simd::{F32x4, LANES};

/// From this batch size on, a matrix product beats one pass over the weights per picture.
const WORTH_A_PRODUCT: usize = 4;

/// Fills `y` of `[n, o]`; the epilogue has no residual.
pub fn linear(x: &[f32], weight: &[f32], y: &mut [f32], batch: usize, epilogue: Epilogue) {
    let (c, o) = (x.len() / batch, y.len() / batch);
    assert!(weight.len() == o * c && epilogue.residual.is_none(), "the weight is not {o} by {c}");
    if batch >= WORTH_A_PRODUCT {
        matmul([batch, c, o], x, [c, 1], weight, [1, c], y, [o, 1], false);
    } else {
        for (x, y) in x.chunks_exact(c).zip(y.chunks_exact_mut(o)) {
            matrix_times_vector(weight, x, y);
        }
    }
    finish(y, o, epilogue);
}

/// Adds bias and activation to the products `y` of `[n, o]`.
pub fn finish(y: &mut [f32], o: usize, epilogue: Epilogue) {
    for y in y.chunks_exact_mut(o) {
        for (i, y) in y.chunks_mut(LANES).enumerate() {
            let mut lanes = [0.0; LANES];
            for (j, (lane, &y)) in lanes.iter_mut().zip(&*y).enumerate() {
                *lane = y + epilogue.bias(i * LANES + j);
            }
            let lanes = activate(epilogue.activation, F32x4::from_array(lanes)).to_array();
            y.copy_from_slice(&lanes[..y.len()]);
        }
    }
}

fn matrix_times_vector(matrix: &[f32], x: &[f32], y: &mut [f32]) {
    let (blocks, rest) = y.as_chunks_mut::<4>();
    let (four, last) = matrix.split_at(blocks.len() * 4 * x.len());
    for (y, rows) in blocks.iter_mut().zip(four.chunks_exact(4 * x.len())) {
        *y = dot::<4>(rows, x);
    }
    for (y, row) in rest.iter_mut().zip(last.chunks_exact(x.len())) {
        [*y] = dot::<1>(row, x);
    }
}

/// The inner products of `x` and `ROWS` rows that follow each other.
fn dot<const ROWS: usize>(rows: &[f32], x: &[f32]) -> [f32; ROWS] {
    assert_eq!(rows.len(), ROWS * x.len());
    let mut sums = [F32x4::zero(); ROWS];
    let (vectors, rest) = x.as_chunks::<LANES>();
    for (i, &x) in vectors.iter().enumerate() {
        let x_vector = F32x4::from_array(x);
        for (r, sum) in sums.iter_mut().enumerate() {
            // Row `r` has as many values as `x`, of which at least `LANES` are left.
            let row = unsafe {
                F32x4::load(rows.as_ptr().add(r * (vectors.len() * LANES + rest.len()) + i * LANES))
            };
            *sum = row.multiply_add(x_vector, *sum);
        }
    }
    let done = vectors.len() * LANES;
    std::array::from_fn(|r| {
        let tail = rows[r * x.len() + done..(r + 1) * x.len()].iter().zip(rest);
        sums[r].sum() + tail.map(|(w, x)| w * x).sum::<f32>()
    })
}
