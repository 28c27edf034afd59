//! The gradient of a convolution by its weight: how each tap of the kernel met each gradient, over all windows.
//!
//! `dw[o, c, kh, kw] = sum over n, oh, ow of dy[n, o, oh, ow] * x[n, g + c, oh * stride + kh - top, ow * stride + kw - left]`

use super::super::kernel::{each, fold, shader, word};
use super::super::{Binding, Case, Kernel, Op, Operator, Real, Site};
use super::Conv2d;
use crate::shape::{Padding, Shape, ShapeError, Window};
use crate::tensor::Tensor;

/// Takes the convolution's input and `dy`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Conv2dWeightGradient {
    /// Whose gradient it is; without bias and epilogue.
    pub conv: Conv2d,
}

/// Tiles of the weight that keep a device busy with one invocation each.
const ENOUGH_TILES: usize = 1024;
/// Pixels of one invocation at least, where several share a tile.
const FEWEST_PIXELS: usize = 16;

impl Operator for Conv2dWeightGradient {
    /// As the weight's dimensions, `[o, i / groups, kernel height, kernel width]`.
    fn infer(&self, inputs: &[Shape]) -> Result<Shape, ShapeError> {
        let [x, dy] = *inputs else {
            return Err(ShapeError::InputCount { expected: 2, found: inputs.len() });
        };
        match self.conv.infer(&[x])? {
            y if y == dy => Ok(Shape::from_dims(&self.conv.params(&[x])[0].dims)),
            y => Err(ShapeError::Unequal { left: y, right: dy }),
        }
    }

    fn macs(&self, inputs: &[Shape], _output: Shape) -> u64 {
        self.conv.macs(&inputs[..1], inputs[1])
    }

    fn reference<T: Real>(&self, x: &[&Tensor<T>], _p: &[&Tensor<T>]) -> Tensor<T> {
        let (x, dy) = (x[0], x[1]);
        let Conv2d { window, groups, channels, .. } = self.conv;
        let (group_in, group_out) = (x.shape.c / groups, channels / groups);
        let [kh, kw] = window.kernel;
        let mut dw = Tensor::filled(Shape::new(channels, group_in, kh, kw), T::ZERO);
        for n in 0..dy.shape.n {
            for o in 0..dy.shape.c {
                let first = o / group_out * group_in;
                for oh in 0..dy.shape.h {
                    for ow in 0..dy.shape.w {
                        for c in 0..group_in {
                            for ih in window.rows(oh, x.shape.h) {
                                let kh = ih + window.padding.top - oh * window.stride[0];
                                for iw in window.columns(ow, x.shape.w) {
                                    let kw = iw + window.padding.left - ow * window.stride[1];
                                    let at = dw.index(o, c, kh, kw);
                                    dw.data[at] += dy.at(n, o, oh, ow) * x.at(n, first + c, ih, iw);
                                }
                            }
                        }
                    }
                }
            }
        }
        dw
    }

    fn variants(&self, at: &Site) -> Vec<Kernel> {
        let (x, dy, dw) = (at.inputs[0], at.inputs[1], at.output);
        let Window { kernel: [kh, kw], stride: [sh, sw], padding: Padding { top, left, .. }, .. } =
            self.conv.window;
        let groups = [dw.c, dw.n / self.conv.groups];
        let dims = [dw.len(), x.n, x.c, x.h, x.w, dy.c, dy.h, dy.w, kh, kw, sh, sw, top, left];
        let direct = Kernel {
            shader: shader!("conv2d_weight_gradient"),
            overrides: Vec::new(),
            bindings: vec![Binding::Input(0), Binding::Input(1), Binding::Output],
            dims: dims.into_iter().chain(groups).map(word).collect(),
            grid: each(dw.len(), at.limits),
        };
        if self.conv.groups != 1 {
            return vec![direct];
        }
        let (pixels, taps) = (dy.n * dy.plane(), dw.image());
        let dims =
            [pixels, x.c, x.h, x.w, dy.c, dy.h, dy.w, kh, kw, sh, sw, top, left, taps, taps.div_ceil(4)];
        let tiles = taps.div_ceil(4) * dy.c.div_ceil(8);
        // Each member has enough pixels for what it costs to add up.
        let most = (pixels / FEWEST_PIXELS).clamp(1, 64).next_power_of_two();
        let share = if tiles < ENOUGH_TILES { most } else { 1 };
        let shared = Kernel {
            shader: shader!("conv2d_weight_gradient_registers"),
            overrides: vec![("SHARE", share as f64)],
            dims: dims.map(word).to_vec(),
            grid: fold((tiles * share).div_ceil(64), at.limits),
            ..direct.clone()
        };
        vec![direct, shared]
    }

    fn tolerance(&self) -> f64 {
        2e-5
    }

    fn cases() -> Vec<Case> {
        let case = |(name, conv, x): (String, Conv2d, Shape)| {
            let dy = conv.infer(&[x]).expect("the case's shapes fit");
            let op = Op::Conv2dWeightGradient(Self { conv });
            Case::new(format!("weight gradient of {name}"), op, [x, dy])
        };
        super::cases::plain().into_iter().map(case).collect()
    }
}
