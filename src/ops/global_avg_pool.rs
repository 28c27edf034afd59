//! The mean of every channel: `[n, c, h, w]` to `[n, c, 1, 1]`. Lin et al. 2013, Network in Network, section 3.2.

use super::kernel::{each, shader, word};
use super::{Binding, Case, Kernel, Op, Operator, Real, Site, one};
use crate::shape::{Shape, ShapeError};
use crate::tensor::Tensor;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GlobalAvgPool;

impl Operator for GlobalAvgPool {
    fn infer(&self, inputs: &[Shape]) -> Result<Shape, ShapeError> {
        one(inputs).map(|x| Shape::vector(x.n, x.c))
    }

    fn reference<T: Real>(&self, x: &[&Tensor<T>], _p: &[&Tensor<T>]) -> Tensor<T> {
        let s = x[0].shape;
        let mean = |plane: &[T]| {
            let mut sum = T::ZERO;
            for &v in plane {
                sum += v;
            }
            sum / T::of(s.plane() as f64)
        };
        Tensor::new(Shape::vector(s.n, s.c), x[0].data.chunks(s.plane()).map(mean).collect())
    }

    fn variants(&self, at: &Site) -> Vec<Kernel> {
        vec![Kernel {
            shader: shader!("global_avg_pool"),
            overrides: Vec::new(),
            bindings: vec![Binding::Input(0), Binding::Output],
            dims: [at.output.len(), at.inputs[0].plane()].map(word).to_vec(),
            grid: each(at.output.len(), at.limits),
        }]
    }

    fn cases() -> Vec<Case> {
        let case = |s| Case::new(format!("global average {s}"), Op::GlobalAvgPool(GlobalAvgPool), [s]);
        vec![case(Shape::new(2, 5, 7, 7)), case(Shape::new(1, 3, 1, 1)), case(Shape::new(1, 130, 3, 9))]
    }
}
