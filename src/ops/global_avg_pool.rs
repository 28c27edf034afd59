//! The mean of every channel: `[n, c, h, w]` to `[n, c, 1, 1]`. Lin et al. 2013, Network in Network, section 3.2.

use super::kernel::{each, shader, word};
use super::{Binding, Case, Kernel, Op, Operator, Real, Site, one};
use crate::gradient::{Backward, Grads};
use crate::graph::NodeId;
use crate::shape::{Shape, ShapeError};
use crate::tensor::Tensor;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GlobalAvgPool;

/// Every pixel of a channel gets an equal part of the channel's gradient. Takes `dy`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GlobalAvgPoolGradient {
    /// Height and width of the pooling's input.
    pub size: [usize; 2],
}

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

    fn vjp(&self, net: &mut Backward, node: NodeId, dy: NodeId) -> Option<Grads> {
        let Shape { h, w, .. } = net.shape(net.input(node, 0));
        let op = Op::GlobalAvgPoolGradient(GlobalAvgPoolGradient { size: [h, w] });
        Some(Grads::of_input(net.emit(node, "input_gradient", op, &[dy], &[])))
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

impl Operator for GlobalAvgPoolGradient {
    fn infer(&self, inputs: &[Shape]) -> Result<Shape, ShapeError> {
        let dy = one(inputs)?;
        let x = Shape { h: self.size[0], w: self.size[1], ..dy };
        if dy.plane() == 1 {
            Ok(x)
        } else {
            Err(ShapeError::Unequal { left: dy, right: Shape::vector(dy.n, dy.c) })
        }
    }

    fn reference<T: Real>(&self, x: &[&Tensor<T>], _p: &[&Tensor<T>]) -> Tensor<T> {
        let dy = x[0];
        let dx = Shape { h: self.size[0], w: self.size[1], ..dy.shape };
        let part = |&dy: &T| std::iter::repeat_n(dy / T::of(dx.plane() as f64), dx.plane());
        Tensor::new(dx, dy.data.iter().flat_map(part).collect())
    }

    fn variants(&self, at: &Site) -> Vec<Kernel> {
        vec![Kernel {
            shader: shader!("global_avg_pool_gradient"),
            overrides: Vec::new(),
            bindings: vec![Binding::Input(0), Binding::Output],
            dims: [at.output.len(), at.output.plane()].map(word).to_vec(),
            grid: each(at.output.len(), at.limits),
        }]
    }

    fn cases() -> Vec<Case> {
        let case = |n, c, size: [usize; 2]| {
            let op = Op::GlobalAvgPoolGradient(Self { size });
            Case::new(format!("gradient of global average {size:?}"), op, [Shape::vector(n, c)])
        };
        vec![case(2, 5, [7, 7]), case(1, 3, [1, 1]), case(1, 13, [3, 9])]
    }
}
