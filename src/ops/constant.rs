//! The same value everywhere: the gradient of a loss by itself, with which every backward pass begins.

use super::kernel::{each, shader, word};
use super::{Binding, Case, Kernel, Op, Operator, Real, Site};
use crate::gradient::{Backward, Grads};
use crate::graph::NodeId;
use crate::shape::{Shape, ShapeError};
use crate::tensor::Tensor;

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Constant {
    pub shape: Shape,
    pub value: f64,
}

impl Operator for Constant {
    fn infer(&self, inputs: &[Shape]) -> Result<Shape, ShapeError> {
        if inputs.is_empty() {
            Ok(self.shape)
        } else {
            Err(ShapeError::InputCount { expected: 0, found: inputs.len() })
        }
    }

    fn reference<T: Real>(&self, _x: &[&Tensor<T>], _p: &[&Tensor<T>]) -> Tensor<T> {
        Tensor::filled(self.shape, T::of(self.value))
    }

    /// Nothing depends on anything.
    fn vjp(&self, _net: &mut Backward, _node: NodeId, _dy: NodeId) -> Option<Grads> {
        Some(Grads::default())
    }

    fn variants(&self, at: &Site) -> Vec<Kernel> {
        vec![Kernel {
            shader: shader!("constant"),
            overrides: vec![("VALUE", self.value)],
            bindings: vec![Binding::Output],
            dims: vec![word(at.output.len())],
            grid: each(at.output.len(), at.limits),
        }]
    }

    fn cases() -> Vec<Case> {
        let case = |value, shape| {
            Case::new(format!("constant {value} {shape}"), Op::Constant(Self { shape, value }), [])
        };
        vec![case(1.0, Shape::vector(1, 1)), case(-0.5, Shape::new(2, 3, 4, 5))]
    }
}
