//! The shortcut: `y = activation(a + b)`. He et al. 2015, equation 1.

use super::activation::apply;
use super::kernel::{code, each, shader, word};
use super::{Activation, Binding, Case, Kernel, Op, Operator, Real, Site, pair};
use crate::gradient::{Backward, Grads};
use crate::graph::NodeId;
use crate::shape::{Shape, ShapeError};
use crate::tensor::Tensor;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Add {
    pub activation: Option<Activation>,
}

impl Operator for Add {
    fn infer(&self, inputs: &[Shape]) -> Result<Shape, ShapeError> {
        pair(inputs)
    }

    fn reference<T: Real>(&self, x: &[&Tensor<T>], _p: &[&Tensor<T>]) -> Tensor<T> {
        let sum = x[0].data.iter().zip(&x[1].data).map(|(&a, &b)| {
            let y = a + b;
            self.activation.map_or(y, |f| apply(f, y))
        });
        Tensor::new(x[0].shape, sum.collect())
    }

    fn vjp(&self, net: &mut Backward, node: NodeId, dy: NodeId) -> Option<Grads> {
        let dy = net.before(self.activation, node, dy);
        Some(Grads { inputs: vec![Some(dy); 2], params: Vec::new() })
    }

    fn variants(&self, at: &Site) -> Vec<Kernel> {
        vec![Kernel {
            shader: shader!("add"),
            overrides: vec![code(self.activation)],
            bindings: vec![Binding::Input(0), Binding::Input(1), Binding::Output],
            dims: vec![word(at.output.len())],
            grid: each(at.output.len(), at.limits),
        }]
    }

    fn cases() -> Vec<Case> {
        let case = |activation, shape| {
            let name = format!("add {shape} {activation:?}");
            Case::new(name, Op::Add(Add { activation }), [shape, shape])
        };
        vec![
            case(None, Shape::new(2, 3, 5, 7)),
            case(Some(Activation::Relu), Shape::new(1, 4, 6, 6)),
            case(Some(Activation::Relu6), Shape::vector(1, 10)),
        ]
    }
}
