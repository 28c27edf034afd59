//! `y_c = exp(x_c) / sum_k exp(x_k)` over the channels of every pixel, shifted by the maximum so that nothing overflows.

use super::shape::Shape;

/// Fills `y` of `x`'s shape.
pub fn softmax(x: &[f32], shape: Shape, y: &mut [f32]) {
    let plane = shape.plane();
    for (x, y) in x.chunks_exact(shape.image()).zip(y.chunks_exact_mut(shape.image())) {
        for pixel in 0..plane {
            let channels = || (pixel..shape.image()).step_by(plane);
            let largest = channels().fold(f32::NEG_INFINITY, |largest, at| largest.max(x[at]));
            let mut sum = 0.0;
            for at in channels() {
                y[at] = (x[at] - largest).exp();
                sum += y[at];
            }
            channels().for_each(|at| y[at] /= sum);
        }
    }
}
