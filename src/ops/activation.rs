//! Pointwise non-linearities.

pub use headstart_kernels::activation::Activation;

use super::kernel::{code, each, shader, word};
use super::{Binding, Case, Kernel, Op, Operator, Real, Site, one, pair};
use crate::gradient::{Backward, Grads};
use crate::graph::NodeId;
use crate::shape::{Shape, ShapeError};
use crate::tensor::Tensor;

/// `activation` of one value: the definition.
pub fn apply<T: Real>(activation: Activation, x: T) -> T {
    match activation {
        Activation::Relu => x.larger(T::ZERO),
        Activation::Relu6 => x.larger(T::ZERO).smaller(T::of(6.0)),
        Activation::Tanh => x.tanh(),
        Activation::Sigmoid => T::ONE / (T::ONE + (T::ZERO - x).exp()),
    }
}

/// `dx = f'(x) dy`, with the derivative found from `y = f(x)`, so that nobody has to keep `x`. Takes `y` and `dy`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ActivationGradient {
    pub activation: Activation,
}

impl ActivationGradient {
    /// The derivative where the activation has the value `y`; zero at the corners, as in PyTorch.
    pub fn derivative<T: Real>(self, y: T) -> T {
        let step = |on: bool| if on { T::ONE } else { T::ZERO };
        match self.activation {
            Activation::Relu => step(y > T::ZERO),
            Activation::Relu6 => step(y > T::ZERO && y < T::of(6.0)),
            Activation::Tanh => T::ONE - y * y,
            Activation::Sigmoid => y * (T::ONE - y),
        }
    }
}

impl Operator for Activation {
    fn infer(&self, inputs: &[Shape]) -> Result<Shape, ShapeError> {
        one(inputs)
    }

    fn reference<T: Real>(&self, x: &[&Tensor<T>], _p: &[&Tensor<T>]) -> Tensor<T> {
        x[0].map(|v| apply(*self, v))
    }

    fn vjp(&self, net: &mut Backward, node: NodeId, dy: NodeId) -> Option<Grads> {
        Some(Grads::of_input(net.before(Some(*self), node, dy)))
    }

    fn variants(&self, at: &Site) -> Vec<Kernel> {
        vec![Kernel {
            shader: shader!("activation"),
            overrides: vec![code(Some(*self))],
            bindings: vec![Binding::Input(0), Binding::Output],
            dims: vec![word(at.output.len())],
            grid: each(at.output.len(), at.limits),
        }]
    }

    fn cases() -> Vec<Case> {
        let shapes = [Shape::new(1, 3, 5, 7), Shape::vector(2, 84), Shape::new(1, 1, 1, 1)];
        let case = |activation: Activation| {
            shapes.map(|s| Case::new(format!("{} {s}", activation.name()), Op::Activation(activation), [s]))
        };
        Self::ALL.into_iter().flat_map(case).collect()
    }
}

impl Operator for ActivationGradient {
    fn infer(&self, inputs: &[Shape]) -> Result<Shape, ShapeError> {
        pair(inputs)
    }

    fn reference<T: Real>(&self, x: &[&Tensor<T>], _p: &[&Tensor<T>]) -> Tensor<T> {
        let dx = x[0].data.iter().zip(&x[1].data).map(|(&y, &dy)| self.derivative(y) * dy);
        Tensor::new(x[0].shape, dx.collect())
    }

    fn variants(&self, at: &Site) -> Vec<Kernel> {
        vec![Kernel {
            shader: shader!("activation_gradient"),
            overrides: vec![code(Some(self.activation))],
            bindings: vec![Binding::Input(0), Binding::Input(1), Binding::Output],
            dims: vec![word(at.output.len())],
            grid: each(at.output.len(), at.limits),
        }]
    }

    fn cases() -> Vec<Case> {
        let s = Shape::new(2, 3, 5, 7);
        let case = |activation: Activation| {
            let op = Op::ActivationGradient(Self { activation });
            Case::new(format!("gradient of {} {s}", activation.name()), op, [s, s])
        };
        Activation::ALL.into_iter().map(case).collect()
    }
}
