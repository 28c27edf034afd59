//! `y = factor * x`: the weight of one loss among several. Szegedy et al. 2014 add auxiliary losses with a weight of 0.3.

use super::kernel::{each, shader, word};
use super::{Binding, Case, Kernel, Op, Operator, Real, Site, one};
use crate::gradient::{Backward, Grads};
use crate::graph::NodeId;
use crate::shape::{Shape, ShapeError};
use crate::tensor::Tensor;

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Scale {
    pub factor: f64,
}

impl Operator for Scale {
    fn infer(&self, inputs: &[Shape]) -> Result<Shape, ShapeError> {
        one(inputs)
    }

    fn reference<T: Real>(&self, x: &[&Tensor<T>], _p: &[&Tensor<T>]) -> Tensor<T> {
        x[0].map(|v| v * T::of(self.factor))
    }

    fn vjp(&self, net: &mut Backward, node: NodeId, dy: NodeId) -> Option<Grads> {
        Some(Grads::of_input(net.emit(node, "input_gradient", Op::Scale(*self), &[dy], &[])))
    }

    fn variants(&self, at: &Site) -> Vec<Kernel> {
        vec![Kernel {
            shader: shader!("scale"),
            overrides: vec![("FACTOR", self.factor)],
            bindings: vec![Binding::Input(0), Binding::Output],
            dims: vec![word(at.output.len())],
            grid: each(at.output.len(), at.limits),
        }]
    }

    fn cases() -> Vec<Case> {
        let case = |factor, shape| {
            Case::new(format!("scale {shape} by {factor}"), Op::Scale(Self { factor }), [shape])
        };
        vec![case(0.3, Shape::vector(1, 1)), case(-2.0, Shape::new(2, 3, 5, 7))]
    }
}
