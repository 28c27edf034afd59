//! Local response normalisation: every value is divided by a power of the mean square of its neighbours in other
//! channels, `y = x / (k + alpha / size * sum x²)^beta`, the sum over `size` channels around its own.
//!
//! Krizhevsky, Sutskever and Hinton 2012, section 3.3, in PyTorch's and Caffe's form, whose `alpha` is divided by `size`.

use super::kernel::{each, shader, word};
use super::{Binding, Case, Kernel, Op, Operator, Real, Site, one, pair};
use crate::gradient::{Backward, Grads};
use crate::graph::NodeId;
use crate::shape::{Shape, ShapeError};
use crate::tensor::Tensor;

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Lrn {
    /// Channels that a value is compared with, its own included.
    pub size: usize,
    pub alpha: f64,
    pub beta: f64,
    pub k: f64,
}

impl Lrn {
    /// The paper's: k = 2, n = 5, alpha = 1e-4 for each square, beta = 0.75.
    pub const ALEXNET: Self = Self { size: 5, alpha: 5e-4, beta: 0.75, k: 2.0 };
    /// Szegedy et al. 2014 give none; these are Caffe's, with which the published weights were trained.
    pub const GOOGLENET: Self = Self { size: 5, alpha: 1e-4, beta: 0.75, k: 1.0 };

    /// Channels before and after its own that a value is compared with; an even size looks further back.
    pub const fn neighbours(&self) -> [usize; 2] {
        [self.size / 2, self.size.saturating_sub(1) / 2]
    }
}

/// With `s = k + alpha / size sum x²` of each value's own neighbours,
/// `dx_c = dy_c s_c^-beta - 2 beta alpha / size x_c sum over j of dy_j x_j s_j^(-beta - 1)`, the sum over the channels
/// that compared themselves with `c`. Takes `x` and `dy`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LrnGradient {
    pub lrn: Lrn,
}

impl Operator for Lrn {
    fn infer(&self, inputs: &[Shape]) -> Result<Shape, ShapeError> {
        if self.size == 0 {
            return Err(ShapeError::Zero { what: "the number of channels compared" });
        }
        one(inputs)
    }

    fn reference<T: Real>(&self, x: &[&Tensor<T>], _p: &[&Tensor<T>]) -> Tensor<T> {
        let x = x[0];
        let [before, after] = self.neighbours();
        let (k, scale, beta) = (T::of(self.k), T::of(self.alpha / self.size as f64), T::of(self.beta));
        let mut data = Vec::with_capacity(x.data.len());
        for n in 0..x.shape.n {
            for c in 0..x.shape.c {
                for h in 0..x.shape.h {
                    for w in 0..x.shape.w {
                        let mut sum = T::ZERO;
                        for neighbour in c.saturating_sub(before)..x.shape.c.min(c + after + 1) {
                            let value = x.at(n, neighbour, h, w);
                            sum += value * value;
                        }
                        data.push(x.at(n, c, h, w) / (k + scale * sum).power(beta));
                    }
                }
            }
        }
        Tensor::new(x.shape, data)
    }

    fn vjp(&self, net: &mut Backward, node: NodeId, dy: NodeId) -> Option<Grads> {
        let op = Op::LrnGradient(LrnGradient { lrn: *self });
        let x = net.input(node, 0);
        Some(Grads::of_input(net.emit(node, "input_gradient", op, &[x, dy], &[])))
    }

    fn variants(&self, at: &Site) -> Vec<Kernel> {
        let (x, [before, after]) = (at.inputs[0], self.neighbours());
        vec![Kernel {
            shader: shader!("lrn"),
            overrides: vec![("SCALE", self.alpha / self.size as f64), ("BETA", self.beta), ("K", self.k)],
            bindings: vec![Binding::Input(0), Binding::Output],
            dims: [x.len(), x.c, x.plane(), before, after].map(word).to_vec(),
            grid: each(x.len(), at.limits),
        }]
    }

    fn cases() -> Vec<Case> {
        let case = |op: Self, x| Case::new(format!("{op:?} on {x}"), Op::Lrn(op), [x]);
        let strong = |size, beta| Self { size, alpha: 3.0, beta, k: 1.0 };
        vec![
            case(Self::ALEXNET, Shape::new(1, 24, 7, 9)),
            case(Self::GOOGLENET, Shape::new(2, 7, 5, 13)),
            case(strong(5, 0.75), Shape::new(2, 16, 5, 5)),
            case(strong(4, 0.5), Shape::new(1, 6, 3, 3)),
            case(strong(1, 0.75), Shape::new(1, 3, 4, 4)),
            case(strong(9, 1.0), Shape::new(2, 4, 1, 1)),
        ]
    }
}

impl Operator for LrnGradient {
    fn infer(&self, inputs: &[Shape]) -> Result<Shape, ShapeError> {
        pair(inputs)
    }

    fn reference<T: Real>(&self, x: &[&Tensor<T>], _p: &[&Tensor<T>]) -> Tensor<T> {
        let (x, dy, s) = (x[0], x[1], x[0].shape);
        let Lrn { size, alpha, beta, k } = self.lrn;
        let [before, after] = self.lrn.neighbours();
        let scale = T::of(alpha / size as f64);
        let mut dx = Tensor::filled(s, T::ZERO);
        for n in 0..s.n {
            for h in 0..s.h {
                for w in 0..s.w {
                    for c in 0..s.c {
                        let neighbours = c.saturating_sub(before)..s.c.min(c + after + 1);
                        let mut sum = T::ZERO;
                        for j in neighbours.clone() {
                            sum += x.at(n, j, h, w) * x.at(n, j, h, w);
                        }
                        let base = T::of(k) + scale * sum;
                        let direct = dy.at(n, c, h, w) / base.power(T::of(beta));
                        let at = dx.index(n, c, h, w);
                        dx.data[at] += direct;
                        let through = T::of(-2.0 * beta) * scale * x.at(n, c, h, w) * direct / base;
                        for j in neighbours {
                            let at = dx.index(n, j, h, w);
                            dx.data[at] += through * x.at(n, j, h, w);
                        }
                    }
                }
            }
        }
        dx
    }

    fn variants(&self, at: &Site) -> Vec<Kernel> {
        let Lrn { size, alpha, beta, k } = self.lrn;
        let (x, [before, after]) = (at.inputs[0], self.lrn.neighbours());
        vec![Kernel {
            shader: shader!("lrn_gradient"),
            overrides: vec![("SCALE", alpha / size as f64), ("BETA", beta), ("K", k)],
            bindings: vec![Binding::Input(0), Binding::Input(1), Binding::Output],
            dims: [x.len(), x.c, x.plane(), before, after].map(word).to_vec(),
            grid: each(x.len(), at.limits),
        }]
    }

    fn tolerance(&self) -> f64 {
        2e-5
    }

    fn cases() -> Vec<Case> {
        let gradient = |case: Case| match case.op {
            Op::Lrn(lrn) => {
                let inputs = [case.inputs[0]; 2];
                Case::new(format!("gradient of {}", case.name), Op::LrnGradient(Self { lrn }), inputs)
            }
            op => unreachable!("{} is not local response normalisation", op.kind()),
        };
        Lrn::cases().into_iter().map(gradient).collect()
    }
}
