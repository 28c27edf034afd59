//! `y_c = exp(x_c) / sum_k exp(x_k)` over the channels of every pixel, shifted by the maximum so that nothing overflows.

use super::kernel::{each, shader, word};
use super::{Binding, Case, Kernel, Op, Operator, Real, Site, one, pair};
use crate::gradient::{Backward, Grads};
use crate::graph::NodeId;
use crate::shape::{Shape, ShapeError};
use crate::tensor::Tensor;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Softmax;

/// `dx_c = y_c (dy_c - sum_k y_k dy_k)`. Takes `y` and `dy`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SoftmaxGradient;

impl Operator for Softmax {
    fn infer(&self, inputs: &[Shape]) -> Result<Shape, ShapeError> {
        one(inputs)
    }

    fn reference<T: Real>(&self, x: &[&Tensor<T>], _p: &[&Tensor<T>]) -> Tensor<T> {
        let x = x[0];
        let s = x.shape;
        let mut y = x.clone();
        for n in 0..s.n {
            for pixel in 0..s.plane() {
                let at = |c: usize| (n * s.c + c) * s.plane() + pixel;
                let largest = (1..s.c).fold(x.data[at(0)], |m, c| m.larger(x.data[at(c)]));
                let mut sum = T::ZERO;
                for c in 0..s.c {
                    let e = (x.data[at(c)] - largest).exp();
                    y.data[at(c)] = e;
                    sum += e;
                }
                for c in 0..s.c {
                    y.data[at(c)] = y.data[at(c)] / sum;
                }
            }
        }
        y
    }

    fn vjp(&self, net: &mut Backward, node: NodeId, dy: NodeId) -> Option<Grads> {
        let op = Op::SoftmaxGradient(SoftmaxGradient);
        Some(Grads::of_input(net.emit(node, "input_gradient", op, &[node, dy], &[])))
    }

    fn variants(&self, at: &Site) -> Vec<Kernel> {
        let pixels = at.output.n * at.output.plane();
        vec![Kernel {
            shader: shader!("softmax"),
            overrides: Vec::new(),
            bindings: vec![Binding::Input(0), Binding::Output],
            dims: [pixels, at.output.c, at.output.plane()].map(word).to_vec(),
            grid: each(pixels, at.limits),
        }]
    }

    fn cases() -> Vec<Case> {
        let case = |shape| Case::new(format!("softmax {shape}"), Op::Softmax(Softmax), [shape]);
        vec![case(Shape::vector(3, 10)), case(Shape::vector(1, 1000)), case(Shape::new(2, 3, 2, 2))]
    }
}

impl Operator for SoftmaxGradient {
    fn infer(&self, inputs: &[Shape]) -> Result<Shape, ShapeError> {
        pair(inputs)
    }

    fn reference<T: Real>(&self, x: &[&Tensor<T>], _p: &[&Tensor<T>]) -> Tensor<T> {
        let (y, dy, s) = (x[0], x[1], x[0].shape);
        let mut dx = Tensor::filled(s, T::ZERO);
        for n in 0..s.n {
            for pixel in 0..s.plane() {
                let at = |c: usize| (n * s.c + c) * s.plane() + pixel;
                let mut sum = T::ZERO;
                for c in 0..s.c {
                    sum += y.data[at(c)] * dy.data[at(c)];
                }
                for c in 0..s.c {
                    dx.data[at(c)] = y.data[at(c)] * (dy.data[at(c)] - sum);
                }
            }
        }
        dx
    }

    fn variants(&self, at: &Site) -> Vec<Kernel> {
        let pixels = at.output.n * at.output.plane();
        vec![Kernel {
            shader: shader!("softmax_gradient"),
            overrides: Vec::new(),
            bindings: vec![Binding::Input(0), Binding::Input(1), Binding::Output],
            dims: [pixels, at.output.c, at.output.plane()].map(word).to_vec(),
            grid: each(pixels, at.limits),
        }]
    }

    fn cases() -> Vec<Case> {
        let op = Op::SoftmaxGradient(Self);
        let case = |s| Case::new(format!("gradient of softmax {s}"), op.clone(), [s, s]);
        vec![case(Shape::vector(3, 10)), case(Shape::new(2, 3, 2, 2))]
    }
}
