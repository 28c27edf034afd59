//! The three linear maps of a Winograd convolution with a 3x3 kernel, on tiles of `T` by `T` inputs.
//!
//! `y = A' ((G w G') . (B' x B)) A`, the dot being a product value by value. `T` is 4, with 2x2 outputs, or 6, with
//! 4x4. Lavin and Gray 2015, "Fast algorithms for convolutional neural networks", section 4.

use super::simd::F32x4;

/// Outputs along one side of a tile of `tile` inputs.
pub const fn outputs(tile: usize) -> usize {
    tile - 2
}

/// `B' x` along one axis.
#[inline(always)]
pub fn input<const T: usize>(x: [F32x4; T]) -> [F32x4; T] {
    let mut y = x;
    if T == 4 {
        y[0] = x[0] - x[2];
        y[1] = x[1] + x[2];
        y[2] = x[2] - x[1];
        y[3] = x[1] - x[3];
    } else {
        let [two, four, five] = [2.0, 4.0, 5.0].map(F32x4::splat);
        let (even, odd) = (x[4] - four * x[2], x[3] - four * x[1]);
        let (wide_even, wide_odd) = (x[4] - x[2], two * (x[3] - x[1]));
        y[0] = four * x[0] - five * x[2] + x[4];
        y[1] = even + odd;
        y[2] = even - odd;
        y[3] = wide_even + wide_odd;
        y[4] = wide_even - wide_odd;
        y[5] = four * x[1] - five * x[3] + x[5];
    }
    y
}

/// `A' x` along one axis; the first [`outputs`] values are the result.
#[inline(always)]
pub fn output<const T: usize>(x: [F32x4; T]) -> [F32x4; 4] {
    let (sum, difference) = (x[1] + x[2], x[1] - x[2]);
    if T == 4 {
        return [x[0] + sum, difference - x[3], F32x4::zero(), F32x4::zero()];
    }
    let [two, four, eight] = [2.0, 4.0, 8.0].map(F32x4::splat);
    let (wide_sum, wide_difference) = (x[3] + x[4], x[3] - x[4]);
    [
        x[0] + sum + wide_sum,
        difference + two * wide_difference,
        sum + four * wide_sum,
        difference + eight * wide_difference + x[5],
    ]
}

/// `G w` along one axis, of four kernels at a time, in single precision.
#[inline(always)]
pub fn weights<const T: usize>(w: [F32x4; 3]) -> [F32x4; T] {
    let mut y = [F32x4::zero(); T];
    let by = |factor: f32, x: F32x4| F32x4::splat(factor) * x;
    let sum = w[0] + w[2];
    y[T - 1] = w[2];
    if T == 4 {
        y[0] = w[0];
        y[1] = by(0.5, sum + w[1]);
        y[2] = by(0.5, sum - w[1]);
    } else {
        let (even, odd) = (by(1.0 / 24.0, w[0]) + by(1.0 / 6.0, w[2]), by(1.0 / 12.0, w[1]));
        y[0] = by(0.25, w[0]);
        y[1] = by(-1.0 / 6.0, sum + w[1]);
        y[2] = by(-1.0 / 6.0, sum - w[1]);
        y[3] = even + odd;
        y[4] = even - odd;
    }
    y
}

/// `G w G'` of one 3x3 kernel, computed in double precision: `T` rows of `T` values.
pub fn weight<const T: usize>(w: &[f32; 9]) -> [[f32; T]; T] {
    const SMALL: [[f64; 3]; 4] = [[1.0, 0.0, 0.0], [0.5, 0.5, 0.5], [0.5, -0.5, 0.5], [0.0, 0.0, 1.0]];
    const LARGE: [[f64; 3]; 6] = [
        [1.0 / 4.0, 0.0, 0.0],
        [-1.0 / 6.0, -1.0 / 6.0, -1.0 / 6.0],
        [-1.0 / 6.0, 1.0 / 6.0, -1.0 / 6.0],
        [1.0 / 24.0, 1.0 / 12.0, 1.0 / 6.0],
        [1.0 / 24.0, -1.0 / 12.0, 1.0 / 6.0],
        [0.0, 0.0, 1.0],
    ];
    let g: &[[f64; 3]] = if T == 4 { &SMALL } else { &LARGE };
    let times_g = |x: [f64; 3]| -> [f64; T] {
        std::array::from_fn(|t| g[t][0] * x[0] + g[t][1] * x[1] + g[t][2] * x[2])
    };
    let columns = [0, 1, 2].map(|k| times_g([0, 1, 2].map(|r| f64::from(w[3 * r + k]))));
    std::array::from_fn(|r| times_g(columns.map(|column| column[r])).map(|value| value as f32))
}
