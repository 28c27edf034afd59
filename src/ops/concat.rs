//! Inputs of equal height and width, one after another along the channels. Szegedy et al. 2014, figure 2.
//!
//! Two to four at a time, so that a kernel binds them all within WebGPU's limit; [`crate::net::Net::concat`] takes more.

use super::kernel::{each, shader, word};
use super::{Binding, Case, Kernel, Op, Operator, Real, Site};
use crate::shape::{Shape, ShapeError};
use crate::tensor::Tensor;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Concat;

impl Concat {
    /// Inputs of one concatenation at most.
    pub const MOST: usize = 4;
}

impl Operator for Concat {
    fn infer(&self, inputs: &[Shape]) -> Result<Shape, ShapeError> {
        if !(2..=Self::MOST).contains(&inputs.len()) {
            return Err(ShapeError::InputCount { expected: Self::MOST, found: inputs.len() });
        }
        let first = inputs[0];
        match inputs.iter().find(|x| Shape { c: first.c, ..**x } != first) {
            Some(&right) => Err(ShapeError::Unequal { left: first, right }),
            None => Ok(Shape { c: inputs.iter().map(|x| x.c).sum(), ..first }),
        }
    }

    fn reference<T: Real>(&self, x: &[&Tensor<T>], _p: &[&Tensor<T>]) -> Tensor<T> {
        let shapes: Vec<Shape> = x.iter().map(|x| x.shape).collect();
        let y = self.infer(&shapes).expect("the shape was inferred");
        let mut data = Vec::with_capacity(y.len());
        for n in 0..y.n {
            for x in x {
                data.extend_from_slice(&x.data[n * x.shape.image()..][..x.shape.image()]);
            }
        }
        Tensor::new(y, data)
    }

    fn variants(&self, at: &Site) -> Vec<Kernel> {
        // Where an input ends within a picture; those that do not exist are empty, and the first stands in for them.
        let ends = (0..Self::MOST).map(|i| at.inputs.iter().take(i + 1).map(Shape::image).sum());
        let inputs = (0..Self::MOST).map(|i| Binding::Input(if i < at.inputs.len() { i } else { 0 }));
        vec![Kernel {
            shader: shader!("concat"),
            overrides: Vec::new(),
            bindings: inputs.chain([Binding::Output]).collect(),
            dims: [at.output.len()].into_iter().chain(ends).map(word).collect(),
            grid: each(at.output.len(), at.limits),
        }]
    }

    fn tolerance(&self) -> f64 {
        0.0
    }

    fn cases() -> Vec<Case> {
        let case = |channels: &[usize], of: Shape| {
            let inputs: Vec<Shape> = channels.iter().map(|&c| Shape { c, ..of }).collect();
            Case::new(format!("concatenation of {channels:?} channels of {of}"), Op::Concat(Self), inputs)
        };
        vec![
            case(&[64, 128, 32, 32], Shape::new(2, 0, 7, 7)),
            case(&[3, 1, 5], Shape::new(1, 0, 4, 9)),
            case(&[2, 2], Shape::new(3, 0, 1, 1)),
        ]
    }
}
