//! `[n, c, h, w]` read as `[n, c h w, 1, 1]`: the same values in the same order.

use super::{Case, Kernel, Op, Operator, Real, Site, one};
use crate::gradient::{Backward, Grads};
use crate::graph::NodeId;
use crate::shape::{Shape, ShapeError};
use crate::tensor::Tensor;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Flatten;

impl Operator for Flatten {
    fn infer(&self, inputs: &[Shape]) -> Result<Shape, ShapeError> {
        one(inputs).map(|x| Shape::vector(x.n, x.image()))
    }

    fn reference<T: Real>(&self, x: &[&Tensor<T>], _p: &[&Tensor<T>]) -> Tensor<T> {
        Tensor::new(Shape::vector(x[0].shape.n, x[0].shape.image()), x[0].data.clone())
    }

    fn vjp(&self, net: &mut Backward, node: NodeId, dy: NodeId) -> Option<Grads> {
        let Shape { c, h, w, .. } = net.shape(net.input(node, 0));
        let op = Op::Unflatten(Unflatten { image: [c, h, w] });
        Some(Grads::of_input(net.emit(node, "input_gradient", op, &[dy], &[])))
    }

    /// The output is the input: nothing is dispatched.
    fn variants(&self, _at: &Site) -> Vec<Kernel> {
        Vec::new()
    }

    fn tolerance(&self) -> f64 {
        0.0
    }

    fn cases() -> Vec<Case> {
        vec![Case::new("flatten", Op::Flatten(Flatten), [Shape::new(2, 3, 4, 5)])]
    }
}

/// The way back: the same values as pictures of channels, height and width.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unflatten {
    pub image: [usize; 3],
}

impl Operator for Unflatten {
    fn infer(&self, inputs: &[Shape]) -> Result<Shape, ShapeError> {
        let x = one(inputs)?;
        let [c, h, w] = self.image;
        let y = Shape::new(x.n, c, h, w);
        if x.len() == y.len() { Ok(y) } else { Err(ShapeError::Unequal { left: x, right: y }) }
    }

    fn reference<T: Real>(&self, x: &[&Tensor<T>], _p: &[&Tensor<T>]) -> Tensor<T> {
        let [c, h, w] = self.image;
        Tensor::new(Shape::new(x[0].shape.n, c, h, w), x[0].data.clone())
    }

    fn vjp(&self, net: &mut Backward, node: NodeId, dy: NodeId) -> Option<Grads> {
        Some(Grads::of_input(net.emit(node, "input_gradient", Op::Flatten(Flatten), &[dy], &[])))
    }

    /// The output is the input: nothing is dispatched.
    fn variants(&self, _at: &Site) -> Vec<Kernel> {
        Vec::new()
    }

    fn tolerance(&self) -> f64 {
        0.0
    }

    fn cases() -> Vec<Case> {
        let op = Op::Unflatten(Self { image: [3, 4, 5] });
        vec![Case::new("unflatten", op, [Shape::vector(2, 60)])]
    }
}
