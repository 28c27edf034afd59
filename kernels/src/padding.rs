//! Images with a border of zeros, so that the loops over windows need no bounds checks.

use super::shape::{Padding, Shape};
use super::simd::LANES;

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
        let start = padding.top * width + padding.left;
        let between = padding.left + padding.right;
        let (before, mut rest) = padded.split_at_mut(start);
        before.fill(0.0);
        for row in plane.chunks_exact(shape.w) {
            rest[..shape.w].copy_from_slice(row);
            rest = &mut rest[shape.w..];
            let next = between.min(rest.len());
            // One vector, for which no function is called; the next row is written over what is too much.
            match rest.first_chunk_mut::<LANES>() {
                Some(zeros) if between <= LANES => *zeros = [0.0; LANES],
                _ => rest[..next].fill(0.0),
            }
            rest = &mut rest[next..];
        }
        rest.fill(0.0);
    }
}

/// Width and height of a padded plane.
pub fn padded_size(shape: Shape, padding: Padding) -> (usize, usize) {
    (padding.left + shape.w + padding.right, padding.top + shape.h + padding.bottom)
}
