//! The gradient of a convolution by its input, also known as the transposed convolution: every output pixel hands its
//! gradient back to the pixels that its window saw.
//!
//! `dx[n, g + c, oh * stride + kh - top, ow * stride + kw - left] += w[o, c, kh, kw] * dy[n, o, oh, ow]`
//!
//! Dumoulin and Visin 2016, "A guide to convolution arithmetic for deep learning", chapter 4.

use super::super::kernel::{Class, Layout, each, shader, word};
use super::super::{Binding, Case, Kernel, Op, Operator, ParamSpec, Real, Site, one};
use super::Conv2d;
use crate::shape::{Padding, Shape, ShapeError, Window};
use crate::tensor::Tensor;

/// Takes `dy` and the convolution's weight.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Conv2dInputGradient {
    /// Whose gradient it is; without bias and epilogue.
    pub conv: Conv2d,
    /// Channels, height and width of the convolution's input, which its output alone does not tell.
    pub input: [usize; 3],
}

impl Conv2dInputGradient {
    /// The convolution of `dy` that gives `dx`, with the kernel turned by half a turn and inputs and outputs exchanged;
    /// none where the stride leaves gaps, or the padding is wider than the kernel.
    fn mirrored(&self, dy: Shape) -> Option<Conv2d> {
        let [c, h, w] = self.input;
        let Window { kernel: [kh, kw], stride, padding, .. } = self.conv.window;
        if stride != [1, 1] || self.conv.groups != 1 {
            return None;
        }
        let (top, left) = ((kh - 1).checked_sub(padding.top)?, (kw - 1).checked_sub(padding.left)?);
        let bottom = (h + kh - 1).checked_sub(dy.h + top)?;
        let right = (w + kw - 1).checked_sub(dy.w + left)?;
        let padding = Padding { top, left, bottom, right };
        Some(Conv2d::new(c, Window { padding, ..self.conv.window }))
    }

    /// Where the window is the picture, the convolution of one pixel that gives all values of `dx` as channels: a matrix
    /// product, which the mirrored one would fill up with padding. None where the weight as it is has not the rows that
    /// products read.
    fn flat(&self) -> Option<Conv2d> {
        let [c, h, w] = self.input;
        let whole = self.conv.window == Window { kernel: [h, w], ..Window::point() } && h * w > 1;
        let rows = self.conv.channels.is_multiple_of(4) && (c * h * w).is_multiple_of(16);
        (whole && rows && self.conv.groups == 1).then(|| Conv2d::new(c * h * w, Window::point()))
    }

    fn input(&self, n: usize) -> Shape {
        let [c, h, w] = self.input;
        Shape::new(n, c, h, w)
    }
}

impl Operator for Conv2dInputGradient {
    fn infer(&self, inputs: &[Shape]) -> Result<Shape, ShapeError> {
        let dy = one(inputs)?;
        let x = self.input(dy.n);
        match self.conv.infer(&[x])? {
            y if y == dy => Ok(x),
            y => Err(ShapeError::Unequal { left: y, right: dy }),
        }
    }

    fn params(&self, inputs: &[Shape]) -> Vec<ParamSpec> {
        self.conv.params(&[self.input(inputs[0].n)])
    }

    fn macs(&self, inputs: &[Shape], output: Shape) -> u64 {
        self.conv.macs(&[output], inputs[0])
    }

    fn reference<T: Real>(&self, x: &[&Tensor<T>], p: &[&Tensor<T>]) -> Tensor<T> {
        let (dy, w) = (x[0], p[0]);
        let Conv2d { window, groups, channels, .. } = self.conv;
        let mut dx = Tensor::filled(self.input(dy.shape.n), T::ZERO);
        let (group_in, group_out) = (dx.shape.c / groups, channels / groups);
        for n in 0..dy.shape.n {
            for o in 0..dy.shape.c {
                let first = o / group_out * group_in;
                for oh in 0..dy.shape.h {
                    for ow in 0..dy.shape.w {
                        for c in 0..group_in {
                            for ih in window.rows(oh, dx.shape.h) {
                                let kh = ih + window.padding.top - oh * window.stride[0];
                                for iw in window.columns(ow, dx.shape.w) {
                                    let kw = iw + window.padding.left - ow * window.stride[1];
                                    let at = dx.index(n, first + c, ih, iw);
                                    dx.data[at] += w.at(o, c, kh, kw) * dy.at(n, o, oh, ow);
                                }
                            }
                        }
                    }
                }
            }
        }
        dx
    }

    fn variants(&self, at: &Site) -> Vec<Kernel> {
        let (dy, dx) = (at.inputs[0], at.output);
        let Conv2d { window, groups, channels, .. } = self.conv;
        let Window { kernel: [kh, kw], stride: [sh, sw], padding: Padding { top, left, .. }, .. } = window;
        let groups = [dx.c / groups, channels / groups];
        let dims = [dx.len(), dx.c, dx.h, dx.w, dy.c, dy.h, dy.w, kh, kw, sh, sw, top, left];
        let direct = Kernel {
            shader: shader!("conv2d_input_gradient"),
            overrides: Vec::new(),
            bindings: vec![Binding::Input(0), Binding::Param(0, Layout::AsIs), Binding::Output],
            dims: dims.into_iter().chain(groups).map(word).collect(),
            grid: each(dx.len(), at.limits),
        };
        let mut variants = vec![direct];
        let (products, order) = match self.flat() {
            Some(conv) => {
                let output = Shape::vector(dx.n, dx.image());
                (Some(conv.in_products(&Site { output, ..*at })), Layout::AsIs)
            }
            None => {
                let mirrored = self.mirrored(dy).map(|conv| conv.in_products(at));
                (mirrored, Layout::Mirrored { inputs: 4, outputs: 16 })
            }
        };
        for mut kernel in products.into_iter().flatten() {
            for binding in &mut kernel.bindings {
                if let Binding::Param(_, layout) = binding {
                    *layout = order;
                }
            }
            variants.push(kernel);
        }
        variants
    }

    /// That of the convolution whose kernels do the same work.
    fn class(&self, inputs: &[Shape], macs: usize) -> Option<Class> {
        self.flat().or_else(|| self.mirrored(inputs[0]))?.class(inputs, macs)
    }

    fn tolerance(&self) -> f64 {
        2e-5
    }

    fn cases() -> Vec<Case> {
        let case = |(name, conv, x): (String, Conv2d, Shape)| {
            let dy = conv.infer(&[x]).expect("the case's shapes fit");
            let op = Self { conv, input: [x.c, x.h, x.w] };
            Case::new(format!("input gradient of {name}"), Op::Conv2dInputGradient(op), [dy])
        };
        super::cases::plain().into_iter().map(case).collect()
    }
}
