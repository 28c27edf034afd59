//! The mean of every window. Padding counts as zeros in the mean, as in PyTorch's default
//! (`count_include_pad`), but the part of a ceil-mode window beyond the padding does not count.

use super::kernel::shader;
use super::max_pool::{pooling_gradient_kernel, pooling_kernel, pooling_windows};
use super::{Binding, Case, Kernel, Op, Operator, Real, Site, one, pair};
use crate::gradient::{Backward, Grads};
use crate::graph::NodeId;
use crate::shape::{Shape, ShapeError, Window};
use crate::tensor::Tensor;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AvgPool {
    pub window: Window,
}

/// Every window hands equal parts of its gradient to all that it saw. Takes `dy`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AvgPoolGradient {
    pub window: Window,
    /// Height and width of the pooling's input.
    pub size: [usize; 2],
}

/// Pixels of the window at `[oh, ow]` inside the picture of that shape and its padding.
fn area(window: Window, x: Shape, position: [usize; 2]) -> f64 {
    let Window { kernel, stride, padding, .. } = window;
    let padded = [x.h + padding.top + padding.bottom, x.w + padding.left + padding.right];
    let count =
        |axis: usize| kernel[axis].min(padded[axis] - (position[axis] * stride[axis]).min(padded[axis]));
    (count(0) * count(1)) as f64
}

impl Operator for AvgPool {
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
                        let mut sum = T::ZERO;
                        for ih in self.window.rows(oh, x.shape.h) {
                            for iw in self.window.columns(ow, x.shape.w) {
                                sum += x.at(n, c, ih, iw);
                            }
                        }
                        data.push(sum / T::of(area(self.window, x.shape, [oh, ow])));
                    }
                }
            }
        }
        Tensor::new(y, data)
    }

    fn vjp(&self, net: &mut Backward, node: NodeId, dy: NodeId) -> Option<Grads> {
        let Shape { h, w, .. } = net.shape(net.input(node, 0));
        let op = Op::AvgPoolGradient(AvgPoolGradient { window: self.window, size: [h, w] });
        Some(Grads::of_input(net.emit(node, "input_gradient", op, &[dy], &[])))
    }

    fn variants(&self, at: &Site) -> Vec<Kernel> {
        vec![pooling_kernel(shader!("avg_pool"), self.window, at)]
    }

    fn cases() -> Vec<Case> {
        pooling_windows()
            .into_iter()
            .map(|(window, x)| {
                Case::new(format!("average pool {window:?} on {x}"), Op::AvgPool(AvgPool { window }), [x])
            })
            .collect()
    }
}

impl Operator for AvgPoolGradient {
    fn infer(&self, inputs: &[Shape]) -> Result<Shape, ShapeError> {
        let dy = one(inputs)?;
        let x = Shape { h: self.size[0], w: self.size[1], ..dy };
        pair(&[AvgPool { window: self.window }.infer(&[x])?, dy])?;
        Ok(x)
    }

    fn reference<T: Real>(&self, x: &[&Tensor<T>], _p: &[&Tensor<T>]) -> Tensor<T> {
        let dy = x[0];
        let shape = Shape { h: self.size[0], w: self.size[1], ..dy.shape };
        let mut dx = Tensor::filled(shape, T::ZERO);
        for n in 0..dy.shape.n {
            for c in 0..dy.shape.c {
                for oh in 0..dy.shape.h {
                    for ow in 0..dy.shape.w {
                        let part = dy.at(n, c, oh, ow) / T::of(area(self.window, shape, [oh, ow]));
                        for ih in self.window.rows(oh, shape.h) {
                            for iw in self.window.columns(ow, shape.w) {
                                let at = dx.index(n, c, ih, iw);
                                dx.data[at] += part;
                            }
                        }
                    }
                }
            }
        }
        dx
    }

    fn variants(&self, at: &Site) -> Vec<Kernel> {
        let bindings = vec![Binding::Input(0), Binding::Output];
        vec![pooling_gradient_kernel(shader!("avg_pool_gradient"), bindings, self.window, at)]
    }

    fn cases() -> Vec<Case> {
        let case = |(window, x): (Window, Shape)| {
            let dy = AvgPool { window }.infer(&[x]).expect("the case's shapes fit");
            let op = Op::AvgPoolGradient(Self { window, size: [x.h, x.w] });
            Case::new(format!("gradient of average pool {window:?} on {x}"), op, [dy])
        };
        pooling_windows().into_iter().map(case).collect()
    }
}
