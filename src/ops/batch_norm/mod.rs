//! Batch normalisation. In evaluation, and frozen in training, an affine map by running statistics:
//! `y = (x - running_mean) / sqrt(running_var + epsilon) * weight + bias` per channel. Ioffe and Szegedy 2015,
//! algorithm 2. In training by the batch's own statistics: see [`Normalise`].

mod gradients;
mod moments;

pub use gradients::{BatchNormGradient, BatchNormWeightGradient, NormaliseGradient};
pub use moments::{BatchMoments, Normalise};

use super::kernel::{Layout, each, shader, word};
use super::{Binding, Case, Init, Kernel, Op, Operator, ParamSpec, Real, Site, one};
use crate::gradient::{Backward, Grads};
use crate::graph::NodeId;
use crate::shape::{Shape, ShapeError};
use crate::tensor::Tensor;

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct BatchNorm {
    pub epsilon: f64,
    /// Share of a batch's statistics in the running ones after a step of training.
    pub momentum: f64,
}

/// By which mean and variance values are normalised.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Statistics {
    /// Those collected while training, which are parameters.
    Running,
    /// Those of the batch, the node of a [`BatchMoments`].
    Batch,
}

/// PyTorch's momentum.
impl From<f64> for BatchNorm {
    fn from(epsilon: f64) -> Self {
        Self { epsilon, momentum: 0.1 }
    }
}

impl Statistics {
    /// Where a kernel finds mean and variance: two parameters, or one input.
    fn bindings(self, params: [usize; 2], input: usize) -> [Binding; 2] {
        match self {
            Self::Running => params.map(|i| Binding::Param(i, Layout::AsIs)),
            Self::Batch => [Binding::Input(input); 2],
        }
    }

    /// Index of the first channel's variance in its binding.
    fn variance_at(self, channels: usize) -> usize {
        match self {
            Self::Running => 0,
            Self::Batch => channels,
        }
    }
}

/// The definition of both modes.
fn normalised<T: Real>(
    x: &Tensor<T>,
    weight: &[T],
    bias: &[T],
    mean: &[T],
    variance: &[T],
    epsilon: f64,
) -> Tensor<T> {
    let value = |(i, &v): (usize, &T)| {
        let c = i / x.shape.plane() % x.shape.c;
        let deviation = (variance[c] + T::of(epsilon)).sqrt();
        (v - mean[c]) / deviation * weight[c] + bias[c]
    };
    Tensor::new(x.shape, x.data.iter().enumerate().map(value).collect())
}

/// The kernel of both modes.
fn kernel(statistics: Statistics, epsilon: f64, at: &Site) -> Kernel {
    let [weight, bias] = [0, 1].map(|i| Binding::Param(i, Layout::AsIs));
    let bindings = [Binding::Input(0), weight, bias].into_iter().chain(statistics.bindings([2, 3], 1));
    let y = at.output;
    Kernel {
        shader: shader!("batch_norm"),
        overrides: vec![("EPSILON", epsilon)],
        bindings: bindings.chain([Binding::Output]).collect(),
        dims: [y.len(), y.c, y.plane(), statistics.variance_at(y.c)].map(word).to_vec(),
        grid: each(y.len(), at.limits),
    }
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
        normalised(x[0], &weight.data, &bias.data, &mean.data, &variance.data, self.epsilon)
    }

    /// The running statistics are constants.
    fn vjp(&self, net: &mut Backward, node: NodeId, dy: NodeId) -> Option<Grads> {
        let x = net.input(node, 0);
        let [weight, mean, variance] = [0, 2, 3].map(|i| net.param(node, i));
        let (epsilon, statistics) = (self.epsilon, Statistics::Running);
        let dw = Op::BatchNormWeightGradient(BatchNormWeightGradient { epsilon, statistics });
        let dw = net.emit(node, "weight.gradient", dw, &[x, dy], &[mean, variance]);
        let db = net.bias_gradient(node, dy);
        let dx = Op::BatchNormGradient(BatchNormGradient { epsilon });
        let dx = net.emit(node, "input_gradient", dx, &[dy], &[weight, variance]);
        Some(Grads { inputs: vec![Some(dx)], params: vec![Some(dw), Some(db), None, None] })
    }

    fn variants(&self, at: &Site) -> Vec<Kernel> {
        vec![kernel(Statistics::Running, self.epsilon, at)]
    }

    fn cases() -> Vec<Case> {
        let case = |epsilon, shape| {
            let name = format!("batch norm {shape} epsilon {epsilon}");
            Case::new(name, Op::BatchNorm(BatchNorm::from(epsilon)), [shape])
        };
        vec![case(1e-5, Shape::new(2, 3, 5, 7)), case(1e-3, Shape::new(1, 17, 1, 1))]
    }
}
