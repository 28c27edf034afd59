//! Shapes of tensors and the arithmetic of sliding windows.
//!
//! Knows sizes only: no data, no layers. Every activation has four axes, `n c h w`; a vector is `[n, c, 1, 1]`.

use std::fmt;
use std::ops::Range;

use thiserror::Error;

/// The four axes of an activation: batch, channels, height, width.
///
/// A parameter reads the same four axes as PyTorch's dimensions, padded with ones at the end:
/// a convolution weight is `[o, i / groups, kernel height, kernel width]`, a bias `[o, 1, 1, 1]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Shape {
    pub n: usize,
    pub c: usize,
    pub h: usize,
    pub w: usize,
}

/// The most values of one tensor: 2 GiB in f32, half of what WebAssembly can address.
pub const MAX_VALUES: usize = 1 << 29;

/// A rectangle sliding over the height and width of an image; every field is in pixels, `[vertical, horizontal]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Window {
    pub kernel: [usize; 2],
    pub stride: [usize; 2],
    pub padding: Padding,
    /// Rounds the number of positions up instead of down, as torchvision's `ceil_mode` does for pooling.
    pub ceil: bool,
}

/// Rows and columns of padding on each side of an image. TensorFlow's "SAME" rule makes them asymmetric.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Padding {
    pub top: usize,
    pub left: usize,
    pub bottom: usize,
    pub right: usize,
}

/// Why an operation cannot be applied to what it was given.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum ShapeError {
    #[error("expects {expected} inputs, got {found}")]
    InputCount { expected: usize, found: usize },
    #[error("expects {expected} input channels, got {found}")]
    Channels { expected: usize, found: usize },
    #[error("{channels} channels cannot be split into {groups} equal groups")]
    Groups { channels: usize, groups: usize },
    #[error(
        "the {kernel} pixel kernel does not fit into {available} pixels of padded {axis}; use a larger input"
    )]
    KernelTooLarge { kernel: usize, available: usize, axis: &'static str },
    #[error("expects inputs of equal shape, got {left} and {right}")]
    Unequal { left: Shape, right: Shape },
    #[error("{shape} is more values than memory can hold; choose a smaller input, batch or class count")]
    TooLarge { shape: Shape },
    #[error("{what} must be at least 1")]
    Zero { what: &'static str },
}

impl Shape {
    pub const fn new(n: usize, c: usize, h: usize, w: usize) -> Self {
        Self { n, c, h, w }
    }

    /// `[n, c, 1, 1]`.
    pub const fn vector(n: usize, c: usize) -> Self {
        Self::new(n, c, 1, 1)
    }

    /// A parameter's one to four dimensions, padded with ones at the end.
    ///
    /// # Panics
    /// If there are more than four dimensions.
    pub fn from_dims(dims: &[usize]) -> Self {
        assert!(dims.len() <= 4, "{dims:?} has more than four dimensions");
        let at = |i: usize| dims.get(i).copied().unwrap_or(1);
        Self::new(at(0), at(1), at(2), at(3))
    }

    /// Number of values.
    pub const fn len(&self) -> usize {
        self.n * self.c * self.h * self.w
    }

    /// Fails where the number of values would be beyond [`MAX_VALUES`], instead of overflowing.
    pub fn checked(self) -> Result<Self, ShapeError> {
        let len = self.axes().iter().try_fold(1usize, |len, axis| len.checked_mul(*axis));
        match len {
            Some(len) if len <= MAX_VALUES => Ok(self),
            _ => Err(ShapeError::TooLarge { shape: self }),
        }
    }

    pub const fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Number of values of one picture of the batch.
    pub const fn image(&self) -> usize {
        self.c * self.h * self.w
    }

    /// Number of values of one channel of one picture.
    pub const fn plane(&self) -> usize {
        self.h * self.w
    }

    pub const fn with_batch(self, n: usize) -> Self {
        Self { n, ..self }
    }

    pub const fn axes(&self) -> [usize; 4] {
        [self.n, self.c, self.h, self.w]
    }
}

impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "[{}, {}, {}, {}]", self.n, self.c, self.h, self.w)
    }
}

impl Padding {
    pub const fn none() -> Self {
        Self::all(0)
    }

    pub const fn all(pixels: usize) -> Self {
        Self { top: pixels, left: pixels, bottom: pixels, right: pixels }
    }
}

impl Window {
    /// A square window with equal padding on all sides, rounding down: PyTorch's convention.
    pub const fn square(kernel: usize, stride: usize, padding: usize) -> Self {
        Self { kernel: [kernel; 2], stride: [stride; 2], padding: Padding::all(padding), ceil: false }
    }

    /// TensorFlow's "SAME" padding for an input of `h` by `w`: `ceil(size / stride)` positions,
    /// the odd pixel of padding at the bottom and right.
    pub fn same(kernel: usize, stride: usize, h: usize, w: usize) -> Self {
        let total = |size: usize| ((size.div_ceil(stride).max(1) - 1) * stride + kernel).saturating_sub(size);
        let (vertical, horizontal) = (total(h), total(w));
        Self {
            kernel: [kernel; 2],
            stride: [stride; 2],
            padding: Padding {
                top: vertical / 2,
                left: horizontal / 2,
                bottom: vertical - vertical / 2,
                right: horizontal - horizontal / 2,
            },
            ceil: false,
        }
    }

    /// The window of an operation that looks at one pixel at a time.
    pub const fn point() -> Self {
        Self::square(1, 1, 0)
    }

    pub const fn with_ceil(self) -> Self {
        Self { ceil: true, ..self }
    }

    /// Number of window positions, `[vertical, horizontal]`, over an image of `h` by `w` pixels.
    ///
    /// With `ceil`, a position that would start beyond the image and its leading padding is dropped, as PyTorch does.
    pub fn output(&self, h: usize, w: usize) -> Result<[usize; 2], ShapeError> {
        let p = self.padding;
        Ok([
            self.positions(h, p.top, p.bottom, 0, "height")?,
            self.positions(w, p.left, p.right, 1, "width")?,
        ])
    }

    /// Rows of an image of `h` pixels that the window at position `oh` covers.
    pub fn rows(&self, oh: usize, h: usize) -> Range<usize> {
        covered(oh * self.stride[0], self.kernel[0], self.padding.top, h)
    }

    /// Columns of an image of `w` pixels that the window at position `ow` covers.
    pub fn columns(&self, ow: usize, w: usize) -> Range<usize> {
        covered(ow * self.stride[1], self.kernel[1], self.padding.left, w)
    }

    fn positions(
        &self,
        size: usize,
        before: usize,
        after: usize,
        axis: usize,
        name: &'static str,
    ) -> Result<usize, ShapeError> {
        let (kernel, stride) = (self.kernel[axis], self.stride[axis]);
        if kernel == 0 || stride == 0 {
            return Err(ShapeError::Zero { what: "kernel size and stride" });
        }
        let available = size + before + after;
        let room = available.checked_sub(kernel).ok_or(ShapeError::KernelTooLarge {
            kernel,
            available,
            axis: name,
        })?;
        if !self.ceil {
            return Ok(room / stride + 1);
        }
        let positions = room.div_ceil(stride) + 1;
        let last_start = (positions - 1) * stride;
        Ok(if last_start >= size + before { positions - 1 } else { positions })
    }
}

/// The part of `kernel` pixels from `start` (counted from the padding's edge) that lies inside `size` pixels.
fn covered(start: usize, kernel: usize, padding: usize, size: usize) -> Range<usize> {
    let first = start.saturating_sub(padding).min(size);
    first..(start + kernel).saturating_sub(padding).clamp(first, size)
}

/// The pixels of bin `i` of `count` over `size` pixels.
pub const fn bin(i: usize, count: usize, size: usize) -> Range<usize> {
    i * size / count..((i + 1) * size).div_ceil(count)
}

/// Whether a convolution has a kernel of its own for every channel.
pub fn is_depthwise(input: Shape, output: Shape, groups: usize) -> bool {
    groups > 1 && groups == input.c && groups == output.c
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn resnet_stem_halves_224_to_112() {
        assert_eq!(Window::square(7, 2, 3).output(224, 224), Ok([112, 112]));
    }

    #[test]
    fn ceil_mode_matches_googlenet_pooling() {
        assert_eq!(Window::square(3, 2, 0).with_ceil().output(112, 112), Ok([56, 56]));
        assert_eq!(Window::square(3, 2, 0).output(112, 112), Ok([55, 55]));
    }

    #[test]
    fn ceil_mode_drops_a_window_that_starts_in_the_trailing_padding() {
        assert_eq!(Window::square(2, 2, 1).with_ceil().output(3, 3), Ok([2, 2]));
    }

    #[test]
    fn same_padding_puts_the_odd_pixel_last() {
        let window = Window::same(3, 2, 224, 224);
        let Padding { top, bottom, .. } = window.padding;
        assert_eq!((top, bottom), (0, 1));
        assert_eq!(window.output(224, 224), Ok([112, 112]));
        assert_eq!(Window::same(5, 2, 57, 57).output(57, 57), Ok([29, 29]));
    }

    #[test]
    fn a_shape_beyond_memory_is_an_error_and_not_an_overflow() {
        let error = Shape::new(1, 64, usize::MAX / 2, 3).checked().unwrap_err();
        assert!(error.to_string().contains("more values than memory can hold"), "{error}");
        assert_eq!(Shape::vector(2, 3).checked(), Ok(Shape::vector(2, 3)));
    }

    #[test]
    fn a_kernel_larger_than_the_padded_input_is_an_error() {
        let error = Window::square(7, 1, 0).output(5, 9).unwrap_err();
        assert!(error.to_string().contains("7 pixel kernel"), "{error}");
    }
}
