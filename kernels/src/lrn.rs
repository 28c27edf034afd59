//! Local response normalisation: a run of neighbouring pixels at a time, channel by channel.

use super::shape::Shape;

/// `y = x / (k + scale sum x²)^beta`, the sum over a value's own channel and some before and after it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Neighbours {
    pub before: usize,
    pub after: usize,
    pub k: f32,
    pub scale: f32,
    pub beta: f32,
}

/// Pixels done together: their sums stay in registers and first-level cache.
const PIXELS: usize = 64;

/// Fills `y` of `x`'s shape. The squares of a window are summed anew for each channel: a sliding sum would save three of
/// five additions, lose digits wherever a large value leaves it, and change nothing beside the two roots.
pub fn normalise(op: Neighbours, x: &[f32], shape: Shape, y: &mut [f32]) {
    let plane = shape.plane();
    let Neighbours { before, after, k, scale, beta } = op;
    let pictures = x.chunks_exact(shape.image()).zip(y.chunks_exact_mut(shape.image()));
    for (x, y) in pictures {
        for start in (0..plane).step_by(PIXELS) {
            let pixels = PIXELS.min(plane - start);
            for c in 0..shape.c {
                let mut sums = [0.0f32; PIXELS];
                for neighbour in c.saturating_sub(before)..shape.c.min(c + after + 1) {
                    let row = &x[neighbour * plane + start..][..pixels];
                    sums.iter_mut().zip(row).for_each(|(sum, &value)| *sum += value * value);
                }
                sums.iter_mut().for_each(|sum| *sum = k + scale * *sum);
                if beta == 0.75 {
                    sums.iter_mut().for_each(|sum| *sum = sum.sqrt() * sum.sqrt().sqrt());
                } else {
                    sums.iter_mut().for_each(|sum| *sum = sum.powf(beta));
                }
                let (from, to) = (&x[c * plane + start..][..pixels], &mut y[c * plane + start..][..pixels]);
                for ((to, &from), &sum) in to.iter_mut().zip(from).zip(&sums) {
                    *to = from / sum;
                }
            }
        }
    }
}
