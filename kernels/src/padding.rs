//! Images with a border of zeros, so that the loops over windows need no bounds checks.

use super::shape::{Padding, Shape};

/// Copies `planes` of `h` by `w` values into `padded`, each with `padding` zeros around it.
///
/// `padded` grows when needed and keeps `slack` readable values behind the last plane; it never shrinks.
pub fn pad(x: &[f32], shape: Shape, padding: Padding, slack: usize, padded: &mut Vec<f32>) {
    let (width, height) = padded_size(shape, padding);
    let planes = shape.n * shape.c;
    let len = planes * width * height;
    padded.resize(padded.len().max(len + slack), 0.0);
    if shape.plane() == 0 {
        return padded[..len].fill(0.0);
    }
    for (plane, padded) in
        x.chunks_exact(shape.plane()).zip(padded.chunks_exact_mut(width * height)).take(planes)
    {
        let (top, rest) = padded.split_at_mut(padding.top * width);
        let (middle, bottom) = rest.split_at_mut(shape.h * width);
        top.fill(0.0);
        bottom.fill(0.0);
        for (row, padded) in plane.chunks_exact(shape.w).zip(middle.chunks_exact_mut(width)) {
            padded[..padding.left].fill(0.0);
            padded[padding.left..][..shape.w].copy_from_slice(row);
            padded[padding.left + shape.w..].fill(0.0);
        }
    }
}

/// Width and height of a padded plane.
pub fn padded_size(shape: Shape, padding: Padding) -> (usize, usize) {
    (padding.left + shape.w + padding.right, padding.top + shape.h + padding.bottom)
}
