//! The largest value in every window; padding never wins. LeCun et al. 1998 subsampling, with a maximum.

use super::kernel::{each, shader, word};
use super::{Binding, Case, Kernel, Op, Operator, Real, Shader, Site, one};
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
    let (x, y) = (at.inputs[0], at.output);
    let Window { kernel, stride, padding: p, .. } = window;
    let dims = [y.len(), x.h, x.w, y.h, y.w, kernel[0], kernel[1], stride[0], stride[1]];
    Kernel {
        shader,
        overrides: Vec::new(),
        bindings: vec![Binding::Input(0), Binding::Output],
        dims: dims.into_iter().chain([p.top, p.left, p.bottom, p.right]).map(word).collect(),
        grid: each(y.len(), at.limits),
    }
}
