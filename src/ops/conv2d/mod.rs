//! Convolution (cross-correlation, as all frameworks compute it):
//!
//! `y[n, o, oh, ow] = activation(b[o] + residual[n, o, oh, ow] + sum over c, kh, kw of
//! w[o, c, kh, kw] * x[n, g + c, oh * stride + kh - top, ow * stride + kw - left])`
//!
//! where `g` is the first input channel of `o`'s group. One group is an ordinary convolution, as many groups as
//! channels a depthwise one. Bias, residual and activation are there when the layer, or the planner, put them there.

mod cases;
mod input_gradient;
mod weight_gradient;

pub use input_gradient::Conv2dInputGradient;
pub use weight_gradient::Conv2dWeightGradient;

use super::activation::apply;
use super::kernel::{Class, Layout, code, each, fold, magnitude, shader, switch, word};
use super::linear::matrix_kernels;
use super::{Activation, Binding, Case, Init, Kernel, Op, Operator, ParamSpec, Real, Shader, Site};
use crate::gradient::{Backward, Grads};
use crate::graph::NodeId;
use crate::shape::{Padding, Shape, ShapeError, Window};
use crate::tensor::Tensor;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Conv2d {
    /// Number of output channels, `o`.
    pub channels: usize,
    pub window: Window,
    pub groups: usize,
    pub bias: bool,
    pub epilogue: Epilogue,
}

/// What a fused operation does to its result before it is written: first the residual, then the activation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Epilogue {
    /// Adds the second input, of the output's shape.
    pub residual: bool,
    pub activation: Option<Activation>,
}

impl Conv2d {
    /// One group, no bias: the convolution that a batch norm follows.
    pub const fn new(channels: usize, window: Window) -> Self {
        let epilogue = Epilogue { residual: false, activation: None };
        Self { channels, window, groups: 1, bias: false, epilogue }
    }

    pub const fn with_bias(self) -> Self {
        Self { bias: true, ..self }
    }

    pub const fn with_groups(self, groups: usize) -> Self {
        Self { groups, ..self }
    }

    /// The products alone.
    const fn plain(self) -> Self {
        Self { bias: false, epilogue: Epilogue { residual: false, activation: None }, ..self }
    }

    /// Whether every output channel sees exactly one input channel of its own.
    pub const fn is_depthwise(&self, x: Shape) -> bool {
        self.groups == x.c && self.channels == x.c && x.c > 1
    }
}

/// The weights of all matrix products, so that they exist once: channels in steps of the largest tile.
const PRODUCT: Layout = Layout::OutputsLast { inputs: 4, outputs: 16 };

impl Conv2d {
    fn kernel(&self, shader: Shader, layout: Layout, dims: Vec<usize>, grid: [u32; 3]) -> Kernel {
        let Epilogue { residual, activation } = self.epilogue;
        let bindings = vec![
            Binding::Input(0),
            Binding::Param(0, layout),
            // The weight and the input stand in for a bias and a residual that are not there.
            if self.bias { Binding::Param(1, Layout::AsIs) } else { Binding::Param(0, layout) },
            Binding::Input(usize::from(residual)),
            Binding::Output,
        ];
        let overrides = vec![switch("BIAS", self.bias), switch("RESIDUAL", residual), code(activation)];
        Kernel { shader, overrides, bindings, dims: dims.into_iter().map(word).collect(), grid }
    }

    /// The first number, then input, output and window as all these shaders take them.
    fn dims(&self, first: usize, at: &Site) -> Vec<usize> {
        let (x, y) = (at.inputs[0], at.output);
        let Window { kernel: [kh, kw], stride: [sh, sw], padding, .. } = self.window;
        vec![first, x.c, x.h, x.w, y.c, y.h, y.w, kh, kw, sh, sw, padding.top, padding.left]
    }

    fn direct(&self, at: &Site) -> Kernel {
        let mut dims = self.dims(at.output.len(), at);
        dims.extend([at.inputs[0].c / self.groups, self.channels / self.groups]);
        self.kernel(shader!("conv2d_direct"), Layout::AsIs, dims, each(at.output.len(), at.limits))
    }

    /// The implicit matrix product, so many output channels by so many pixels an invocation.
    fn in_registers(&self, shader: Shader, [outputs, pixels]: [usize; 2], at: &Site) -> Kernel {
        let count = at.output.n * at.output.plane();
        // A wide workgroup reads longer runs of memory, unless much of it would lie beyond the last pixel.
        let made = |width: usize| count.next_multiple_of(width * pixels);
        let [width, height] = if made(16) * 10 > made(8) * 11 { [8, 8] } else { [16, 4] };
        let mut kernel = self.product(shader, [outputs * height, pixels * width], at);
        kernel.overrides.extend([("WIDTH", width as f64), ("HEIGHT", height as f64)]);
        kernel
    }

    /// As matrix products, of one group.
    fn in_products(&self, at: &Site) -> [Kernel; 3] {
        [
            self.in_registers(shader!("conv2d_registers_8x4"), [8, 4], at),
            self.in_registers(shader!("conv2d_registers_16x8"), [16, 8], at),
            self.product(shader!("conv2d_workgroup"), [64, 64], at),
        ]
    }

    /// Whether the window is the picture, and the convolution a matrix times all its values plus a bias.
    fn sees_everything(&self, at: &Site) -> bool {
        let x = at.inputs[0];
        let whole = self.window.kernel == [x.h, x.w] && self.window.padding == Padding::none();
        whole && self.groups == 1 && self.bias && !self.epilogue.residual
    }

    /// A depthwise convolution, four output rows an invocation.
    fn in_strips(&self, shader: Shader, at: &Site) -> Kernel {
        let (x, y) = (at.inputs[0], at.output);
        let strips = y.n * y.c * y.h.div_ceil(4) * y.w;
        let Padding { top, left, .. } = self.window.padding;
        let dims = vec![strips, x.c, x.h, x.w, y.h, y.w, top, left];
        let mut kernel = self.kernel(shader, Layout::AsIs, dims, each(strips, at.limits));
        kernel.overrides.push(("STRIDE", self.window.stride[0] as f64));
        kernel
    }

    /// A matrix product of which a workgroup makes a tile of so many output channels by so many pixels.
    fn product(&self, shader: Shader, [outputs, pixels]: [usize; 2], at: &Site) -> Kernel {
        let count = at.output.n * at.output.plane();
        let mut dims = self.dims(count, at);
        dims.push(self.channels.next_multiple_of(16) / 4);
        let [x, y, _] = fold(count.div_ceil(pixels), at.limits);
        self.kernel(shader, PRODUCT, dims, [x, y, word(self.channels.div_ceil(outputs))])
    }
}

impl Operator for Conv2d {
    fn infer(&self, inputs: &[Shape]) -> Result<Shape, ShapeError> {
        let expected = 1 + usize::from(self.epilogue.residual);
        if inputs.len() != expected {
            return Err(ShapeError::InputCount { expected, found: inputs.len() });
        }
        let x = inputs[0];
        if self.channels == 0 || self.groups == 0 {
            return Err(ShapeError::Zero { what: "the number of channels and of groups" });
        }
        for channels in [x.c, self.channels] {
            if !channels.is_multiple_of(self.groups) {
                return Err(ShapeError::Groups { channels, groups: self.groups });
            }
        }
        let [h, w] = self.window.output(x.h, x.w)?;
        let y = Shape::new(x.n, self.channels, h, w);
        match inputs.get(1) {
            Some(&residual) if residual != y => Err(ShapeError::Unequal { left: y, right: residual }),
            _ => Ok(y),
        }
    }

    fn params(&self, inputs: &[Shape]) -> Vec<ParamSpec> {
        let [kh, kw] = self.window.kernel;
        let c = inputs[0].c / self.groups;
        let fan_out = self.channels / self.groups * kh * kw;
        let dims = vec![self.channels, c, kh, kw];
        let mut specs = vec![ParamSpec { suffix: "weight", dims, init: Init::He { fan_out } }];
        if self.bias {
            let bound = 1.0 / ((c * kh * kw) as f32).sqrt();
            let init = Init::Uniform { bound };
            specs.push(ParamSpec { suffix: "bias", dims: vec![self.channels], init });
        }
        specs
    }

    fn macs(&self, inputs: &[Shape], output: Shape) -> u64 {
        let [kh, kw] = self.window.kernel;
        (output.len() * (inputs[0].c / self.groups) * kh * kw) as u64
    }

    fn window(&self, _inputs: &[Shape]) -> Window {
        self.window
    }

    fn reference<T: Real>(&self, x: &[&Tensor<T>], p: &[&Tensor<T>]) -> Tensor<T> {
        let residual = self.epilogue.residual.then(|| x[1]);
        let (x, w, b) = (x[0], p[0], self.bias.then(|| p[1]));
        let Window { stride, padding, .. } = self.window;
        let [h, width] = self.window.output(x.shape.h, x.shape.w).expect("the shape was inferred");
        let mut y = Tensor::filled(Shape::new(x.shape.n, self.channels, h, width), T::ZERO);
        let (group_in, group_out) = (x.shape.c / self.groups, self.channels / self.groups);
        for n in 0..y.shape.n {
            for o in 0..y.shape.c {
                let first = o / group_out * group_in;
                for oh in 0..y.shape.h {
                    for ow in 0..y.shape.w {
                        let mut sum = b.map_or(T::ZERO, |b| b.data[o]);
                        for c in 0..group_in {
                            for ih in self.window.rows(oh, x.shape.h) {
                                let kh = ih + padding.top - oh * stride[0];
                                for iw in self.window.columns(ow, x.shape.w) {
                                    let kw = iw + padding.left - ow * stride[1];
                                    sum += w.at(o, c, kh, kw) * x.at(n, first + c, ih, iw);
                                }
                            }
                        }
                        let at = y.index(n, o, oh, ow);
                        if let Some(residual) = residual {
                            sum += residual.data[at];
                        }
                        y.data[at] = self.epilogue.activation.map_or(sum, |f| apply(f, sum));
                    }
                }
            }
        }
        y
    }

    fn vjp(&self, net: &mut Backward, node: NodeId, dy: NodeId) -> Option<Grads> {
        let dy = net.before(self.epilogue.activation, node, dy);
        let (x, weight) = (net.input(node, 0), net.param(node, 0));
        let conv = self.plain();
        let Shape { c, h, w, .. } = net.shape(x);
        let dx = Op::Conv2dInputGradient(Conv2dInputGradient { conv, input: [c, h, w] });
        let dw = Op::Conv2dWeightGradient(Conv2dWeightGradient { conv });
        let dw = net.emit(node, "weight.gradient", dw, &[x, dy], &[]);
        let db = self.bias.then(|| net.bias_gradient(node, dy));
        let dx = net.emit(node, "input_gradient", dx, &[dy], &[weight]);
        Some(Grads {
            inputs: vec![Some(dx), self.epilogue.residual.then_some(dy)],
            params: vec![Some(dw), db],
        })
    }

    fn variants(&self, at: &Site) -> Vec<Kernel> {
        let mut variants = vec![self.direct(at)];
        if self.sees_everything(at) {
            variants.extend(matrix_kernels(at, self.epilogue.activation));
        }
        if self.groups == 1 {
            variants.extend(self.in_products(at));
        }
        if self.is_depthwise(at.inputs[0]) && [[1, 1], [2, 2]].contains(&self.window.stride) {
            match self.window.kernel {
                [3, 3] => variants.push(self.in_strips(shader!("conv2d_depthwise_3x3"), at)),
                [5, 5] => variants.push(self.in_strips(shader!("conv2d_depthwise_5x5"), at)),
                _ => {}
            }
        }
        variants
    }

    /// By the window and the orders of magnitude of channels and pixels. A smaller problem has fewer input channels,
    /// because output channels and pixels decide how much of a device is busy; without an epilogue, so that the
    /// kernels that lose are compiled once. Depthwise, the strips load less and differ in nothing else.
    fn class(&self, inputs: &[Shape], macs: usize) -> Option<Class> {
        let x = inputs[0];
        if self.groups != 1 {
            return None;
        }
        let [h, w] = self.window.output(x.h, x.w).ok()?;
        let Window { kernel: [kh, kw], stride: [sh, sw], padding, .. } = self.window;
        let sides = [1, 7, 14, 28, 56];
        let side = sides.into_iter().find(|side| x.n * h * w <= side * side * 5 / 4).unwrap_or(56);
        let outputs = magnitude(self.channels, 256);
        let inputs = magnitude(x.c, 16);
        let name = format!("convolution {kh}x{kw}/{sh}x{sw} {inputs} to {outputs} on {side}x{side}");

        let macs_of = |side: usize| side * side * outputs * kh * kw;
        let least = inputs.min(4);
        let side = sides.into_iter().rfind(|s| *s <= side && macs_of(*s) * least <= macs).unwrap_or(1);
        // An input from which this window makes that many pixels.
        let length = |kernel: usize, stride: usize, padding: usize| {
            ((side - 1) * stride + kernel).saturating_sub(padding).max(1)
        };
        let [h, w] =
            [length(kh, sh, padding.top + padding.bottom), length(kw, sw, padding.left + padding.right)];
        let affordable = (macs / macs_of(side)).max(least);
        let c = magnitude(x.c, 1024).min(affordable.next_power_of_two());
        let op = Self { channels: outputs, bias: true, epilogue: Epilogue::default(), ..*self };
        Some(Class { name, op: Op::Conv2d(op), inputs: vec![Shape::new(1, c, h, w)] })
    }

    /// A sum of a few thousand products rounds in another order on every backend.
    fn tolerance(&self) -> f64 {
        2e-5
    }

    fn cases() -> Vec<Case> {
        cases::all()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_problem_of_a_class_is_as_small_as_asked_for_and_of_the_same_class() {
        let ops = [
            (Conv2d::new(512, Window::square(3, 1, 1)).with_bias(), Shape::new(1, 512, 7, 7)),
            (Conv2d::new(64, Window::square(7, 2, 3)).with_bias(), Shape::new(1, 3, 224, 224)),
            (Conv2d::new(16, Window::square(1, 1, 0)).with_bias(), Shape::new(8, 96, 56, 56)),
        ];
        for (op, x) in ops {
            for macs in [2_000_000, 50_000_000] {
                let class = op.class(&[x], macs).unwrap();
                let y = class.op.infer(&class.inputs).unwrap();
                let found = class.op.macs(&class.inputs, y);
                assert!(found <= 2 * macs as u64, "{}: {found} of {macs}", class.name);
            }
            let large = op.class(&[x], usize::MAX / 1024).unwrap();
            assert_eq!(large.op.class(&large.inputs, 1).unwrap().name, large.name);
        }
    }
}
