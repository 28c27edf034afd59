//! Augmentation, what becomes of the pixels: brightness, contrast, saturation and hue in the order of a [`Row`] of numbers,
//! a square covered, and `(value - mean) / std`, the network's normalisation.
//!
//! The definition is that of [`crate::augment::colour`], in single precision in any case. Contrast turns about the mean
//! grey of the picture as it is by then, which is why each picture is one workgroup's.

use super::kernel::{fold, shader, switch, word};
use super::warp::{each_picture, with_rows};
use super::{Binding, Case, Kernel, Op, Operator, Real, Site, case};
use crate::augment::colour::Jitter;
use crate::augment::geometry;
use crate::augment::row::LENGTH;
use crate::shape::{Shape, ShapeError};
use crate::tensor::Tensor;

/// Takes pictures `[n, c, h, w]` in units of 0..255 and rows `[n, LENGTH]`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Recolour {
    /// By channel of the output.
    pub mean: [f32; 3],
    pub std: [f32; 3],
    /// Whether the network sees blue first.
    pub blue_first: bool,
}

impl Operator for Recolour {
    fn infer(&self, inputs: &[Shape]) -> Result<Shape, ShapeError> {
        with_rows(inputs)
    }

    fn reference<T: Real>(&self, x: &[&Tensor<T>], _p: &[&Tensor<T>]) -> Tensor<T> {
        let s = x[0].shape;
        each_picture(x, s, |picture, row| {
            let coloured = if row.colours == Jitter::NONE { picture } else { row.colours.apply(&picture) };
            let mut y = Vec::with_capacity(s.image());
            for c in 0..s.c {
                let colour = if self.blue_first { s.c - 1 - c } else { c };
                let plane = &coloured.data[colour * s.plane()..][..s.plane()];
                y.extend(plane.iter().map(|value| (value - self.mean[c]) / self.std[c]));
            }
            let [down, right, side] = row.hole;
            geometry::cutout(&Tensor::new(coloured.shape, y), [down, right], side, [0.0; 3])
        })
    }

    fn variants(&self, at: &Site) -> Vec<Kernel> {
        let x = at.inputs[0];
        let sizes = [x.n, x.c, x.h, x.w].map(word);
        let scale = self.mean.into_iter().chain(self.std).map(f32::to_bits);
        vec![Kernel {
            shader: shader!("recolour"),
            overrides: vec![switch("BLUE_FIRST", self.blue_first)],
            bindings: vec![Binding::Input(0), Binding::Input(1), Binding::Output],
            dims: sizes.into_iter().chain(scale).collect(),
            grid: fold(x.n, at.limits),
        }]
    }

    fn tolerance(&self) -> f64 {
        1e-4
    }

    fn cases() -> Vec<Case> {
        let case = |n, c, h, w, blue_first| {
            let op = Self { mean: [120.0, 115.0, 100.0], std: [60.0, 57.0, 59.0], blue_first };
            let x = Shape::new(n, c, h, w);
            Case::new(format!("recolour {x}"), Op::Recolour(op), [x, Shape::vector(n, LENGTH)])
                .with(0, case::Kind::Pixels)
                .with(1, case::Kind::Changes { height: h, width: w })
        };
        vec![case(12, 3, 17, 23, false), case(3, 3, 8, 8, true), case(4, 1, 20, 20, false)]
    }
}
