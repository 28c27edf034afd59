//! Batch norm in training and its gradients, a channel at a time.
//!
//! Sums run over vectors within a plane and in f64 from plane to plane, so that a large batch loses no digits.

use super::cores::map;
use super::shape::Shape;
use super::simd::{F32x4, LANES};

/// Values of every channel: where its planes are, in all pictures.
fn planes(shape: Shape, c: usize) -> impl Iterator<Item = std::ops::Range<usize>> {
    (0..shape.n).map(move |n| (n * shape.c + c) * shape.plane()..(n * shape.c + c + 1) * shape.plane())
}

/// Vectors that are summed up side by side, because each addition waits for the one before it.
const SIDE_BY_SIDE: usize = 4;

/// The sum of `f` over two slices of equal length.
#[inline(always)]
fn sum(a: &[f32], b: &[f32], f: impl Fn(F32x4, F32x4) -> F32x4) -> f64 {
    let ((a, a_rest), (b, b_rest)) = (a.as_chunks::<LANES>(), b.as_chunks::<LANES>());
    let ((a, a_few), (b, b_few)) = (a.as_chunks::<SIDE_BY_SIDE>(), b.as_chunks::<SIDE_BY_SIDE>());
    let value = |(&a, &b): (&[f32; LANES], &[f32; LANES])| f(F32x4::from_array(a), F32x4::from_array(b));
    let mut sums = [F32x4::zero(); SIDE_BY_SIDE];
    for (a, b) in a.iter().zip(b) {
        for (sum, pair) in sums.iter_mut().zip(a.iter().zip(b)) {
            *sum = *sum + value(pair);
        }
    }
    for (sum, pair) in sums.iter_mut().zip(a_few.iter().zip(b_few)) {
        *sum = *sum + value(pair);
    }
    let rest = a_rest.iter().zip(b_rest).map(|(&a, &b)| f(F32x4::splat(a), F32x4::splat(b)).to_array()[0]);
    let [a, b, c, d] = sums;
    f64::from(((a + b) + (c + d)).sum() + rest.sum::<f32>())
}

/// The sum of every channel.
pub fn channel_sums(x: &[f32], shape: Shape, sums: &mut [f32]) {
    let of_channel =
        |c| planes(shape, c).map(|plane| sum(&x[plane.clone()], &x[plane], |a, _| a)).sum::<f64>();
    sums.iter_mut().zip(map(shape.c, of_channel)).for_each(|(sum, total)| *sum = total as f32);
}

/// Means, and then biased variances, of all channels.
pub fn moments(x: &[f32], shape: Shape, moments: &mut [f32]) {
    let count = (shape.n * shape.plane()) as f64;
    let (means, variances) = moments.split_at_mut(shape.c);
    let of_channel = |c| {
        let total: f64 = planes(shape, c).map(|plane| sum(&x[plane.clone()], &x[plane], |a, _| a)).sum();
        let mean = (total / count) as f32;
        let middle = F32x4::splat(mean);
        let squares = planes(shape, c)
            .map(|plane| sum(&x[plane.clone()], &x[plane], |a, _| (a - middle) * (a - middle)));
        (mean, (squares.sum::<f64>() / count) as f32)
    };
    let moments = means.iter_mut().zip(variances).zip(map(shape.c, of_channel));
    moments.for_each(|((mean, variance), found)| (*mean, *variance) = found);
}

/// `y = (x - mean) / sqrt(variance + epsilon) * weight + bias`.
pub fn normalise(
    x: &[f32],
    shape: Shape,
    [weight, bias, mean, variance]: [&[f32]; 4],
    epsilon: f32,
    y: &mut [f32],
) {
    for c in 0..shape.c {
        let (factor, mean, bias) = (weight[c] / (variance[c] + epsilon).sqrt(), mean[c], bias[c]);
        for plane in planes(shape, c) {
            let values = y[plane.clone()].iter_mut().zip(&x[plane]);
            values.for_each(|(y, &x)| *y = (x - mean) * factor + bias);
        }
    }
}

/// `dw = sum of dy (x - mean) / sqrt(variance + epsilon)`.
pub fn weight_gradient(
    x: &[f32],
    dy: &[f32],
    shape: Shape,
    [mean, variance]: [&[f32]; 2],
    epsilon: f32,
    dw: &mut [f32],
) {
    let of_channel = |c| {
        let middle = F32x4::splat(mean[c]);
        let products =
            planes(shape, c).map(|plane| sum(&x[plane.clone()], &dy[plane], |x, dy| dy * (x - middle)));
        (products.sum::<f64>() / f64::from(variance[c] + epsilon).sqrt()) as f32
    };
    dw.copy_from_slice(&map(shape.c, of_channel));
}

/// `dx = dy weight / sqrt(variance + epsilon)`.
pub fn frozen_gradient(
    dy: &[f32],
    shape: Shape,
    [weight, variance]: [&[f32]; 2],
    epsilon: f32,
    dx: &mut [f32],
) {
    for c in 0..shape.c {
        let factor = weight[c] / (variance[c] + epsilon).sqrt();
        for plane in planes(shape, c) {
            dx[plane.clone()].iter_mut().zip(&dy[plane]).for_each(|(dx, dy)| *dx = dy * factor);
        }
    }
}

/// `dx = weight / s (dy - (db + z dw) / count)` with `z = (x - mean) / s`.
pub fn batch_gradient(
    [x, dy, moments, dw, db]: [&[f32]; 5],
    (shape, count): (Shape, usize),
    weight: &[f32],
    epsilon: f32,
    dx: &mut [f32],
) {
    let (means, variances) = moments.split_at(shape.c);
    let count = count as f32;
    for c in 0..shape.c {
        let deviation = (variances[c] + epsilon).sqrt();
        let (factor, mean) = (weight[c] / deviation, means[c]);
        let (level, slope) = (db[c] / count, dw[c] / (count * deviation));
        for plane in planes(shape, c) {
            let values = dx[plane.clone()].iter_mut().zip(&dy[plane.clone()]).zip(&x[plane]);
            values.for_each(|((dx, &dy), &x)| *dx = factor * (dy - level - (x - mean) * slope));
        }
    }
}
