//! The three linear maps of a Winograd convolution with a 3x3 kernel, on tiles of `T` by `T` inputs, and the ways back from
//! two of them.
//!
//! `y = A' ((G w G') . (B' x B)) A`, the dot being a product value by value. `T` is 4, with 2x2 outputs, or 6, with
//! 4x4. Lavin and Gray 2015, "Fast algorithms for convolutional neural networks", section 4.
//!
//! The maps interpolate a product of polynomials at 0, infinity and points between: 1 and -1 for the small tile, plus
//! and minus [`NEAR`] and [`FAR`] for the large one. With the usual 1 and 2 the error would be more than twice as large;
//! all constants but those of the weights are exact.

use super::vector::Vector;

const NEAR: f32 = 0.625;
const FAR: f32 = 1.5;

/// Outputs along one side of a tile of `tile` inputs.
pub const fn outputs(tile: usize) -> usize {
    tile - 2
}

/// `B' x` along one axis.
#[inline(always)]
pub fn input<V: Vector, const T: usize>(x: [V; T]) -> [V; T] {
    let mut y = x;
    if T == 4 {
        y[0] = x[0] - x[2];
        y[1] = x[1] + x[2];
        y[2] = x[2] - x[1];
        y[3] = x[1] - x[3];
    } else {
        let [near, far] = [NEAR, FAR].map(V::splat);
        let [near_square, far_square] = [-NEAR * NEAR, -FAR * FAR].map(V::splat);
        let [product, sum] = [NEAR * NEAR * FAR * FAR, -NEAR * NEAR - FAR * FAR].map(V::splat);
        let near_even = x[2].multiply_add(far_square, x[4]);
        let near_odd = near * x[1].multiply_add(far_square, x[3]);
        let far_even = x[2].multiply_add(near_square, x[4]);
        let far_odd = far * x[1].multiply_add(near_square, x[3]);
        y[0] = x[0].multiply_add(product, x[2].multiply_add(sum, x[4]));
        y[1] = near_even + near_odd;
        y[2] = near_even - near_odd;
        y[3] = far_even + far_odd;
        y[4] = far_even - far_odd;
        y[5] = x[1].multiply_add(product, x[3].multiply_add(sum, x[5]));
    }
    y
}

/// `A' x` along one axis; the first [`outputs`] values are the result.
#[inline(always)]
pub fn output<V: Vector, const T: usize>(x: [V; T]) -> [V; 4] {
    let (sum, difference) = (x[1] + x[2], x[1] - x[2]);
    if T == 4 {
        return [x[0] + sum, difference - x[3], V::splat(0.0), V::splat(0.0)];
    }
    let [near, near_square, near_cube] = [NEAR, NEAR * NEAR, NEAR * NEAR * NEAR].map(V::splat);
    let [far, far_square, far_cube] = [FAR, FAR * FAR, FAR * FAR * FAR].map(V::splat);
    let (far_sum, far_difference) = (x[3] + x[4], x[3] - x[4]);
    [
        x[0] + sum + far_sum,
        far_difference.multiply_add(far, near * difference),
        far_sum.multiply_add(far_square, near_square * sum),
        far_difference.multiply_add(far_cube, difference.multiply_add(near_cube, x[5])),
    ]
}

/// `A dy` along one axis: the way back from [`output`]. Values from [`outputs`] on are not looked at.
#[inline(always)]
pub fn output_gradient<V: Vector, const T: usize>(dy: [V; 4]) -> [V; T] {
    let mut y = [dy[0]; T];
    if T == 4 {
        y[1] = dy[0] + dy[1];
        y[2] = dy[0] - dy[1];
        y[3] = V::splat(0.0) - dy[1];
        return y;
    }
    for (at, point) in [(1, NEAR), (3, FAR)] {
        let [square, cube] = [point * point, point * point * point].map(V::splat);
        let even = dy[2].multiply_add(square, dy[0]);
        let odd = dy[3].multiply_add(cube, V::splat(point) * dy[1]);
        y[at] = even + odd;
        y[at + 1] = even - odd;
    }
    y[5] = dy[3];
    y
}

/// `G' s` along one axis: the way back from [`weights`].
#[inline(always)]
pub fn weight_gradient<V: Vector, const T: usize>(s: [V; T]) -> [V; 3] {
    let (sum, difference) = (s[1] + s[2], s[1] - s[2]);
    if T == 4 {
        let half = V::splat(0.5);
        return [sum.multiply_add(half, s[0]), difference * half, sum.multiply_add(half, s[3])];
    }
    let [near, far] = LARGE_WEIGHTS.map(|weights| weights.map(|weight| V::splat(weight as f32)));
    let (far_sum, far_difference) = (s[3] + s[4], s[3] - s[4]);
    [
        far_sum.multiply_add(far[0], sum.multiply_add(near[0], s[0] * V::splat(FIRST as f32))),
        far_difference.multiply_add(far[1], difference * near[1]),
        far_sum.multiply_add(far[2], sum.multiply_add(near[2], s[5])),
    ]
}

/// What the large tile's first input weighs.
const FIRST: f64 = {
    let (near, far) = (NEAR as f64, FAR as f64);
    1.0 / (near * near * far * far)
};

/// The constant, the point and its square at [`NEAR`] and at [`FAR`], over the product of the distances to the other
/// points.
const LARGE_WEIGHTS: [[f64; 3]; 2] = {
    const fn weights(at: f64, other: f64) -> [f64; 3] {
        let distances = 2.0 * at * at * (at * at - other * other);
        [1.0 / distances, at / distances, at * at / distances]
    }
    [weights(NEAR as f64, FAR as f64), weights(FAR as f64, NEAR as f64)]
};

/// `G w` along one axis, of four kernels at a time; in double precision, for what is lost here every picture would lose.
#[inline(always)]
pub fn weights<const T: usize>(w: [[f64; 4]; 3]) -> [[f64; 4]; T] {
    const SMALL: [[f64; 3]; 4] = [[1.0, 0.0, 0.0], [0.5, 0.5, 0.5], [0.5, -0.5, 0.5], [0.0, 0.0, 1.0]];
    const NEAR: [f64; 3] = LARGE_WEIGHTS[0];
    const FAR: [f64; 3] = LARGE_WEIGHTS[1];
    const LARGE: [[f64; 3]; 6] = [
        [FIRST, 0.0, 0.0],
        NEAR,
        [NEAR[0], -NEAR[1], NEAR[2]],
        FAR,
        [FAR[0], -FAR[1], FAR[2]],
        [0.0, 0.0, 1.0],
    ];
    let g: &[[f64; 3]] = if T == 4 { &SMALL } else { &LARGE };
    std::array::from_fn(|t| {
        std::array::from_fn(|lane| g[t][0] * w[0][lane] + g[t][1] * w[1][lane] + g[t][2] * w[2][lane])
    })
}
