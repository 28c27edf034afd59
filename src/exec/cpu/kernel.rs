//! Which loop computes an op: chosen once, when a plan is prepared, from the op and its shapes.
//!
//! The only file of this backend that names ops. An op without a loop of its own runs its definition.

use super::backward::Backward;
use super::held::{Held, Place};
use super::parts::Parts;
use crate::exec::ExecError;
use crate::graph::{Graph, Node, ParamId};
use crate::ops::{Activation, Conv2d, Lrn, Op};
use crate::shape::{Shape, Window};
use crate::tensor::Tensor;
use headstart_kernels::conv::{Convolution, Workspace};
use headstart_kernels::depthwise::Depthwise;
use headstart_kernels::elementwise::add;
use headstart_kernels::epilogue::{Epilogue, activate_all};
use headstart_kernels::linear::linear;
use headstart_kernels::lrn::{self, Neighbours};
use headstart_kernels::norm;
use headstart_kernels::pool::{Pooling, adaptive_average, global_average, pool};
use headstart_kernels::rounded;
use headstart_kernels::softmax::softmax;
use headstart_kernels::turned::{turned, turned_window};
use headstart_kernels::winograd::Winograd;

/// One step of a program: an op at its shapes, and where its parameters are held.
pub enum Kernel {
    Convolution {
        layer: Convolution,
        weight: Place,
        bias: Option<Place>,
        activation: Option<Activation>,
    },
    Winograd {
        layer: Winograd,
        weight: Place,
        bias: Option<Place>,
        activation: Option<Activation>,
    },
    Depthwise {
        layer: Depthwise,
        weight: Place,
        bias: Option<Place>,
        activation: Option<Activation>,
    },
    Linear {
        batch: usize,
        /// Whether the weight is packed by [`rounded::pack`].
        rounded: bool,
        weight: Place,
        bias: Place,
        activation: Option<Activation>,
    },
    Pool {
        pooling: Pooling,
        input: Shape,
        window: Window,
        output: Shape,
    },
    AdaptiveAverage {
        input: Shape,
        bins: [usize; 2],
    },
    GlobalAverage {
        plane: usize,
    },
    Lrn {
        op: Neighbours,
        input: Shape,
    },
    /// Values of one picture of each input.
    Concat {
        images: Vec<usize>,
    },
    Add {
        activation: Option<Activation>,
    },
    Activation(Activation),
    Softmax {
        input: Shape,
    },
    /// Batch norm by running statistics; weight, bias, mean and variance.
    Norm {
        input: Shape,
        epsilon: f32,
        params: [Place; 4],
    },
    /// What exists only in training.
    Backward(Backward),
    Definition {
        op: Op,
        inputs: Vec<Shape>,
        params: Vec<(Shape, Place)>,
    },
}

/// How a parameter's values are rearranged before they are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Packing {
    /// [`turned`] first, in so many groups, for the way back.
    turned: Option<usize>,
    order: Order,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Order {
    AsIs,
    /// [`Convolution::pack_weight`] with so many groups.
    Panels {
        groups: usize,
    },
    /// [`Winograd::pack_weight`] for tiles of that size.
    Winograd {
        tile: usize,
    },
    /// [`rounded::pack`].
    Rounded,
}

impl Packing {
    pub const AS_IS: Self = Self { turned: None, order: Order::AsIs };
    pub const ROUNDED: Self = Self { turned: None, order: Order::Rounded };

    pub fn apply(self, values: Tensor<f32>) -> Vec<f32> {
        let Shape { n: outputs, c: depth, h, w } = values.shape;
        let (values, outputs) = match self.turned {
            Some(groups) => (turned(&values.data, [outputs, depth, h * w], groups), depth * groups),
            None => (values.data, outputs),
        };
        match self.order {
            Order::AsIs => values,
            Order::Rounded => rounded::pack(&values, outputs),
            Order::Winograd { tile } => Winograd::pack_weight(&values, outputs, tile),
            Order::Panels { groups } => Convolution::pack_weight(&values, outputs, groups),
        }
    }
}

/// How a node's step may be divided by pictures: not at all where they are mixed.
pub fn parts(graph: &Graph, node: &Node) -> Parts {
    let inputs = match node.op {
        Op::Normalise(_) => 1,
        Op::NormaliseGradient(_) => 2,
        Op::Conv2dWeightGradient(_)
        | Op::BatchMoments(_)
        | Op::BatchNormWeightGradient(_)
        | Op::ChannelSum(_)
        | Op::Constant(_)
        | Op::CrossEntropy(_)
        | Op::CrossEntropyGradient(_)
        | Op::CorrectAnswers(_) => return Parts::WHOLE,
        _ => node.inputs.len(),
    };
    let divisible = node.inputs[..inputs].iter().all(|id| graph.node(*id).shape.n == node.shape.n);
    if divisible { Parts::new(node.shape.n, node.shape.image(), inputs) } else { Parts::WHOLE }
}

impl Kernel {
    /// Chooses the kernel of `node` for one of `parts`; `param` finds a place with the values of a parameter in the
    /// packing it is asked for. Where the plan `trains`, every parameter stays in full precision.
    pub async fn new(
        graph: &Graph,
        node: &Node,
        parts: Parts,
        trains: bool,
        param: impl AsyncFn(ParamId, Packing) -> Result<Place, ExecError>,
    ) -> Result<Self, ExecError> {
        let part = |shape: Shape| shape.with_batch(shape.n / parts.count);
        let inputs = node.inputs.iter().map(|id| graph.node(*id).shape).enumerate();
        let inputs = inputs.map(|(index, shape)| if index < parts.inputs { part(shape) } else { shape });
        let (inputs, output): (Vec<Shape>, Shape) = (inputs.collect(), part(node.shape));
        Ok(match &node.op {
            Op::Conv2d(conv) => {
                let (fused, bias) = (conv.epilogue.activation, conv.bias.then(|| node.params[1]));
                let layer = Layer { conv, input: inputs[0], output, turned: false };
                return convolution(layer, [Some(node.params[0]), bias], fused, param).await;
            }
            Op::Conv2dInputGradient(op) if turned_window(op.conv.window, output, inputs[0]).is_some() => {
                let window = turned_window(op.conv.window, output, inputs[0]).expect("as just found");
                let conv = &Conv2d { window, channels: output.c, ..op.conv };
                let layer = Layer { conv, input: inputs[0], output, turned: true };
                return convolution(layer, [Some(node.params[0]), None], None, param).await;
            }
            &Op::Linear(op) => {
                let rounded = !trains && inputs[0].c * op.features >= rounded::WORTH_ROUNDING;
                let packing = if rounded { Packing::ROUNDED } else { Packing::AS_IS };
                Self::Linear {
                    batch: output.n,
                    rounded,
                    weight: param(node.params[0], packing).await?,
                    bias: param(node.params[1], Packing::AS_IS).await?,
                    activation: op.activation,
                }
            }
            Op::MaxPool(op) => {
                Self::Pool { pooling: Pooling::Max, input: inputs[0], window: op.window, output }
            }
            Op::AvgPool(op) => {
                Self::Pool { pooling: Pooling::Average, input: inputs[0], window: op.window, output }
            }
            Op::AdaptiveAvgPool(op) => Self::AdaptiveAverage { input: inputs[0], bins: op.bins },
            &Op::Lrn(op) => Self::Lrn { op: neighbours(op), input: inputs[0] },
            Op::Concat(_) => Self::Concat { images: inputs.iter().map(Shape::image).collect() },
            Op::GlobalAvgPool(_) => Self::GlobalAverage { plane: inputs[0].plane() },
            Op::Add(op) => Self::Add { activation: op.activation },
            &Op::Activation(activation) => Self::Activation(activation),
            Op::Softmax(_) => Self::Softmax { input: inputs[0] },
            op => {
                let mut places = Vec::with_capacity(node.params.len());
                for id in &node.params {
                    places.push(param(*id, Packing::AS_IS).await?);
                }
                if let (Op::BatchNorm(op), &[weight, bias, mean, variance]) = (op, &places[..]) {
                    let params = [weight, bias, mean, variance];
                    return Ok(Self::Norm { input: inputs[0], epsilon: op.epsilon as f32, params });
                }
                if let Some(backward) = Backward::new(op, &inputs, output, node.shape.n, &places) {
                    return Ok(Self::Backward(backward));
                }
                let shape = |id: &ParamId| Shape::from_dims(&graph.param(*id).dims);
                let params = node.params.iter().map(shape).zip(places).collect();
                Self::Definition { op: op.clone(), inputs, params }
            }
        })
    }

    /// Fills `y` from the inputs `x`, which are exactly as long as their shapes say.
    pub fn run(&self, x: &[&[f32]], held: &Held, y: &mut [f32], workspace: &mut Workspace) {
        let slice = |place: &Option<Place>| place.map(|place| held.get(place));
        let residual = x.get(1).copied();
        match self {
            Self::Convolution { layer, weight, bias, activation } => {
                let epilogue = Epilogue { bias: slice(bias), residual, activation: *activation };
                layer.run(x[0], held.get(*weight), y, epilogue, workspace);
            }
            Self::Winograd { layer, weight, bias, activation } => {
                let epilogue = Epilogue { bias: slice(bias), residual, activation: *activation };
                layer.run(x[0], held.get(*weight), y, epilogue, workspace);
            }
            Self::Depthwise { layer, weight, bias, activation } => {
                let epilogue = Epilogue { bias: slice(bias), residual, activation: *activation };
                layer.run(x[0], held.get(*weight), y, epilogue, &mut workspace.padded);
            }
            Self::Linear { batch, rounded, weight, bias, activation } => {
                let epilogue =
                    Epilogue { bias: Some(held.get(*bias)), residual: None, activation: *activation };
                let weight = held.get(*weight);
                if *rounded {
                    rounded::linear(x[0], weight, y, *batch, epilogue, &mut workspace.panels);
                } else {
                    linear(x[0], weight, y, *batch, epilogue);
                }
            }
            Self::Pool { pooling, input, window, output } => {
                pool(*pooling, (x[0], *input), *window, (y, *output), &mut workspace.padded);
            }
            Self::AdaptiveAverage { input, bins } => adaptive_average(x[0], *input, *bins, y),
            Self::Lrn { op, input } => lrn::normalise(*op, x[0], *input, y),
            Self::Concat { images } => concat(x, images, y),
            Self::GlobalAverage { plane } => global_average(x[0], *plane, y),
            Self::Add { activation } => add(x[0], x[1], *activation, y),
            Self::Activation(activation) => activate_all(*activation, x[0], y),
            Self::Softmax { input } => softmax(x[0], *input, y),
            Self::Norm { input, epsilon, params } => {
                norm::normalise(x[0], *input, params.map(|place| held.get(place)), *epsilon, y);
            }
            Self::Backward(backward) => backward.run(x, held, y, workspace),
            Self::Definition { op, inputs, params } => {
                let values = inputs.iter().zip(x).map(|(&shape, x)| Tensor::new(shape, x.to_vec()));
                let values: Vec<Tensor<f32>> = values.collect();
                let param = |&(shape, place): &(Shape, Place)| Tensor::new(shape, held.get(place).to_vec());
                let params: Vec<Tensor<f32>> = params.iter().map(param).collect();
                let (values, params): (Vec<_>, Vec<_>) = (values.iter().collect(), params.iter().collect());
                y.copy_from_slice(&op.reference(&values, &params).data);
            }
        }
    }
}

/// `op` in single precision.
fn neighbours(op: Lrn) -> Neighbours {
    let [before, after] = op.neighbours();
    let (k, scale, beta) = (op.k as f32, (op.alpha / op.size as f64) as f32, op.beta as f32);
    Neighbours { before, after, k, scale, beta }
}

/// The inputs' pictures in turn, each of as many values as `images` says.
fn concat(x: &[&[f32]], images: &[usize], y: &mut [f32]) {
    for (n, mut y) in y.chunks_exact_mut(images.iter().sum()).enumerate() {
        for (x, &len) in x.iter().zip(images) {
            let (part, rest) = y.split_at_mut(len);
            part.copy_from_slice(&x[n * len..][..len]);
            y = rest;
        }
    }
}

/// A convolution forward, or one on the way back with the weight of the way there.
struct Layer<'a> {
    conv: &'a Conv2d,
    input: Shape,
    output: Shape,
    turned: bool,
}

/// The fastest loop for a layer; `params` are its weight and its bias, if it has one.
async fn convolution(
    layer: Layer<'_>,
    [weight, bias]: [Option<ParamId>; 2],
    activation: Option<Activation>,
    param: impl AsyncFn(ParamId, Packing) -> Result<Place, ExecError>,
) -> Result<Kernel, ExecError> {
    let Layer { conv: &Conv2d { window, groups, .. }, input, output, turned } = layer;
    let weight = async |order: Order| {
        let turned = turned.then_some(groups);
        param(weight.expect("a convolution has a weight"), Packing { turned, order }).await
    };
    let bias = match bias {
        Some(bias) => Some(param(bias, Packing::AS_IS).await?),
        None => None,
    };
    if layer.conv.is_depthwise(input) && Depthwise::covers(window) {
        let layer = Depthwise::new(input, output, window);
        return Ok(Kernel::Depthwise { layer, weight: weight(Order::AsIs).await?, bias, activation });
    }
    if let Some(tile) = Winograd::tile_for(window, groups, input, output) {
        let layer = Winograd::new(input, output, window.padding, tile);
        let order = if layer.takes_plain_weight() { Order::AsIs } else { Order::Winograd { tile } };
        return Ok(Kernel::Winograd { layer, weight: weight(order).await?, bias, activation });
    }
    let layer = Convolution::new(input, output, window, groups);
    Ok(Kernel::Convolution { layer, weight: weight(Order::Panels { groups }).await?, bias, activation })
}
