//! What happens to a value on its way from the registers to memory: `y = activation(x + bias + residual)`.
//!
//! Done while the tile is still in registers, so that bias, skip connection and non-linearity cost no pass over memory.

use super::activation::Activation;
use super::simd::{F32x4, LANES};
use super::vector::Vector;

/// The last step of a fused operation.
#[derive(Clone, Copy, Debug, Default)]
pub struct Epilogue<'a> {
    /// One value for each output channel.
    pub bias: Option<&'a [f32]>,
    /// As long as the output.
    pub residual: Option<&'a [f32]>,
    pub activation: Option<Activation>,
}

impl<'a> Epilogue<'a> {
    /// The bias of output channel `o`, zero without one.
    #[inline(always)]
    pub fn bias(&self, o: usize) -> f32 {
        self.bias.map_or(0.0, |bias| bias[o])
    }

    /// The same for the output channels from `first` on, whose values start at `offset` of the output.
    pub fn from(&self, first: usize, offset: usize) -> Epilogue<'a> {
        Epilogue {
            bias: self.bias.map(|bias| &bias[first..]),
            residual: self.residual.map(|residual| &residual[offset..]),
            activation: self.activation,
        }
    }
}

/// Applies `activation`, if there is one, to every lane.
#[inline(always)]
pub fn activate<V: Vector>(activation: Option<Activation>, x: V) -> V {
    match activation {
        None => x,
        Some(Activation::Relu) => x.max(V::splat(0.0)),
        Some(Activation::Relu6) => x.max(V::splat(0.0)).min(V::splat(6.0)),
        Some(Activation::Tanh) => x.by_fours(tanh),
        Some(Activation::Sigmoid) => x.by_fours(sigmoid),
    }
}

/// `y = activation(x)`.
pub fn activate_all(activation: Activation, x: &[f32], y: &mut [f32]) {
    #[inline(always)]
    fn each(x: &[f32], y: &mut [f32], f: impl Fn(F32x4) -> F32x4) {
        let ((x, x_rest), (y, y_rest)) = (x.as_chunks::<LANES>(), y.as_chunks_mut::<LANES>());
        x.iter().zip(y).for_each(|(&x, y)| *y = f(F32x4::from_array(x)).to_array());
        x_rest.iter().zip(y_rest).for_each(|(&x, y)| *y = f(F32x4::splat(x)).to_array()[0]);
    }
    match activation {
        // So quick that asking for every vector which it is would take longer.
        Activation::Relu => each(x, y, |x| activate(Some(Activation::Relu), x)),
        other => each(x, y, |x| activate(Some(other), x)),
    }
}

/// `1 / (1 + exp(-x))`.
#[inline(never)]
fn sigmoid(x: F32x4) -> F32x4 {
    let one = F32x4::splat(1.0);
    one / (one + exp(F32x4::zero() - x))
}

/// `tanh(x)`: a rational function on [-9, 9], beyond which tanh is ±1 in f32.
///
/// The coefficients are those of Eigen's `ptanh_float`; the error stays below 4e-7.
#[inline(never)]
fn tanh(x: F32x4) -> F32x4 {
    const NUMERATOR: [f32; 7] = [
        -2.760_768_5e-16,
        2.000_188e-13,
        -8.604_672e-11,
        5.122_297_1e-8,
        1.485_722_4e-5,
        6.372_619_3e-4,
        4.893_524_6e-3,
    ];
    const DENOMINATOR: [f32; 4] = [1.198_258_4e-6, 1.185_347_1e-4, 2.268_434_6e-3, 4.893_525e-3];
    let x = x.max(F32x4::splat(-9.0)).min(F32x4::splat(9.0));
    let square = x * x;
    x * polynomial(&NUMERATOR, square) / polynomial(&DENOMINATOR, square)
}

/// `exp(x)`, relative error below 2e-7; below -87 it is about 1e-38, above 88 about 2e38.
///
/// `x = n ln 2 + r` with `|r| <= ln 2 / 2`, and `exp(r)` by the polynomial of Cephes' `expf`.
#[inline(always)]
fn exp(x: F32x4) -> F32x4 {
    const COEFFICIENTS: [f32; 8] =
        [1.987_569_1e-4, 1.398_2e-3, 8.333_452e-3, 4.166_579_6e-2, 1.666_666_5e-1, 0.5, 1.0, 1.0];
    // Adding and subtracting 1.5 * 2^23 rounds to the nearest whole number.
    const ROUND: f32 = 12_582_912.0;
    let x = x.max(F32x4::splat(-87.0)).min(F32x4::splat(88.0));
    let n = x.multiply_add(F32x4::splat(std::f32::consts::LOG2_E), F32x4::splat(ROUND)) - F32x4::splat(ROUND);
    // ln 2 in two parts, so that the subtraction keeps its last digits.
    let r = x - n * F32x4::splat(0.693_359_4) - n * F32x4::splat(-2.121_944_4e-4);
    polynomial(&COEFFICIENTS, r) * n.power_of_two()
}

/// Horner's rule, highest power first.
#[inline(always)]
fn polynomial(coefficients: &[f32], x: F32x4) -> F32x4 {
    coefficients.iter().fold(F32x4::zero(), |sum, &c| sum.multiply_add(x, F32x4::splat(c)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn largest_error(activation: Activation, exact: impl Fn(f64) -> f64) -> f64 {
        let x: Vec<f32> = (-4000..=4001).map(|i| i as f32 / 100.0).collect();
        let mut y = vec![f32::NAN; x.len()];
        activate_all(activation, &x, &mut y);
        x.iter().zip(&y).map(|(&x, &y)| (f64::from(y) - exact(f64::from(x))).abs()).fold(0.0, f64::max)
    }

    #[test]
    fn tanh_and_sigmoid_are_exact_to_a_few_units_in_the_last_place() {
        let tanh = largest_error(Activation::Tanh, f64::tanh);
        let sigmoid = largest_error(Activation::Sigmoid, |x| 1.0 / (1.0 + (-x).exp()));
        assert!(tanh < 4e-7 && sigmoid < 2e-7, "tanh {tanh}, sigmoid {sigmoid}");
    }

    #[test]
    fn relu_and_relu6_are_exact() {
        assert_eq!(largest_error(Activation::Relu, |x| x.max(0.0)), 0.0);
        assert_eq!(largest_error(Activation::Relu6, |x| x.clamp(0.0, 6.0)), 0.0);
    }
}
