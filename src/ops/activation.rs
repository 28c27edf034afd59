//! Pointwise non-linearities.

use super::kernel::{code, each, shader, word};
use super::{Binding, Case, Kernel, Op, Operator, Real, Site, one, pair};
use crate::gradient::{Backward, Grads};
use crate::graph::NodeId;
use crate::shape::{Shape, ShapeError};
use crate::tensor::Tensor;

/// A function applied to every value on its own; also the last step of a fused operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Activation {
    /// `max(x, 0)`. Nair and Hinton 2010.
    Relu,
    /// `min(max(x, 0), 6)`. Howard et al. 2017, MobileNets.
    Relu6,
    /// Hyperbolic tangent, LeNet-5's squashing function without its scale. LeCun et al. 1998.
    Tanh,
    /// `1 / (1 + exp(-x))`.
    Sigmoid,
}

impl Activation {
    pub const ALL: [Self; 4] = [Self::Relu, Self::Relu6, Self::Tanh, Self::Sigmoid];

    pub const fn name(self) -> &'static str {
        match self {
            Self::Relu => "ReLU",
            Self::Relu6 => "ReLU6",
            Self::Tanh => "Tanh",
            Self::Sigmoid => "Sigmoid",
        }
    }

    pub fn apply<T: Real>(self, x: T) -> T {
        match self {
            Self::Relu => x.larger(T::ZERO),
            Self::Relu6 => x.larger(T::ZERO).smaller(T::of(6.0)),
            Self::Tanh => x.tanh(),
            Self::Sigmoid => T::ONE / (T::ONE + (T::ZERO - x).exp()),
        }
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
        x[0].map(|v| self.apply(v))
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
