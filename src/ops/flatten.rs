//! `[n, c, h, w]` read as `[n, c h w, 1, 1]`: the same values in the same order.

use super::{Case, Kernel, Op, Operator, Real, Site, one};
use crate::shape::{Shape, ShapeError};
use crate::tensor::Tensor;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Flatten;

impl Operator for Flatten {
    fn infer(&self, inputs: &[Shape]) -> Result<Shape, ShapeError> {
        one(inputs).map(|x| Shape::vector(x.n, x.image()))
    }

    fn reference<T: Real>(&self, x: &[&Tensor<T>], _p: &[&Tensor<T>]) -> Tensor<T> {
        Tensor::new(Shape::vector(x[0].shape.n, x[0].shape.image()), x[0].data.clone())
    }

    /// The output is the input: nothing is dispatched.
    fn variants(&self, _at: &Site) -> Vec<Kernel> {
        Vec::new()
    }

    fn tolerance(&self) -> f64 {
        0.0
    }

    fn cases() -> Vec<Case> {
        vec![Case::new("flatten", Op::Flatten(Flatten), [Shape::new(2, 3, 4, 5)])]
    }
}
