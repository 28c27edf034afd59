//! The layers: one file each, with its shape rule, its parameters, its cost, its definition as loops and the
//! shapes every backend must agree on. [`Operator`] is the contract; [`Op`] is the closed list of those who keep it.
//!
//! A layer's gradient is made of more ops, in the same file or folder, and [`Operator::vjp`] says of which.
//!
//! A layer here knows nothing of networks, plans or devices.

pub mod activation;
pub mod adaptive_avg_pool;
pub mod add;
pub mod avg_pool;
pub mod batch_norm;
pub mod case;
pub mod channel_sum;
pub mod clip;
pub mod concat;
pub mod constant;
pub mod conv2d;
pub mod cross_entropy;
pub mod dropout;
pub mod flatten;
pub mod global_avg_pool;
pub mod half;
pub mod input;
pub mod kernel;
pub mod linear;
pub mod lrn;
pub mod mask;
pub mod max_pool;
pub mod real;
pub mod recolour;
pub mod scale;
pub mod softmax;
pub mod warp;

pub use activation::{Activation, ActivationGradient};
pub use adaptive_avg_pool::{AdaptiveAvgPool, AdaptiveAvgPoolGradient};
pub use add::Add;
pub use avg_pool::{AvgPool, AvgPoolGradient};
pub use batch_norm::{
    BatchMoments, BatchNorm, BatchNormGradient, BatchNormWeightGradient, Normalise, NormaliseGradient,
};
pub use case::Case;
pub use channel_sum::ChannelSum;
pub use clip::{ClipScale, SquareSums};
pub use concat::{ChannelSlice, Concat};
pub use constant::Constant;
pub use conv2d::{Conv2d, Conv2dInputGradient, Conv2dWeightGradient, Epilogue};
pub use cross_entropy::{CorrectAnswers, CrossEntropy, CrossEntropyGradient};
pub use dropout::Dropout;
pub use flatten::{Flatten, Unflatten};
pub use global_avg_pool::{GlobalAvgPool, GlobalAvgPoolGradient};
pub use input::Input;
pub use kernel::{Binding, Class, Kernel, Layout, Shader, Site};
pub use linear::Linear;
pub use lrn::{Lrn, LrnGradient};
pub use mask::Mask;
pub use max_pool::{MaxPool, MaxPoolGradient};
pub use real::Real;
pub use recolour::Recolour;
pub use scale::Scale;
pub use softmax::{Softmax, SoftmaxGradient};
pub use warp::Warp;

use crate::gradient::{Backward, Grads};
use crate::graph::NodeId;
use crate::shape::{Shape, ShapeError, Window};
use crate::tensor::Tensor;

/// What every layer says about itself. Each op file answers in this order.
pub trait Operator {
    /// Shape of the one output.
    fn infer(&self, inputs: &[Shape]) -> Result<Shape, ShapeError>;

    /// The parameters, with torchvision's suffixes and dimensions, in the order `reference` takes them.
    fn params(&self, inputs: &[Shape]) -> Vec<ParamSpec> {
        let _ = inputs;
        Vec::new()
    }

    /// Mask-accumulates; by the papers' convention only convolutions and linear layers count.
    fn macs(&self, inputs: &[Shape], output: Shape) -> u64 {
        let _ = (inputs, output);
        0
    }

    /// The window through which an output pixel sees its input, for the receptive field.
    fn window(&self, inputs: &[Shape]) -> Window {
        let _ = inputs;
        Window::point()
    }

    /// The definition. `x` are the inputs, `p` the parameters; `reference::<f64>` is the oracle of every test.
    fn reference<T: Real>(&self, x: &[&Tensor<T>], p: &[&Tensor<T>]) -> Tensor<T>;

    /// Hands `dy`, the gradient of node `node`'s output, on to its inputs and parameters, with nodes added to `net`.
    /// None where the op is itself a part of the backward pass: nothing is differentiated twice.
    fn vjp(&self, net: &mut Backward, node: NodeId, dy: NodeId) -> Option<Grads> {
        let _ = (net, node, dy);
        None
    }

    /// The GPU kernels that compute it at these shapes, the readable one first. Which is fastest is measured on the
    /// device, for each [`Operator::class`]; none are needed where [`Op::is_identity`] holds.
    fn variants(&self, at: &Site) -> Vec<Kernel>;

    /// The class of problems for which one measurement of the variants speaks, with a problem of about `macs`
    /// multiply-accumulates at most; none where nothing needs measuring, and the last variant is the best.
    fn class(&self, inputs: &[Shape], macs: usize) -> Option<Class> {
        let _ = (inputs, macs);
        None
    }

    /// The largest error a backend may show: `max |y - reference| / max |reference|`.
    fn tolerance(&self) -> f64 {
        1e-5
    }

    /// Shapes on which every backend must agree with the reference.
    fn cases() -> Vec<Case>;
}

/// One parameter of a layer: `suffix` is what follows the layer's name, as in `conv1` + `.weight`.
#[derive(Clone, Debug, PartialEq)]
pub struct ParamSpec {
    pub suffix: &'static str,
    pub dims: Vec<usize>,
    pub init: Init,
}

/// How a parameter starts when there is no checkpoint.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Init {
    /// Normal with variance `2 / fan_out`. He et al. 2015, as torchvision initialises convolutions.
    He {
        fan_out: usize,
    },
    /// Uniform in `[-bound, bound]`, as PyTorch initialises linear layers with `bound = 1 / sqrt(fan_in)`.
    Uniform {
        bound: f32,
    },
    Constant(f32),
}

/// Every layer there is. [`dispatch`] is the only `match` over it.
#[derive(Clone, Debug, PartialEq)]
pub enum Op {
    Input(Input),
    Conv2d(Conv2d),
    Linear(Linear),
    BatchNorm(BatchNorm),
    Activation(Activation),
    MaxPool(MaxPool),
    AvgPool(AvgPool),
    AdaptiveAvgPool(AdaptiveAvgPool),
    GlobalAvgPool(GlobalAvgPool),
    Lrn(Lrn),
    Add(Add),
    Concat(Concat),
    Flatten(Flatten),
    Dropout(Dropout),
    Softmax(Softmax),
    AdaptiveAvgPoolGradient(AdaptiveAvgPoolGradient),
    ChannelSlice(ChannelSlice),
    LrnGradient(LrnGradient),
    Conv2dInputGradient(Conv2dInputGradient),
    Conv2dWeightGradient(Conv2dWeightGradient),
    BatchMoments(BatchMoments),
    Normalise(Normalise),
    BatchNormWeightGradient(BatchNormWeightGradient),
    BatchNormGradient(BatchNormGradient),
    NormaliseGradient(NormaliseGradient),
    ActivationGradient(ActivationGradient),
    MaxPoolGradient(MaxPoolGradient),
    AvgPoolGradient(AvgPoolGradient),
    GlobalAvgPoolGradient(GlobalAvgPoolGradient),
    Unflatten(Unflatten),
    Mask(Mask),
    Scale(Scale),
    Constant(Constant),
    ChannelSum(ChannelSum),
    SoftmaxGradient(SoftmaxGradient),
    CrossEntropy(CrossEntropy),
    CrossEntropyGradient(CrossEntropyGradient),
    CorrectAnswers(CorrectAnswers),
    SquareSums(SquareSums),
    ClipScale(ClipScale),
    Warp(Warp),
    Recolour(Recolour),
}

macro_rules! dispatch {
    ($self:expr, $op:ident => $answer:expr) => {
        match $self {
            Op::Input($op) => $answer,
            Op::Conv2d($op) => $answer,
            Op::Linear($op) => $answer,
            Op::BatchNorm($op) => $answer,
            Op::Activation($op) => $answer,
            Op::MaxPool($op) => $answer,
            Op::AvgPool($op) => $answer,
            Op::AdaptiveAvgPool($op) => $answer,
            Op::GlobalAvgPool($op) => $answer,
            Op::Lrn($op) => $answer,
            Op::Add($op) => $answer,
            Op::Concat($op) => $answer,
            Op::Flatten($op) => $answer,
            Op::Dropout($op) => $answer,
            Op::Softmax($op) => $answer,
            Op::AdaptiveAvgPoolGradient($op) => $answer,
            Op::ChannelSlice($op) => $answer,
            Op::LrnGradient($op) => $answer,
            Op::Conv2dInputGradient($op) => $answer,
            Op::Conv2dWeightGradient($op) => $answer,
            Op::BatchMoments($op) => $answer,
            Op::Normalise($op) => $answer,
            Op::BatchNormWeightGradient($op) => $answer,
            Op::BatchNormGradient($op) => $answer,
            Op::NormaliseGradient($op) => $answer,
            Op::ActivationGradient($op) => $answer,
            Op::MaxPoolGradient($op) => $answer,
            Op::AvgPoolGradient($op) => $answer,
            Op::GlobalAvgPoolGradient($op) => $answer,
            Op::Unflatten($op) => $answer,
            Op::Mask($op) => $answer,
            Op::Scale($op) => $answer,
            Op::Constant($op) => $answer,
            Op::ChannelSum($op) => $answer,
            Op::SoftmaxGradient($op) => $answer,
            Op::CrossEntropy($op) => $answer,
            Op::CrossEntropyGradient($op) => $answer,
            Op::CorrectAnswers($op) => $answer,
            Op::SquareSums($op) => $answer,
            Op::ClipScale($op) => $answer,
            Op::Warp($op) => $answer,
            Op::Recolour($op) => $answer,
        }
    };
}

impl Op {
    pub fn infer(&self, inputs: &[Shape]) -> Result<Shape, ShapeError> {
        dispatch!(self, op => op.infer(inputs))
    }

    pub fn params(&self, inputs: &[Shape]) -> Vec<ParamSpec> {
        dispatch!(self, op => op.params(inputs))
    }

    pub fn macs(&self, inputs: &[Shape], output: Shape) -> u64 {
        dispatch!(self, op => op.macs(inputs, output))
    }

    pub fn window(&self, inputs: &[Shape]) -> Window {
        dispatch!(self, op => op.window(inputs))
    }

    pub fn reference<T: Real>(&self, x: &[&Tensor<T>], p: &[&Tensor<T>]) -> Tensor<T> {
        dispatch!(self, op => op.reference(x, p))
    }

    pub fn vjp(&self, net: &mut Backward, node: NodeId, dy: NodeId) -> Option<Grads> {
        dispatch!(self, op => op.vjp(net, node, dy))
    }

    pub fn variants(&self, at: &Site) -> Vec<Kernel> {
        dispatch!(self, op => op.variants(at))
    }

    pub fn class(&self, inputs: &[Shape], macs: usize) -> Option<Class> {
        dispatch!(self, op => op.class(inputs, macs))
    }

    pub fn tolerance(&self) -> f64 {
        dispatch!(self, op => op.tolerance())
    }

    /// The layer's name in a table, `Conv2d` for instance.
    pub fn kind(&self) -> &'static str {
        match self {
            Op::Activation(activation) => activation.name(),
            Op::Input(_) => "Input",
            Op::Conv2d(_) => "Conv2d",
            Op::Linear(_) => "Linear",
            Op::BatchNorm(_) => "BatchNorm",
            Op::MaxPool(_) => "MaxPool",
            Op::AvgPool(_) => "AvgPool",
            Op::AdaptiveAvgPool(_) => "AdaptiveAvgPool",
            Op::GlobalAvgPool(_) => "GlobalAvgPool",
            Op::Lrn(_) => "Lrn",
            Op::Add(_) => "Add",
            Op::Concat(_) => "Concat",
            Op::Flatten(_) => "Flatten",
            Op::Dropout(_) => "Dropout",
            Op::Softmax(_) => "Softmax",
            Op::AdaptiveAvgPoolGradient(_) => "AdaptiveAvgPoolGradient",
            Op::ChannelSlice(_) => "ChannelSlice",
            Op::LrnGradient(_) => "LrnGradient",
            Op::Conv2dInputGradient(_) => "Conv2dInputGradient",
            Op::Conv2dWeightGradient(_) => "Conv2dWeightGradient",
            Op::BatchMoments(_) => "BatchMoments",
            Op::Normalise(_) => "Normalise",
            Op::BatchNormWeightGradient(_) => "BatchNormWeightGradient",
            Op::BatchNormGradient(_) => "BatchNormGradient",
            Op::NormaliseGradient(_) => "NormaliseGradient",
            Op::ActivationGradient(_) => "ActivationGradient",
            Op::MaxPoolGradient(_) => "MaxPoolGradient",
            Op::AvgPoolGradient(_) => "AvgPoolGradient",
            Op::GlobalAvgPoolGradient(_) => "GlobalAvgPoolGradient",
            Op::Unflatten(_) => "Unflatten",
            Op::Mask(_) => "Mask",
            Op::Scale(_) => "Scale",
            Op::Constant(_) => "Constant",
            Op::ChannelSum(_) => "ChannelSum",
            Op::SoftmaxGradient(_) => "SoftmaxGradient",
            Op::CrossEntropy(_) => "CrossEntropy",
            Op::CrossEntropyGradient(_) => "CrossEntropyGradient",
            Op::CorrectAnswers(_) => "CorrectAnswers",
            Op::SquareSums(_) => "SquareSums",
            Op::ClipScale(_) => "ClipScale",
            Op::Warp(_) => "Warp",
            Op::Recolour(_) => "Recolour",
        }
    }

    /// Whether the output holds the input's values in the same order, so that no work is to be done.
    pub fn is_identity(&self) -> bool {
        matches!(self, Op::Flatten(_) | Op::Unflatten(_) | Op::Dropout(_))
    }

    /// The cases of every layer.
    pub fn cases() -> Vec<Case> {
        [
            Conv2d::cases(),
            Linear::cases(),
            BatchNorm::cases(),
            Activation::cases(),
            MaxPool::cases(),
            AvgPool::cases(),
            AdaptiveAvgPool::cases(),
            GlobalAvgPool::cases(),
            Lrn::cases(),
            Add::cases(),
            Concat::cases(),
            Flatten::cases(),
            Dropout::cases(),
            Softmax::cases(),
            AdaptiveAvgPoolGradient::cases(),
            ChannelSlice::cases(),
            LrnGradient::cases(),
            Conv2dInputGradient::cases(),
            Conv2dWeightGradient::cases(),
            BatchMoments::cases(),
            Normalise::cases(),
            BatchNormWeightGradient::cases(),
            BatchNormGradient::cases(),
            NormaliseGradient::cases(),
            ActivationGradient::cases(),
            MaxPoolGradient::cases(),
            AvgPoolGradient::cases(),
            GlobalAvgPoolGradient::cases(),
            Unflatten::cases(),
            Mask::cases(),
            Scale::cases(),
            Constant::cases(),
            ChannelSum::cases(),
            SoftmaxGradient::cases(),
            CrossEntropy::cases(),
            CrossEntropyGradient::cases(),
            CorrectAnswers::cases(),
            SquareSums::cases(),
            ClipScale::cases(),
            Warp::cases(),
            Recolour::cases(),
        ]
        .concat()
    }
}

/// The single input of an op that takes one.
pub(crate) fn one<S: Copy>(inputs: &[S]) -> Result<S, ShapeError> {
    match inputs {
        [x] => Ok(*x),
        _ => Err(ShapeError::InputCount { expected: 1, found: inputs.len() }),
    }
}

/// The common shape of the two inputs of an op that takes two alike.
pub(crate) fn pair(inputs: &[Shape]) -> Result<Shape, ShapeError> {
    match *inputs {
        [a, b] if a == b => Ok(a),
        [left, right] => Err(ShapeError::Unequal { left, right }),
        _ => Err(ShapeError::InputCount { expected: 2, found: inputs.len() }),
    }
}
