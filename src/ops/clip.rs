//! Clipping gradients by the norm of all of them together: `scale = min(1, most / (norm + 1e-6))`, as PyTorch's
//! `clip_grad_norm_` has it. Pascanu et al. 2013, section 3.2.
//!
//! A chain of [`SquareSums`] goes through the gradients one after another, and [`ClipScale`] makes the factor of what comes
//! out, so that the norm never leaves the device.

use super::kernel::{each, fold, shader, switch, word};
use super::{Binding, Case, Kernel, Op, Operator, Real, Site, one};
use crate::shape::{Shape, ShapeError};
use crate::tensor::Tensor;

/// Sums of squares, each over every [`SquareSums::LANES`]th value of `x`, a tensor of any shape. A second input is what
/// they are added to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SquareSums;

/// The factor by which gradients with these sums of squares are multiplied, one number: `most` is the largest norm that
/// stays as it is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ClipScale {
    pub most: f64,
}

impl SquareSums {
    /// Sums side by side: enough to keep a graphics card busy, and few beside the values of a layer.
    pub const LANES: usize = 4096;

    /// Adds the squares of `x` to the sums.
    pub fn add<T: Real>(x: &[T], sums: &mut [T]) {
        for x in x.chunks(Self::LANES) {
            sums.iter_mut().zip(x).for_each(|(sum, &v)| *sum += v * v);
        }
    }
}

impl Operator for SquareSums {
    fn infer(&self, inputs: &[Shape]) -> Result<Shape, ShapeError> {
        let sums = Shape::vector(1, Self::LANES);
        match *inputs {
            [_] => Ok(sums),
            [_, before] if before == sums => Ok(sums),
            [_, before] => Err(ShapeError::Unequal { left: before, right: sums }),
            _ => Err(ShapeError::InputCount { expected: 1, found: inputs.len() }),
        }
    }

    fn reference<T: Real>(&self, x: &[&Tensor<T>], _p: &[&Tensor<T>]) -> Tensor<T> {
        let zero = || Tensor::filled(Shape::vector(1, Self::LANES), T::ZERO);
        let mut sums = x.get(1).map_or_else(zero, |before| (*before).clone());
        Self::add(&x[0].data, &mut sums.data);
        sums
    }

    fn variants(&self, at: &Site) -> Vec<Kernel> {
        let before = at.inputs.len() - 1;
        vec![Kernel {
            shader: shader!("square_sums"),
            overrides: vec![switch("BEFORE", before == 1)],
            bindings: vec![Binding::Input(0), Binding::Input(before), Binding::Output],
            dims: [at.inputs[0].len(), Self::LANES].map(word).to_vec(),
            grid: each(Self::LANES, at.limits),
        }]
    }

    fn cases() -> Vec<Case> {
        let case = |x: Shape, before: &[Shape]| {
            let name = format!("sums of squares {x}, before {}", before.len());
            Case::new(name, Op::SquareSums(Self), [&[x], before].concat())
        };
        let sums = Shape::vector(1, Self::LANES);
        vec![case(Shape::new(5, 3, 2, 2), &[]), case(Shape::new(33, 64, 3, 3), &[sums])]
    }
}

impl Operator for ClipScale {
    fn infer(&self, inputs: &[Shape]) -> Result<Shape, ShapeError> {
        one(inputs).map(|_| Shape::vector(1, 1))
    }

    fn reference<T: Real>(&self, x: &[&Tensor<T>], _p: &[&Tensor<T>]) -> Tensor<T> {
        let mut sum = T::ZERO;
        x[0].data.iter().for_each(|&v| sum += v);
        let scale = T::of(self.most) / (sum.sqrt() + T::of(1e-6));
        Tensor::filled(Shape::vector(1, 1), scale.smaller(T::ONE))
    }

    fn variants(&self, at: &Site) -> Vec<Kernel> {
        vec![Kernel {
            shader: shader!("clip_scale"),
            overrides: vec![("MOST", self.most)],
            bindings: vec![Binding::Input(0), Binding::Output],
            dims: vec![word(at.inputs[0].len())],
            grid: fold(1, at.limits),
        }]
    }

    fn cases() -> Vec<Case> {
        let case = |most| {
            let sums = Shape::vector(1, SquareSums::LANES);
            Case::new(format!("clip to {most}"), Op::ClipScale(Self { most }), [sums])
                .with(0, super::case::Kind::Squares)
        };
        vec![case(0.5), case(1e3)]
    }
}
