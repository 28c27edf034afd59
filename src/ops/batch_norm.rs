//! Batch normalisation in evaluation: `y = (x - running_mean) / sqrt(running_var + epsilon) * weight + bias`
//! per channel. Ioffe and Szegedy 2015, algorithm 2.

use super::kernel::{Layout, each, shader, word};
use super::{Binding, Case, Init, Kernel, Op, Operator, ParamSpec, Real, Site, one};
use crate::shape::{Shape, ShapeError};
use crate::tensor::Tensor;

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct BatchNorm {
    pub epsilon: f64,
}

impl Operator for BatchNorm {
    fn infer(&self, inputs: &[Shape]) -> Result<Shape, ShapeError> {
        one(inputs)
    }

    fn params(&self, inputs: &[Shape]) -> Vec<ParamSpec> {
        let spec = |suffix, value| ParamSpec { suffix, dims: vec![inputs[0].c], init: Init::Constant(value) };
        vec![spec("weight", 1.0), spec("bias", 0.0), spec("running_mean", 0.0), spec("running_var", 1.0)]
    }

    fn reference<T: Real>(&self, x: &[&Tensor<T>], p: &[&Tensor<T>]) -> Tensor<T> {
        let [weight, bias, mean, variance] = p else { panic!("batch norm takes four parameters") };
        let s = x[0].shape;
        let value = |(i, &v): (usize, &T)| {
            let c = i / s.plane() % s.c;
            let deviation = (variance.data[c] + T::of(self.epsilon)).sqrt();
            (v - mean.data[c]) / deviation * weight.data[c] + bias.data[c]
        };
        Tensor::new(s, x[0].data.iter().enumerate().map(value).collect())
    }

    fn variants(&self, at: &Site) -> Vec<Kernel> {
        let params = (0..4).map(|i| Binding::Param(i, Layout::AsIs));
        vec![Kernel {
            shader: shader!("batch_norm"),
            overrides: vec![("EPSILON", self.epsilon)],
            bindings: [Binding::Input(0)].into_iter().chain(params).chain([Binding::Output]).collect(),
            dims: [at.output.len(), at.output.c, at.output.plane()].map(word).to_vec(),
            grid: each(at.output.len(), at.limits),
        }]
    }

    fn cases() -> Vec<Case> {
        let case = |epsilon, shape| {
            let name = format!("batch norm {shape} epsilon {epsilon}");
            Case::new(name, Op::BatchNorm(BatchNorm { epsilon }), [shape])
        };
        vec![case(1e-5, Shape::new(2, 3, 5, 7)), case(1e-3, Shape::new(1, 17, 1, 1))]
    }
}
