//! Batch norm in training: the moments of a batch, and the normalisation by them.
//!
//! `mean_c` and `variance_c` over all pictures and pixels of channel `c`, the variance biased (divided by the count);
//! `y = (x - mean) / sqrt(variance + epsilon) * weight + bias`. Ioffe and Szegedy 2015, algorithm 1.

use super::super::kernel::{fold, shader, word};
use super::super::{Binding, Case, Init, Kernel, Op, Operator, ParamSpec, Real, Site, case, one};
use super::gradients::{BatchNormWeightGradient, NormaliseGradient};
use super::{Statistics, normalised};
use crate::gradient::{Backward, Grads};
use crate::graph::NodeId;
use crate::shape::{Shape, ShapeError};
use crate::tensor::Tensor;

/// Mean and variance of every channel: `[n, c, h, w]` to `[2, c]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BatchMoments;

/// Takes `x` and its [`BatchMoments`]. They are a function of `x`, so the gradient of `x` runs through them as well
/// and they get none of their own.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Normalise {
    pub epsilon: f64,
}

impl Operator for BatchMoments {
    fn infer(&self, inputs: &[Shape]) -> Result<Shape, ShapeError> {
        one(inputs).map(|x| Shape::vector(2, x.c))
    }

    fn reference<T: Real>(&self, x: &[&Tensor<T>], _p: &[&Tensor<T>]) -> Tensor<T> {
        let s = x[0].shape;
        let count = T::of((s.n * s.plane()) as f64);
        let average = |f: &dyn Fn(usize, T) -> T| -> Vec<T> {
            let mut sums = vec![T::ZERO; s.c];
            for (i, plane) in x[0].data.chunks(s.plane()).enumerate() {
                plane.iter().for_each(|&v| sums[i % s.c] += f(i % s.c, v));
            }
            sums.into_iter().map(|sum| sum / count).collect()
        };
        let mean = average(&|_, v| v);
        let variance = average(&|c, v| (v - mean[c]) * (v - mean[c]));
        Tensor::new(Shape::vector(2, s.c), [mean, variance].concat())
    }

    fn variants(&self, at: &Site) -> Vec<Kernel> {
        let x = at.inputs[0];
        vec![Kernel {
            shader: shader!("batch_moments"),
            overrides: Vec::new(),
            bindings: vec![Binding::Input(0), Binding::Output],
            dims: [x.n, x.c, x.plane()].map(word).to_vec(),
            grid: fold(x.c, at.limits),
        }]
    }

    fn cases() -> Vec<Case> {
        let case = |shape| Case::new(format!("moments {shape}"), Op::BatchMoments(Self), [shape]);
        vec![case(Shape::new(4, 3, 5, 7)), case(Shape::vector(9, 17)), case(Shape::new(2, 70, 3, 3))]
    }
}

impl Operator for Normalise {
    fn infer(&self, inputs: &[Shape]) -> Result<Shape, ShapeError> {
        match *inputs {
            [x, moments] if moments == Shape::vector(2, x.c) => Ok(x),
            [x, moments] => Err(ShapeError::Unequal { left: moments, right: Shape::vector(2, x.c) }),
            _ => Err(ShapeError::InputCount { expected: 2, found: inputs.len() }),
        }
    }

    fn params(&self, inputs: &[Shape]) -> Vec<ParamSpec> {
        let spec = |suffix, value| ParamSpec { suffix, dims: vec![inputs[0].c], init: Init::Constant(value) };
        vec![spec("weight", 1.0), spec("bias", 0.0)]
    }

    fn reference<T: Real>(&self, x: &[&Tensor<T>], p: &[&Tensor<T>]) -> Tensor<T> {
        let (mean, variance) = x[1].data.split_at(x[0].shape.c);
        normalised(x[0], &p[0].data, &p[1].data, mean, variance, self.epsilon)
    }

    fn vjp(&self, net: &mut Backward, node: NodeId, dy: NodeId) -> Option<Grads> {
        let (x, moments, weight) = (net.input(node, 0), net.input(node, 1), net.param(node, 0));
        let (epsilon, statistics) = (self.epsilon, Statistics::Batch);
        let dw = Op::BatchNormWeightGradient(BatchNormWeightGradient { epsilon, statistics });
        let dw = net.emit(node, "weight.gradient", dw, &[x, dy, moments], &[]);
        let db = net.bias_gradient(node, dy);
        let dx = Op::NormaliseGradient(NormaliseGradient { epsilon });
        let dx = net.emit(node, "input_gradient", dx, &[x, dy, moments, dw, db], &[weight]);
        Some(Grads { inputs: vec![Some(dx), None], params: vec![Some(dw), Some(db)] })
    }

    fn variants(&self, at: &Site) -> Vec<Kernel> {
        vec![super::kernel(Statistics::Batch, self.epsilon, at)]
    }

    fn cases() -> Vec<Case> {
        let case = |epsilon, x: Shape| {
            let name = format!("normalise {x} epsilon {epsilon}");
            let case = Case::new(name, Op::Normalise(Self { epsilon }), [x, Shape::vector(2, x.c)]);
            case.with(1, case::Kind::Moments)
        };
        vec![case(1e-5, Shape::new(2, 3, 5, 7)), case(1e-3, Shape::vector(9, 17))]
    }
}
