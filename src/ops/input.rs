//! Where a picture enters the graph.

use super::{Case, Kernel, Operator, Real, Site};
use crate::shape::{Shape, ShapeError};
use crate::tensor::Tensor;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Input {
    pub shape: Shape,
}

impl Operator for Input {
    fn infer(&self, inputs: &[Shape]) -> Result<Shape, ShapeError> {
        if !inputs.is_empty() {
            return Err(ShapeError::InputCount { expected: 0, found: inputs.len() });
        }
        if self.shape.is_empty() {
            return Err(ShapeError::Zero { what: "every axis of the input" });
        }
        Ok(self.shape)
    }

    /// # Panics
    /// Always: an input's value is given, not computed.
    fn reference<T: Real>(&self, _x: &[&Tensor<T>], _p: &[&Tensor<T>]) -> Tensor<T> {
        panic!("an input has no definition: its value comes from outside")
    }

    /// The picture is uploaded: nothing is dispatched.
    fn variants(&self, _at: &Site) -> Vec<Kernel> {
        Vec::new()
    }

    fn cases() -> Vec<Case> {
        Vec::new()
    }
}
