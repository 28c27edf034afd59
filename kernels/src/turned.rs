//! The gradient of a convolution by its input as a convolution itself: of `dy`, with stride one and the kernels turned by
//! half a circle, so that what is fast forward is as fast backward.
//!
//! Dumoulin and Visin 2016, "A guide to convolution arithmetic for deep learning", section 4.

use super::shape::{Padding, Shape, Window};

/// The window of the convolution of `dy` that gives the gradient by the input, where one does: stride one, and no more
/// padding than the kernel reaches. None either where `dy` is so small that most of what it would multiply is padding.
pub fn turned_window(window: Window, input: Shape, output: Shape) -> Option<Window> {
    let Window { kernel, stride, padding, .. } = window;
    let opposite = |axis: usize, before: usize, input: usize, output: usize| {
        let before = (kernel[axis] - 1).checked_sub(before)?;
        Some((before, (input + kernel[axis] - 1).checked_sub(output + before)?))
    };
    let (top, bottom) = opposite(0, padding.top, input.h, output.h)?;
    let (left, right) = opposite(1, padding.left, input.w, output.w)?;
    let padding = Padding { top, left, bottom, right };
    let worthwhile = 2 * input.plane() <= 3 * output.plane();
    (stride == [1, 1] && worthwhile).then_some(Window { padding, ..window })
}

/// A `[o, i / groups, kernel height, kernel width]` weight as that of the way back, `[i, o / groups, ..]`, each kernel
/// turned by half a circle.
pub fn turned(weight: &[f32], [outputs, depth, taps]: [usize; 3], groups: usize) -> Vec<f32> {
    let rows = outputs / groups;
    let mut turned = vec![0.0; weight.len()];
    for (index, kernel) in weight.chunks_exact(taps).enumerate() {
        let (o, i) = (index / depth, index % depth);
        let place = ((o / rows * depth + i) * rows + o % rows) * taps;
        turned[place..place + taps].iter_mut().zip(kernel.iter().rev()).for_each(|(t, w)| *t = *w);
    }
    turned
}
