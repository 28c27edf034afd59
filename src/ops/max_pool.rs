//! The largest value in every window; padding never wins. LeCun et al. 1998 subsampling, with a maximum.

use super::kernel::{each, shader, word};
use super::{Binding, Case, Kernel, Op, Operator, Real, Shader, Site, one, pair};
use crate::gradient::{Backward, Grads};
use crate::graph::NodeId;
use crate::shape::{Shape, ShapeError, Window};
use crate::tensor::Tensor;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MaxPool {
    pub window: Window,
}

impl Operator for MaxPool {
    fn infer(&self, inputs: &[Shape]) -> Result<Shape, ShapeError> {
        let x = one(inputs)?;
        let [h, w] = self.window.output(x.h, x.w)?;
        Ok(Shape { h, w, ..x })
    }

    fn window(&self, _inputs: &[Shape]) -> Window {
        self.window
    }

    fn reference<T: Real>(&self, x: &[&Tensor<T>], _p: &[&Tensor<T>]) -> Tensor<T> {
        let x = x[0];
        let [h, w] = self.window.output(x.shape.h, x.shape.w).expect("the shape was inferred");
        let y = Shape { h, w, ..x.shape };
        let mut data = Vec::with_capacity(y.len());
        for n in 0..y.n {
            for c in 0..y.c {
                for oh in 0..y.h {
                    for ow in 0..y.w {
                        let rows = self.window.rows(oh, x.shape.h);
                        let values = rows.flat_map(|ih| {
                            self.window.columns(ow, x.shape.w).map(move |iw| x.at(n, c, ih, iw))
                        });
                        data.push(values.reduce(T::larger).expect("a window touches the image"));
                    }
                }
            }
        }
        Tensor::new(y, data)
    }

    fn vjp(&self, net: &mut Backward, node: NodeId, dy: NodeId) -> Option<Grads> {
        let op = Op::MaxPoolGradient(MaxPoolGradient { window: self.window });
        let x = net.input(node, 0);
        Some(Grads::of_input(net.emit(node, "input_gradient", op, &[x, dy], &[])))
    }

    fn variants(&self, at: &Site) -> Vec<Kernel> {
        vec![pooling_kernel(shader!("max_pool"), self.window, at)]
    }

    fn tolerance(&self) -> f64 {
        0.0
    }

    fn cases() -> Vec<Case> {
        pooling_windows()
            .into_iter()
            .map(|(window, x)| {
                Case::new(format!("max pool {window:?} on {x}"), Op::MaxPool(MaxPool { window }), [x])
            })
            .collect()
    }
}

/// Every window hands its gradient to its largest value, the first of equal ones, as PyTorch does. Takes `x` and `dy`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MaxPoolGradient {
    pub window: Window,
}

impl Operator for MaxPoolGradient {
    fn infer(&self, inputs: &[Shape]) -> Result<Shape, ShapeError> {
        let [x, dy] = *inputs else {
            return Err(ShapeError::InputCount { expected: 2, found: inputs.len() });
        };
        pair(&[MaxPool { window: self.window }.infer(&[x])?, dy])?;
        Ok(x)
    }

    fn reference<T: Real>(&self, x: &[&Tensor<T>], _p: &[&Tensor<T>]) -> Tensor<T> {
        let (x, dy) = (x[0], x[1]);
        let mut dx = Tensor::filled(x.shape, T::ZERO);
        for n in 0..dy.shape.n {
            for c in 0..dy.shape.c {
                for oh in 0..dy.shape.h {
                    for ow in 0..dy.shape.w {
                        let mut best = None;
                        for ih in self.window.rows(oh, x.shape.h) {
                            for iw in self.window.columns(ow, x.shape.w) {
                                let at = x.index(n, c, ih, iw);
                                if best.is_none_or(|best| x.data[at] > x.data[best]) {
                                    best = Some(at);
                                }
                            }
                        }
                        dx.data[best.expect("a window touches the image")] += dy.at(n, c, oh, ow);
                    }
                }
            }
        }
        dx
    }

    fn variants(&self, at: &Site) -> Vec<Kernel> {
        let bindings = vec![Binding::Input(0), Binding::Input(1), Binding::Output];
        vec![pooling_gradient_kernel(shader!("max_pool_gradient"), bindings, self.window, at)]
    }

    fn cases() -> Vec<Case> {
        let case = |(window, x): (Window, Shape)| {
            let dy = MaxPool { window }.infer(&[x]).expect("the case's shapes fit");
            let op = Op::MaxPoolGradient(Self { window });
            Case::new(format!("gradient of max pool {window:?} on {x}"), op, [x, dy])
        };
        pooling_windows().into_iter().map(case).collect()
    }
}

/// The windows on which both poolings are tested: overlapping, padded, ceil mode, larger than a step.
pub(super) fn pooling_windows() -> Vec<(Window, Shape)> {
    vec![
        (Window::square(2, 2, 0), Shape::new(2, 6, 28, 28)),
        (Window::square(3, 2, 1), Shape::new(1, 5, 15, 12)),
        (Window::square(3, 2, 0).with_ceil(), Shape::new(2, 3, 14, 11)),
        (Window::square(3, 1, 1), Shape::new(1, 4, 6, 6)),
        (Window::square(2, 2, 1).with_ceil(), Shape::new(1, 2, 3, 3)),
    ]
}

/// The one kernel of both poolings.
pub(super) fn pooling_kernel(shader: Shader, window: Window, at: &Site) -> Kernel {
    let bindings = vec![Binding::Input(0), Binding::Output];
    kernel(shader, bindings, window, at.output.len(), [at.inputs[0], at.output], at)
}

/// The one kernel of both gradients; `dy` is the last input.
pub(super) fn pooling_gradient_kernel(
    shader: Shader,
    bindings: Vec<Binding>,
    window: Window,
    at: &Site,
) -> Kernel {
    let dy = at.inputs[at.inputs.len() - 1];
    kernel(shader, bindings, window, at.output.len(), [at.output, dy], at)
}

fn kernel(
    shader: Shader,
    bindings: Vec<Binding>,
    window: Window,
    len: usize,
    [x, y]: [Shape; 2],
    at: &Site,
) -> Kernel {
    let Window { kernel, stride, padding: p, .. } = window;
    let dims = [len, x.h, x.w, y.h, y.w, kernel[0], kernel[1], stride[0], stride[1]];
    Kernel {
        shader,
        overrides: Vec::new(),
        bindings,
        dims: dims.into_iter().chain([p.top, p.left, p.bottom, p.right]).map(word).collect(),
        grid: each(len, at.limits),
    }
}
