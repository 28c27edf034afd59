//! The sum of every channel over pictures and pixels: `[n, c, h, w]` to `[c]`. The gradient of a bias, which was added
//! to all of them.

use super::kernel::{fold, shader, word};
use super::{Binding, Case, Kernel, Op, Operator, Real, Site, one};
use crate::shape::{Shape, ShapeError};
use crate::tensor::Tensor;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChannelSum;

impl Operator for ChannelSum {
    /// As the dimensions of a parameter with one value for each channel.
    fn infer(&self, inputs: &[Shape]) -> Result<Shape, ShapeError> {
        one(inputs).map(|x| Shape::from_dims(&[x.c]))
    }

    fn reference<T: Real>(&self, x: &[&Tensor<T>], _p: &[&Tensor<T>]) -> Tensor<T> {
        let s = x[0].shape;
        let mut sums = Tensor::filled(Shape::from_dims(&[s.c]), T::ZERO);
        for (i, plane) in x[0].data.chunks(s.plane()).enumerate() {
            for &v in plane {
                sums.data[i % s.c] += v;
            }
        }
        sums
    }

    fn variants(&self, at: &Site) -> Vec<Kernel> {
        let x = at.inputs[0];
        vec![Kernel {
            shader: shader!("channel_sum"),
            overrides: Vec::new(),
            bindings: vec![Binding::Input(0), Binding::Output],
            dims: [x.n, x.c, x.plane()].map(word).to_vec(),
            grid: fold(x.c, at.limits),
        }]
    }

    fn cases() -> Vec<Case> {
        let case = |shape| Case::new(format!("sum of channels {shape}"), Op::ChannelSum(Self), [shape]);
        vec![case(Shape::new(3, 5, 7, 7)), case(Shape::vector(1, 3)), case(Shape::new(2, 130, 3, 9))]
    }
}
