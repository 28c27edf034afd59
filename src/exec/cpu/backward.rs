//! Which loop computes an op that exists only in training: the other half of [`super::kernel`].

use super::held::{Held, Place};
use super::parts::Parts;
use crate::ops::batch_norm::Statistics;
use crate::ops::{ActivationGradient, Op, SquareSums};
use crate::shape::{Shape, Window};
use headstart_kernels::columns::Columns;
use headstart_kernels::conv::Workspace;
use headstart_kernels::elementwise::{activation_gradient, multiply, spread};
use headstart_kernels::norm;
use headstart_kernels::pool::{average_gradient, max_gradient};

pub enum Backward {
    ConvolutionInput {
        layer: Columns,
        weight: Place,
    },
    ConvolutionWeight {
        layer: Columns,
        /// Runs of pictures that are summed up at the same time.
        parts: usize,
    },
    ChannelSum {
        input: Shape,
    },
    Moments {
        input: Shape,
    },
    /// Batch norm by the batch's statistics; weight and bias.
    Norm {
        input: Shape,
        epsilon: f32,
        params: [Place; 2],
    },
    NormWeight {
        input: Shape,
        epsilon: f32,
        running: Option<[Place; 2]>,
    },
    NormFrozen {
        input: Shape,
        epsilon: f32,
        params: [Place; 2],
    },
    /// `count` is that of a channel's values in the whole batch.
    NormBatch {
        input: Shape,
        count: usize,
        epsilon: f32,
        weight: Place,
    },
    Activation(ActivationGradient),
    Max {
        input: Shape,
        window: Window,
        output: Shape,
    },
    Average {
        input: Shape,
        window: Window,
        output: Shape,
    },
    GlobalAverage {
        plane: usize,
    },
    Mask,
    /// Values of one picture, and those of them that are handed back.
    Slice {
        image: usize,
        values: std::ops::Range<usize>,
    },
    SquareSums,
}

impl Backward {
    /// The loop of `op`, if it has one of its own; `params` are where its parameters are, as checkpoints have them, and
    /// `batch` is the pictures of all parts together.
    pub fn new(op: &Op, inputs: &[Shape], output: Shape, batch: usize, params: &[Place]) -> Option<Self> {
        let input = *inputs.first()?;
        Some(match *op {
            Op::Conv2dInputGradient(op) => Self::ConvolutionInput {
                layer: Columns::new(output, input, op.conv.window, op.conv.groups),
                weight: params[0],
            },
            Op::Conv2dWeightGradient(op) => Self::ConvolutionWeight {
                layer: Columns::new(input, inputs[1], op.conv.window, op.conv.groups),
                parts: Parts::new(input.n, input.image(), 2).count,
            },
            Op::ChannelSum(_) => Self::ChannelSum { input },
            Op::BatchMoments(_) => Self::Moments { input },
            Op::Normalise(op) => {
                Self::Norm { input, epsilon: op.epsilon as f32, params: [params[0], params[1]] }
            }
            Op::BatchNormWeightGradient(op) => {
                let running = (op.statistics == Statistics::Running).then(|| [params[0], params[1]]);
                Self::NormWeight { input, epsilon: op.epsilon as f32, running }
            }
            Op::BatchNormGradient(op) => {
                Self::NormFrozen { input, epsilon: op.epsilon as f32, params: [params[0], params[1]] }
            }
            Op::NormaliseGradient(op) => {
                let count = batch * input.plane();
                Self::NormBatch { input, count, epsilon: op.epsilon as f32, weight: params[0] }
            }
            Op::ActivationGradient(op) => Self::Activation(op),
            Op::MaxPoolGradient(op) => Self::Max { input, window: op.window, output: inputs[1] },
            Op::AvgPoolGradient(op) => Self::Average { input: output, window: op.window, output: input },
            Op::GlobalAvgPoolGradient(_) => Self::GlobalAverage { plane: output.plane() },
            Op::Mask(_) => Self::Mask,
            Op::ChannelSlice(op) => {
                let first = op.first * input.plane();
                Self::Slice { image: input.image(), values: first..first + output.image() }
            }
            Op::SquareSums(_) => Self::SquareSums,
            _ => return None,
        })
    }

    /// Fills `y` from the inputs `x`, which are exactly as long as their shapes say.
    pub fn run(&self, x: &[&[f32]], held: &Held, y: &mut [f32], workspace: &mut Workspace) {
        match self {
            Self::ConvolutionInput { layer, weight } => {
                layer.input_gradient(x[0], held.get(*weight), y, workspace);
            }
            Self::ConvolutionWeight { layer, parts } => {
                layer.weight_gradient(x[0], x[1], y, *parts, workspace);
            }
            Self::ChannelSum { input } => norm::channel_sums(x[0], *input, y),
            Self::Moments { input } => norm::moments(x[0], *input, y),
            Self::Norm { input, epsilon, params } => {
                let ([weight, bias], (mean, variance)) =
                    (params.map(|place| held.get(place)), x[1].split_at(input.c));
                norm::normalise(x[0], *input, [weight, bias, mean, variance], *epsilon, y);
            }
            Self::NormWeight { input, epsilon, running } => {
                let statistics = match running {
                    Some([mean, variance]) => [held.get(*mean), held.get(*variance)],
                    None => x[2].split_at(input.c).into(),
                };
                norm::weight_gradient(x[0], x[1], *input, statistics, *epsilon, y);
            }
            Self::NormFrozen { input, epsilon, params } => {
                norm::frozen_gradient(x[0], *input, params.map(|place| held.get(place)), *epsilon, y);
            }
            Self::NormBatch { input, count, epsilon, weight } => {
                let x = [x[0], x[1], x[2], x[3], x[4]];
                norm::batch_gradient(x, (*input, *count), held.get(*weight), *epsilon, y);
            }
            Self::Activation(op) => activation_gradient(op.activation, x[0], x[1], y),
            Self::Max { input, window, output } => max_gradient((x[0], *input), *window, (x[1], *output), y),
            Self::Average { input, window, output } => {
                average_gradient(*input, *window, (x[0], *output), y);
            }
            Self::GlobalAverage { plane } => spread(x[0], *plane, y),
            Self::Mask => multiply(x[0], x[1], y),
            Self::Slice { image, values } => {
                let images = y.chunks_exact_mut(values.len()).zip(x[0].chunks_exact(*image));
                images.for_each(|(y, x)| y.copy_from_slice(&x[values.clone()]));
            }
            Self::SquareSums => {
                match x.get(1) {
                    Some(before) => y.copy_from_slice(before),
                    None => y.fill(0.0),
                }
                SquareSums::add(x[0], y);
            }
        }
    }
}
