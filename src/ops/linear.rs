//! A fully connected layer: `y = activation(w x + b)`, `x` of `[n, c, 1, 1]`, `w` of `[o, c]`.

use super::activation::apply;
use super::kernel::{Class, Layout, code, each, fold, magnitude, shader, word};
use super::{
    Activation, Binding, Case, Conv2d, Conv2dInputGradient, Conv2dWeightGradient, Init, Kernel, Op, Operator,
    ParamSpec, Real, Site, one,
};
use crate::gradient::{Backward, Grads};
use crate::graph::NodeId;
use crate::shape::{Shape, ShapeError, Window};
use crate::tensor::Tensor;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Linear {
    /// Number of outputs.
    pub features: usize,
    pub activation: Option<Activation>,
}

impl Linear {
    pub const fn new(features: usize) -> Self {
        Self { features, activation: None }
    }
}

/// The kernels of a layer that multiplies each picture, all of it, with a matrix of weights (parameter 0) and adds a
/// bias (parameter 1): also of a convolution whose window is the picture.
pub(super) fn matrix_kernels(at: &Site, activation: Option<Activation>) -> Vec<Kernel> {
    let (n, c, o) = (at.output.n, at.inputs[0].image(), at.output.c);
    let kernel = |shader, layout, first, grid| Kernel {
        shader,
        overrides: vec![code(activation)],
        bindings: vec![
            Binding::Input(0),
            Binding::Param(0, layout),
            Binding::Param(1, Layout::AsIs),
            Binding::Output,
        ],
        dims: [first, c, o].map(word).to_vec(),
        grid,
    };
    let columns = Layout::Transposed { outputs: 4 };
    vec![
        kernel(shader!("linear_direct"), Layout::AsIs, n * o, each(n * o, at.limits)),
        kernel(shader!("linear_columns"), columns, n, each(n * o.div_ceil(4), at.limits)),
        kernel(shader!("linear_workgroup"), Layout::AsIs, n * o, fold(n * o, at.limits)),
    ]
}

impl Operator for Linear {
    fn infer(&self, inputs: &[Shape]) -> Result<Shape, ShapeError> {
        let x = one(inputs)?;
        if self.features == 0 {
            return Err(ShapeError::Zero { what: "the number of outputs" });
        }
        if x.plane() != 1 {
            return Err(ShapeError::Unequal { left: x, right: Shape::vector(x.n, x.image()) });
        }
        Ok(Shape::vector(x.n, self.features))
    }

    fn params(&self, inputs: &[Shape]) -> Vec<ParamSpec> {
        let c = inputs[0].c;
        let init = Init::Uniform { bound: 1.0 / (c as f32).sqrt() };
        vec![
            ParamSpec { suffix: "weight", dims: vec![self.features, c], init },
            ParamSpec { suffix: "bias", dims: vec![self.features], init },
        ]
    }

    fn macs(&self, inputs: &[Shape], output: Shape) -> u64 {
        (output.len() * inputs[0].c) as u64
    }

    fn reference<T: Real>(&self, x: &[&Tensor<T>], p: &[&Tensor<T>]) -> Tensor<T> {
        let (x, w, b) = (x[0], p[0], p[1]);
        let mut data = Vec::with_capacity(x.shape.n * self.features);
        for image in x.data.chunks(x.shape.c) {
            for (row, &bias) in w.data.chunks(x.shape.c).zip(&b.data) {
                let mut sum = bias;
                for (&weight, &value) in row.iter().zip(image) {
                    sum += weight * value;
                }
                data.push(self.activation.map_or(sum, |f| apply(f, sum)));
            }
        }
        Tensor::new(Shape::vector(x.shape.n, self.features), data)
    }

    /// `dx = w^T dy` and `dw = dy x^T`: those of a convolution that sees one pixel.
    fn vjp(&self, net: &mut Backward, node: NodeId, dy: NodeId) -> Option<Grads> {
        let dy = net.before(self.activation, node, dy);
        let (x, weight) = (net.input(node, 0), net.param(node, 0));
        let conv = Conv2d::new(self.features, Window::point());
        let dx = Op::Conv2dInputGradient(Conv2dInputGradient { conv, input: [net.shape(x).c, 1, 1] });
        let dw = Op::Conv2dWeightGradient(Conv2dWeightGradient { conv });
        let dw = net.emit(node, "weight.gradient", dw, &[x, dy], &[]);
        let db = net.bias_gradient(node, dy);
        let dx = net.emit(node, "input_gradient", dx, &[dy], &[weight]);
        Some(Grads { inputs: vec![Some(dx)], params: vec![Some(dw), Some(db)] })
    }

    fn variants(&self, at: &Site) -> Vec<Kernel> {
        matrix_kernels(at, self.activation)
    }

    /// By the orders of magnitude of inputs and outputs. A smaller problem has fewer inputs, because the number of
    /// outputs decides how much of a device is busy.
    fn class(&self, inputs: &[Shape], macs: usize) -> Option<Class> {
        let (c, features) = (magnitude(inputs[0].c, 4096), magnitude(self.features, 1024));
        let batch = if inputs[0].n > 4 { 8 } else { 1 };
        Some(Class {
            name: format!("linear {batch}x{c} to {features}"),
            op: Op::Linear(Self::new(features)),
            inputs: vec![Shape::vector(batch, c.min(macs / (batch * features)).max(1))],
        })
    }

    fn cases() -> Vec<Case> {
        let case = |features, activation, n, c| {
            let name = format!("linear {c} to {features}, batch {n}, {activation:?}");
            Case::new(name, Op::Linear(Linear { features, activation }), [Shape::vector(n, c)])
        };
        vec![
            case(10, None, 3, 84),
            case(84, Some(Activation::Tanh), 2, 120),
            case(1, None, 1, 1),
            case(33, Some(Activation::Relu), 5, 67),
            case(100, None, 1, 1280),
            case(45, Some(Activation::Relu), 3, 1000).in_half(),
        ]
    }
}
