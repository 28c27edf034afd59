//! The mean of every bin of a fixed number of bins, whatever the input's size: how torchvision's AlexNet and VGG take any
//! picture. Bin `i` of `count` over `size` pixels is `floor(i size / count) .. ceil((i + 1) size / count)`, as in PyTorch:
//! neighbours overlap where the sizes do not divide, and repeat where there are more bins than pixels.

use super::kernel::{each, shader, word};
use super::{Binding, Case, Kernel, Op, Operator, Real, Site, one};
use crate::gradient::{Backward, Grads};
use crate::graph::NodeId;
use crate::shape::{Padding, Shape, ShapeError, Window, bin};
use crate::tensor::Tensor;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AdaptiveAvgPool {
    /// Bins, vertical and horizontal.
    pub bins: [usize; 2],
}

/// Every bin hands equal parts of its gradient to all its pixels. Takes `dy`, a value for each bin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AdaptiveAvgPoolGradient {
    /// Height and width of the pooling's input.
    pub size: [usize; 2],
}

impl Operator for AdaptiveAvgPool {
    fn infer(&self, inputs: &[Shape]) -> Result<Shape, ShapeError> {
        let x = one(inputs)?;
        let [h, w] = self.bins;
        if h == 0 || w == 0 {
            return Err(ShapeError::Zero { what: "the number of bins" });
        }
        Ok(Shape { h, w, ..x })
    }

    /// The largest bin, at the mean distance between bins.
    fn window(&self, inputs: &[Shape]) -> Window {
        let sizes = [inputs[0].h, inputs[0].w];
        let largest = |axis: usize| {
            let (count, size) = (self.bins[axis], sizes[axis]);
            (0..count).map(|i| bin(i, count, size).len()).max().unwrap_or(1)
        };
        Window {
            kernel: [0, 1].map(largest),
            stride: [0, 1].map(|axis| (sizes[axis] / self.bins[axis]).max(1)),
            padding: Padding::none(),
            ceil: false,
        }
    }

    fn reference<T: Real>(&self, x: &[&Tensor<T>], _p: &[&Tensor<T>]) -> Tensor<T> {
        let x = x[0];
        let [h, w] = self.bins;
        let y = Shape { h, w, ..x.shape };
        let mut data = Vec::with_capacity(y.len());
        for n in 0..y.n {
            for c in 0..y.c {
                for oh in 0..h {
                    for ow in 0..w {
                        let (rows, columns) = (bin(oh, h, x.shape.h), bin(ow, w, x.shape.w));
                        let area = rows.len() * columns.len();
                        let mut sum = T::ZERO;
                        for ih in rows {
                            for iw in columns.clone() {
                                sum += x.at(n, c, ih, iw);
                            }
                        }
                        data.push(sum / T::of(area as f64));
                    }
                }
            }
        }
        Tensor::new(y, data)
    }

    fn vjp(&self, net: &mut Backward, node: NodeId, dy: NodeId) -> Option<Grads> {
        let Shape { h, w, .. } = net.shape(net.input(node, 0));
        let op = Op::AdaptiveAvgPoolGradient(AdaptiveAvgPoolGradient { size: [h, w] });
        Some(Grads::of_input(net.emit(node, "input_gradient", op, &[dy], &[])))
    }

    fn variants(&self, at: &Site) -> Vec<Kernel> {
        let (x, y) = (at.inputs[0], at.output);
        vec![Kernel {
            shader: shader!("adaptive_avg_pool"),
            overrides: Vec::new(),
            bindings: vec![Binding::Input(0), Binding::Output],
            dims: [y.len(), x.h, x.w, y.h, y.w].map(word).to_vec(),
            grid: each(y.len(), at.limits),
        }]
    }

    fn cases() -> Vec<Case> {
        let case = |bins, x| {
            let op = Self { bins };
            Case::new(format!("average of {bins:?} bins on {x}"), Op::AdaptiveAvgPool(op), [x])
        };
        vec![
            case([7, 7], Shape::new(1, 3, 7, 7)),
            case([7, 7], Shape::new(2, 2, 2, 2)),
            case([6, 6], Shape::new(1, 3, 1, 1)),
            case([6, 6], Shape::new(2, 3, 13, 10)),
            case([4, 4], Shape::new(1, 2, 14, 14)),
            case([1, 3], Shape::new(1, 2, 5, 8)),
        ]
    }
}

impl Operator for AdaptiveAvgPoolGradient {
    fn infer(&self, inputs: &[Shape]) -> Result<Shape, ShapeError> {
        one(inputs).map(|dy| Shape { h: self.size[0], w: self.size[1], ..dy })
    }

    fn reference<T: Real>(&self, x: &[&Tensor<T>], _p: &[&Tensor<T>]) -> Tensor<T> {
        let (dy, bins, [h, w]) = (x[0], x[0].shape, self.size);
        let mut dx = Tensor::filled(Shape { h, w, ..bins }, T::ZERO);
        for n in 0..bins.n {
            for c in 0..bins.c {
                for oh in 0..bins.h {
                    for ow in 0..bins.w {
                        let (rows, columns) = (bin(oh, bins.h, h), bin(ow, bins.w, w));
                        let part = dy.at(n, c, oh, ow) / T::of((rows.len() * columns.len()) as f64);
                        for ih in rows {
                            for iw in columns.clone() {
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
        let (dy, dx) = (at.inputs[0], at.output);
        vec![Kernel {
            shader: shader!("adaptive_avg_pool_gradient"),
            overrides: Vec::new(),
            bindings: vec![Binding::Input(0), Binding::Output],
            dims: [dx.len(), dx.h, dx.w, dy.h, dy.w].map(word).to_vec(),
            grid: each(dx.len(), at.limits),
        }]
    }

    fn cases() -> Vec<Case> {
        let gradient = |case: Case| {
            let (x, dy) = (case.inputs[0], case.op.infer(&case.inputs).expect("the case's shapes fit"));
            let op = Op::AdaptiveAvgPoolGradient(Self { size: [x.h, x.w] });
            Case::new(format!("gradient of {}", case.name), op, [dy])
        };
        AdaptiveAvgPool::cases().into_iter().map(gradient).collect()
    }
}
