//! Dropout at inference: the identity. In training the values are multiplied by a mask that is an input
//! ([`Mask`](super::Mask)), because randomness comes from outside. Srivastava et al. 2014.

use super::{Case, Kernel, Op, Operator, Real, Site, one};
use crate::gradient::{Backward, Grads};
use crate::graph::NodeId;
use crate::shape::{Shape, ShapeError};
use crate::tensor::Tensor;

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Dropout {
    /// Share of values that training sets to zero.
    pub probability: f32,
}

impl Operator for Dropout {
    fn infer(&self, inputs: &[Shape]) -> Result<Shape, ShapeError> {
        one(inputs)
    }

    fn reference<T: Real>(&self, x: &[&Tensor<T>], _p: &[&Tensor<T>]) -> Tensor<T> {
        x[0].clone()
    }

    fn vjp(&self, _net: &mut Backward, _node: NodeId, dy: NodeId) -> Option<Grads> {
        Some(Grads::of_input(dy))
    }

    /// The output is the input: nothing is dispatched.
    fn variants(&self, _at: &Site) -> Vec<Kernel> {
        Vec::new()
    }

    fn tolerance(&self) -> f64 {
        0.0
    }

    fn cases() -> Vec<Case> {
        vec![Case::new("dropout", Op::Dropout(Dropout { probability: 0.5 }), [Shape::vector(2, 10)])]
    }
}
