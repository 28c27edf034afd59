//! `y = x * mask`, value by value: dropout in training. The mask is an input, zero or `1 / (1 - probability)`, so that
//! a seed decides what is dropped and both backends drop the same. Srivastava et al. 2014.

use super::kernel::{each, shader, word};
use super::{Binding, Case, Kernel, Op, Operator, Real, Site, pair};
use crate::gradient::{Backward, Grads};
use crate::graph::NodeId;
use crate::shape::{Shape, ShapeError};
use crate::tensor::Tensor;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mask;

impl Operator for Mask {
    fn infer(&self, inputs: &[Shape]) -> Result<Shape, ShapeError> {
        pair(inputs)
    }

    fn reference<T: Real>(&self, x: &[&Tensor<T>], _p: &[&Tensor<T>]) -> Tensor<T> {
        let product = x[0].data.iter().zip(&x[1].data).map(|(&a, &b)| a * b);
        Tensor::new(x[0].shape, product.collect())
    }

    fn vjp(&self, net: &mut Backward, node: NodeId, dy: NodeId) -> Option<Grads> {
        let (x, mask) = (net.input(node, 0), net.input(node, 1));
        let dx = net.emit(node, "input_gradient", Op::Mask(Self), &[dy, mask], &[]);
        let dmask = net.emit(node, "mask_gradient", Op::Mask(Self), &[dy, x], &[]);
        Some(Grads { inputs: vec![Some(dx), Some(dmask)], params: Vec::new() })
    }

    fn variants(&self, at: &Site) -> Vec<Kernel> {
        vec![Kernel {
            shader: shader!("mask"),
            overrides: Vec::new(),
            bindings: vec![Binding::Input(0), Binding::Input(1), Binding::Output],
            dims: vec![word(at.output.len())],
            grid: each(at.output.len(), at.limits),
        }]
    }

    fn cases() -> Vec<Case> {
        let case = |shape| Case::new(format!("mask {shape}"), Op::Mask(Self), [shape, shape]);
        vec![case(Shape::new(2, 3, 5, 7)), case(Shape::vector(1, 10))]
    }
}
