//! The gradients of batch norm, in both of its modes. With `s = sqrt(variance + epsilon)` and `z = (x - mean) / s`,
//! `dw = sum of dy z` and `db = sum of dy` ([`ChannelSum`](super::super::ChannelSum)) over the pictures and pixels of a
//! channel, and
//!
//! - by running statistics, which are constants, `dx = w / s dy`;
//! - by the batch's own `m` values, which `x` moves as well, `dx = w / s (dy - db / m - z dw / m)`.
//!   Ioffe and Szegedy 2015, section 3, in fewer terms.

use super::super::kernel::{Layout, each, fold, shader, word};
use super::super::{Binding, Case, Kernel, Op, Operator, ParamSpec, Real, Site, case, one, pair};
use super::{BatchNorm, Normalise, Statistics};
use crate::shape::{Shape, ShapeError};
use crate::tensor::Tensor;

/// `dw`. Takes `x` and `dy`, and then mean and variance: as its parameters or as an input.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct BatchNormWeightGradient {
    pub epsilon: f64,
    pub statistics: Statistics,
}

/// `dx` by running statistics. Takes `dy`, and the weight and the running variance as parameters.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct BatchNormGradient {
    pub epsilon: f64,
}

/// `dx` by the batch's statistics. Takes `x`, `dy`, the moments, `dw` and `db`, and the weight as a parameter.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct NormaliseGradient {
    pub epsilon: f64,
}

/// The specs of some parameters of batch norm, in this order.
fn params_of(inputs: &[Shape], suffixes: &[&str]) -> Vec<ParamSpec> {
    let all = BatchNorm { epsilon: 0.0, momentum: 0.0 }.params(inputs);
    suffixes.iter().map(|suffix| all.iter().find(|spec| spec.suffix == *suffix).unwrap().clone()).collect()
}

impl Operator for BatchNormWeightGradient {
    fn infer(&self, inputs: &[Shape]) -> Result<Shape, ShapeError> {
        let x = match self.statistics {
            Statistics::Running => pair(inputs)?,
            Statistics::Batch => {
                let [x, dy, moments] = *inputs else {
                    return Err(ShapeError::InputCount { expected: 3, found: inputs.len() });
                };
                Normalise { epsilon: self.epsilon }.infer(&[x, moments])?;
                pair(&[x, dy])?
            }
        };
        Ok(Shape::from_dims(&[x.c]))
    }

    fn params(&self, inputs: &[Shape]) -> Vec<ParamSpec> {
        match self.statistics {
            Statistics::Running => params_of(inputs, &["running_mean", "running_var"]),
            Statistics::Batch => Vec::new(),
        }
    }

    fn reference<T: Real>(&self, x: &[&Tensor<T>], p: &[&Tensor<T>]) -> Tensor<T> {
        let (x, dy, s) = (x[0], x[1], x);
        let (mean, variance) = match self.statistics {
            Statistics::Running => (&p[0].data[..], &p[1].data[..]),
            Statistics::Batch => s[2].data.split_at(x.shape.c),
        };
        let mut dw = Tensor::filled(Shape::from_dims(&[x.shape.c]), T::ZERO);
        for (i, (&x_value, &dy)) in x.data.iter().zip(&dy.data).enumerate() {
            let c = i / x.shape.plane() % x.shape.c;
            dw.data[c] += dy * (x_value - mean[c]);
        }
        for (dw, &variance) in dw.data.iter_mut().zip(variance) {
            *dw = *dw / (variance + T::of(self.epsilon)).sqrt();
        }
        dw
    }

    fn variants(&self, at: &Site) -> Vec<Kernel> {
        let x = at.inputs[0];
        let statistics = self.statistics.bindings([0, 1], 2);
        let bindings = [Binding::Input(0), Binding::Input(1)].into_iter().chain(statistics);
        vec![Kernel {
            shader: shader!("batch_norm_weight_gradient"),
            overrides: vec![("EPSILON", self.epsilon)],
            bindings: bindings.chain([Binding::Output]).collect(),
            dims: [x.n, x.c, x.plane(), self.statistics.variance_at(x.c)].map(word).to_vec(),
            grid: fold(x.c, at.limits),
        }]
    }

    fn tolerance(&self) -> f64 {
        2e-5
    }

    fn cases() -> Vec<Case> {
        let case = |statistics, x: Shape| {
            let op = Op::BatchNormWeightGradient(Self { epsilon: 1e-3, statistics });
            let name = format!("weight gradient of batch norm {x}, {statistics:?} statistics");
            match statistics {
                Statistics::Running => Case::new(name, op, [x, x]),
                Statistics::Batch => {
                    Case::new(name, op, [x, x, Shape::vector(2, x.c)]).with(2, case::Kind::Moments)
                }
            }
        };
        vec![
            case(Statistics::Running, Shape::new(3, 5, 4, 7)),
            case(Statistics::Batch, Shape::new(3, 5, 4, 7)),
            case(Statistics::Batch, Shape::vector(9, 70)),
        ]
    }
}

impl Operator for BatchNormGradient {
    fn infer(&self, inputs: &[Shape]) -> Result<Shape, ShapeError> {
        one(inputs)
    }

    fn params(&self, inputs: &[Shape]) -> Vec<ParamSpec> {
        params_of(inputs, &["weight", "running_var"])
    }

    fn reference<T: Real>(&self, x: &[&Tensor<T>], p: &[&Tensor<T>]) -> Tensor<T> {
        let s = x[0].shape;
        let value = |(i, &dy): (usize, &T)| {
            let c = i / s.plane() % s.c;
            dy * p[0].data[c] / (p[1].data[c] + T::of(self.epsilon)).sqrt()
        };
        Tensor::new(s, x[0].data.iter().enumerate().map(value).collect())
    }

    fn variants(&self, at: &Site) -> Vec<Kernel> {
        let [weight, variance] = [0, 1].map(|i| Binding::Param(i, Layout::AsIs));
        vec![Kernel {
            shader: shader!("batch_norm_gradient"),
            overrides: vec![("EPSILON", self.epsilon)],
            bindings: vec![Binding::Input(0), weight, variance, Binding::Output],
            dims: [at.output.len(), at.output.c, at.output.plane()].map(word).to_vec(),
            grid: each(at.output.len(), at.limits),
        }]
    }

    fn cases() -> Vec<Case> {
        let s = Shape::new(2, 3, 5, 7);
        let op = Op::BatchNormGradient(Self { epsilon: 1e-5 });
        vec![Case::new(format!("gradient of batch norm {s}"), op, [s])]
    }
}

impl Operator for NormaliseGradient {
    fn infer(&self, inputs: &[Shape]) -> Result<Shape, ShapeError> {
        let [x, dy, moments, dw, db] = *inputs else {
            return Err(ShapeError::InputCount { expected: 5, found: inputs.len() });
        };
        Normalise { epsilon: self.epsilon }.infer(&[x, moments])?;
        pair(&[dw, db])?;
        pair(&[dw, Shape::from_dims(&[x.c])])?;
        pair(&[x, dy])
    }

    fn params(&self, inputs: &[Shape]) -> Vec<ParamSpec> {
        params_of(inputs, &["weight"])
    }

    fn reference<T: Real>(&self, x: &[&Tensor<T>], p: &[&Tensor<T>]) -> Tensor<T> {
        let [x, dy, moments, dw, db] = x else { panic!("five inputs were inferred") };
        let s = x.shape;
        let (mean, variance) = moments.data.split_at(s.c);
        let count = T::of((s.n * s.plane()) as f64);
        let value = |(i, (&x, &dy)): (usize, (&T, &T))| {
            let c = i / s.plane() % s.c;
            let deviation = (variance[c] + T::of(self.epsilon)).sqrt();
            let z = (x - mean[c]) / deviation;
            p[0].data[c] / deviation * (dy - (db.data[c] + z * dw.data[c]) / count)
        };
        Tensor::new(s, x.data.iter().zip(&dy.data).enumerate().map(value).collect())
    }

    fn variants(&self, at: &Site) -> Vec<Kernel> {
        let s = at.output;
        let inputs = (0..5).map(Binding::Input);
        let rest = [Binding::Param(0, Layout::AsIs), Binding::Output];
        vec![Kernel {
            shader: shader!("normalise_gradient"),
            overrides: vec![("EPSILON", self.epsilon)],
            bindings: inputs.chain(rest).collect(),
            dims: [s.len(), s.c, s.plane(), s.n * s.plane()].map(word).to_vec(),
            grid: each(s.len(), at.limits),
        }]
    }

    fn cases() -> Vec<Case> {
        let case = |x: Shape| {
            let (moments, of_channel) = (Shape::vector(2, x.c), Shape::from_dims(&[x.c]));
            let op = Op::NormaliseGradient(Self { epsilon: 1e-5 });
            Case::new(format!("gradient of normalise {x}"), op, [x, x, moments, of_channel, of_channel])
                .with(2, case::Kind::Moments)
        };
        vec![case(Shape::new(2, 3, 5, 7)), case(Shape::vector(9, 17))]
    }
}
