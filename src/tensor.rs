//! A shape and its values, contiguous in `n c h w` order. Nothing else: no strides, no views, no broadcasting.

use crate::shape::Shape;

#[derive(Clone, Debug, PartialEq)]
pub struct Tensor<T> {
    pub shape: Shape,
    pub data: Vec<T>,
}

impl<T: Copy> Tensor<T> {
    /// # Panics
    /// If `data` does not have as many values as `shape` says.
    pub fn new(shape: Shape, data: Vec<T>) -> Self {
        assert_eq!(
            shape.len(),
            data.len(),
            "a tensor of shape {shape} needs {} values, got {}",
            shape.len(),
            data.len()
        );
        Self { shape, data }
    }

    pub fn filled(shape: Shape, value: T) -> Self {
        Self::new(shape, vec![value; shape.len()])
    }

    /// Flat index of `[n, c, h, w]`.
    #[inline]
    pub fn index(&self, n: usize, c: usize, h: usize, w: usize) -> usize {
        ((n * self.shape.c + c) * self.shape.h + h) * self.shape.w + w
    }

    #[inline]
    pub fn at(&self, n: usize, c: usize, h: usize, w: usize) -> T {
        self.data[self.index(n, c, h, w)]
    }

    pub fn map<U: Copy>(&self, f: impl Fn(T) -> U) -> Tensor<U> {
        Tensor::new(self.shape, self.data.iter().map(|&v| f(v)).collect())
    }
}
