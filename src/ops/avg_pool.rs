//! The mean of every window. Padding counts as zeros in the mean, as in PyTorch's default
//! (`count_include_pad`), but the part of a ceil-mode window beyond the padding does not count.

use super::kernel::shader;
use super::max_pool::{pooling_kernel, pooling_windows};
use super::{Case, Kernel, Op, Operator, Real, Site, one};
use crate::shape::{Shape, ShapeError, Window};
use crate::tensor::Tensor;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AvgPool {
    pub window: Window,
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
        let Window { kernel, stride, padding, .. } = self.window;
        let [h, w] = self.window.output(x.shape.h, x.shape.w).expect("the shape was inferred");
        let y = Shape { h, w, ..x.shape };
        // Positions of one axis inside the image and its padding.
        let count =
            |o: usize, axis: usize, size: usize| kernel[axis].min(size - (o * stride[axis]).min(size));
        let padded = [x.shape.h + padding.top + padding.bottom, x.shape.w + padding.left + padding.right];
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
                        let area = count(oh, 0, padded[0]) * count(ow, 1, padded[1]);
                        data.push(sum / T::of(area as f64));
                    }
                }
            }
        }
        Tensor::new(y, data)
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
