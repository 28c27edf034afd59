//! Loops in which every value of the output depends on the values at its own place.

use super::activation::Activation;
use super::epilogue::activate;
use super::simd::{F32x4, LANES};

/// `y = activation(a + b)`.
pub fn add(a: &[f32], b: &[f32], activation: Option<Activation>, y: &mut [f32]) {
    #[inline(always)]
    fn each(a: &[f32], b: &[f32], y: &mut [f32], f: impl Fn(F32x4) -> F32x4) {
        let ((a, a_rest), (b, b_rest)) = (a.as_chunks::<LANES>(), b.as_chunks::<LANES>());
        let (y, y_rest) = y.as_chunks_mut::<LANES>();
        for ((&a, &b), y) in a.iter().zip(b).zip(y) {
            *y = f(F32x4::from_array(a) + F32x4::from_array(b)).to_array();
        }
        for ((&a, &b), y) in a_rest.iter().zip(b_rest).zip(y_rest) {
            *y = f(F32x4::splat(a + b)).to_array()[0];
        }
    }
    match activation {
        None => each(a, b, y, |sum| sum),
        // So quick that asking for every vector which it is would take longer.
        Some(Activation::Relu) => each(a, b, y, |sum| activate(Some(Activation::Relu), sum)),
        other => each(a, b, y, |sum| activate(other, sum)),
    }
}

/// `y = a b`.
pub fn multiply(a: &[f32], b: &[f32], y: &mut [f32]) {
    y.iter_mut().zip(a).zip(b).for_each(|((y, a), b)| *y = a * b);
}

/// `dx = f'(x) dy` for `y = f(x)`; zero at the corners, as in PyTorch.
pub fn activation_gradient(activation: Activation, y: &[f32], dy: &[f32], dx: &mut [f32]) {
    fn each(y: &[f32], dy: &[f32], dx: &mut [f32], derivative: impl Fn(f32) -> f32) {
        dx.iter_mut().zip(y).zip(dy).for_each(|((dx, &y), &dy)| *dx = derivative(y) * dy);
    }
    let step = |on: bool| if on { 1.0 } else { 0.0 };
    match activation {
        Activation::Relu => each(y, dy, dx, |y| step(y > 0.0)),
        Activation::Relu6 => each(y, dy, dx, |y| step(y > 0.0 && y < 6.0)),
        Activation::Tanh => each(y, dy, dx, |y| 1.0 - y * y),
        Activation::Sigmoid => each(y, dy, dx, |y| y * (1.0 - y)),
    }
}

/// Every value of `dy` in equal parts to the `plane` values it is the mean of.
pub fn spread(dy: &[f32], plane: usize, y: &mut [f32]) {
    y.chunks_exact_mut(plane).zip(dy).for_each(|(y, dy)| y.fill(dy / plane as f32));
}
