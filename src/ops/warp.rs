//! Augmentation, where each pixel comes from: a part of a picture, resized, mirrored and turned, as a
//! [`Row`] of numbers says, which is an input, so that a seed decides what is drawn and both backends show the same.
//!
//! The definition is that of [`crate::augment::geometry`], in single precision in any case.

use super::kernel::{each, shader, word};
use super::{Binding, Case, Kernel, Op, Operator, Real, Site, case};
use crate::augment::geometry;
use crate::augment::row::{LENGTH, Row};
use crate::shape::{Shape, ShapeError};
use crate::tensor::Tensor;

/// Takes pictures `[n, c, h, w]`, smaller ones in the upper left, and rows `[n, LENGTH]`; gives `[n, c, height, width]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Warp {
    pub height: usize,
    pub width: usize,
}

/// The shape of the pictures, if there is a row for each.
pub(super) fn with_rows(inputs: &[Shape]) -> Result<Shape, ShapeError> {
    match *inputs {
        [x, rows] if rows == Shape::vector(x.n, LENGTH) => Ok(x),
        [x, rows] => Err(ShapeError::Unequal { left: rows, right: Shape::vector(x.n, LENGTH) }),
        _ => Err(ShapeError::InputCount { expected: 2, found: inputs.len() }),
    }
}

/// What `change` makes of each picture with its row, in single precision. Never inlined, so that the page finds it by its
/// name among what is loaded on request.
#[inline(never)]
pub(super) fn each_picture<T: Real>(
    x: &[&Tensor<T>],
    output: Shape,
    change: impl Fn(Tensor<f32>, &Row) -> Tensor<f32>,
) -> Tensor<T> {
    let single = |values: &[T]| values.iter().map(|value| value.to_f64() as f32).collect::<Vec<f32>>();
    let pictures = x[0].data.chunks_exact(x[0].shape.image());
    let mut y = Vec::with_capacity(output.len());
    for (picture, row) in pictures.zip(x[1].data.chunks_exact(LENGTH)) {
        let picture = Tensor::new(Shape { n: 1, ..x[0].shape }, single(picture));
        let changed = change(picture, &Row::from_values(&single(row)));
        y.extend(changed.data.into_iter().map(|value| T::of(f64::from(value))));
    }
    Tensor::new(output, y)
}

impl Operator for Warp {
    fn infer(&self, inputs: &[Shape]) -> Result<Shape, ShapeError> {
        with_rows(inputs).map(|x| Shape { h: self.height, w: self.width, ..x })
    }

    fn reference<T: Real>(&self, x: &[&Tensor<T>], _p: &[&Tensor<T>]) -> Tensor<T> {
        let output = Shape { h: self.height, w: self.width, ..x[0].shape };
        each_picture(x, output, |picture, row| {
            let mut y = geometry::resized_crop(&picture, row.part, [self.height, self.width]);
            if row.mirrored {
                y = geometry::flip(&y);
            }
            if row.is_upright() { y } else { geometry::turned(&y, row.turn) }
        })
    }

    fn variants(&self, at: &Site) -> Vec<Kernel> {
        let (x, y) = (at.inputs[0], at.output);
        vec![Kernel {
            shader: shader!("warp"),
            overrides: Vec::new(),
            bindings: vec![Binding::Input(0), Binding::Input(1), Binding::Output],
            dims: [y.len(), x.c, x.h, x.w, y.h, y.w].map(word).to_vec(),
            grid: each(y.len(), at.limits),
        }]
    }

    /// Where a pixel comes from is computed in single precision, and steep edges multiply its error.
    fn tolerance(&self) -> f64 {
        1e-4
    }

    fn cases() -> Vec<Case> {
        let case = |n, c, [h, w]: [usize; 2], [height, width]: [usize; 2]| {
            let x = Shape::new(n, c, h, w);
            let name = format!("warp {x} to {height} x {width}");
            Case::new(name, Op::Warp(Self { height, width }), [x, Shape::vector(n, LENGTH)])
                .with(0, case::Kind::Pixels)
                .with(1, case::Kind::Changes { height, width })
        };
        vec![case(6, 3, [40, 40], [20, 20]), case(5, 1, [9, 13], [16, 12]), case(1, 3, [64, 64], [30, 31])]
    }
}
