//! One step downhill: Adam (Kingma and Ba 2015) and stochastic gradient descent with momentum, as PyTorch has them.
//!
//! L2 is added to the gradient before anything else (`g += l2 * w`), not decoupled from it. Knows no layers:
//! parameters and gradients are flat slices of the same length.
//!
//! The arithmetic follows PyTorch but for magnitudes below 1e-15, which count as zero: a converged head has many of
//! them, they move no weight, and as denormal numbers they would make a step a hundred times slower.

use headstart_kernels::descent::{Adam, Gradient, Sgd};
use serde::{Deserialize, Serialize};

/// Which rule turns gradients into steps.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Method {
    Adam,
    Sgd,
}

/// The rule with its memory of earlier gradients.
#[derive(Clone, Debug)]
pub struct Optimizer {
    method: Method,
    learning_rate: f64,
    momentum: f64,
    l2: f32,
    steps: i32,
    /// Adam: running mean of the gradient. SGD: the velocity.
    first: Vec<f32>,
    /// Adam: running mean of the squared gradient. SGD: empty.
    second: Vec<f32>,
}

const BETA1: f64 = 0.9;
const BETA2: f64 = 0.999;
const EPSILON: f32 = 1e-8;
const NEGLIGIBLE: f32 = 1e-15;

impl Optimizer {
    /// For `parameters` values; `momentum` is SGD's and Adam ignores it.
    pub fn new(method: Method, parameters: usize, learning_rate: f64, momentum: f64, l2: f64) -> Self {
        let second = if method == Method::Adam { parameters } else { 0 };
        Self {
            method,
            learning_rate,
            momentum,
            l2: l2 as f32,
            steps: 0,
            first: vec![0.0; parameters],
            second: vec![0.0; second],
        }
    }

    /// Moves `parameters` by one step.
    ///
    /// # Panics
    /// If the slices are not as long as announced.
    pub fn step(&mut self, parameters: &mut [f32], gradients: &[f32]) {
        assert_eq!(parameters.len(), self.first.len(), "the optimizer was made for another head");
        assert_eq!(gradients.len(), self.first.len(), "every parameter needs a gradient");
        self.steps = self.steps.saturating_add(1);
        match self.method {
            Method::Adam => self.adam(parameters, gradients),
            Method::Sgd => self.sgd(parameters, gradients),
        }
    }

    fn adam(&mut self, parameters: &mut [f32], gradients: &[f32]) {
        let step = (self.learning_rate / (1.0 - BETA1.powi(self.steps))) as f32;
        let correction = (1.0 / (1.0 - BETA2.powi(self.steps)).sqrt()) as f32;
        let adam = Adam {
            rate: step,
            shrink: 1.0,
            mean_share: (1.0 - BETA1) as f32,
            beta2: BETA2 as f32,
            square_share: (1.0 - BETA2) as f32,
            epsilon: EPSILON,
            correction,
        };
        adam.step(self.gradient(), parameters, gradients, &mut self.first, &mut self.second);
    }

    fn sgd(&mut self, parameters: &mut [f32], gradients: &[f32]) {
        let (rate, momentum) = (self.learning_rate as f32, self.momentum as f32);
        let sgd = Sgd { rate, momentum, nesterov: false };
        sgd.step(self.gradient(), parameters, gradients, &mut self.first);
    }

    fn gradient(&self) -> Gradient {
        Gradient { scale: 1.0, decay: self.l2, negligible: NEGLIGIBLE }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Four steps of `loss = sum(w^4 / 4)`, whose gradient is `w^3`, from `[1, -2, 0.5]`.
    fn path(method: Method, learning_rate: f64, momentum: f64, l2: f64) -> [f32; 3] {
        let mut w = [1.0f32, -2.0, 0.5];
        let mut optimizer = Optimizer::new(method, w.len(), learning_rate, momentum, l2);
        for _ in 0..4 {
            let g = w.map(|w| w * w * w);
            optimizer.step(&mut w, &g);
        }
        w
    }

    #[test]
    fn the_steps_are_those_of_pytorch() {
        // torch 2.15: w = tensor([1., -2., .5]); four times (w**4 / 4).sum().backward() and step().
        let published = [
            (Method::Adam, 0.1, 0.0, 0.0, [0.61781806, -1.6061708, 0.14993335]),
            (Method::Adam, 0.01, 0.0, 0.3, [0.96006477, -1.9600346, 0.46010303]),
            (Method::Sgd, 0.05, 0.0, 0.0, [0.8369045, -1.1595289, 0.47633377]),
            (Method::Sgd, 0.05, 0.9, 0.0, [0.62982094, 0.041235253, 0.44649032]),
            (Method::Sgd, 0.02, 0.5, 0.1, [0.87734544, -1.2738248, 0.47912672]),
        ];
        for (method, learning_rate, momentum, l2, expected) in published {
            let found = path(method, learning_rate, momentum, l2);
            let near = found.iter().zip(expected).all(|(f, e): (&f32, f32)| (f - e).abs() <= 1e-6 * e.abs());
            assert!(near, "{method:?} {learning_rate} {momentum} {l2}: expected {expected:?}, got {found:?}");
        }
    }

    #[test]
    fn a_parameter_without_gradient_stays_where_it_is() {
        for method in [Method::Adam, Method::Sgd] {
            let mut w = [3.0];
            let mut optimizer = Optimizer::new(method, 1, 0.1, 0.9, 0.0);
            (0..10).for_each(|_| optimizer.step(&mut w, &[0.0]));
            assert_eq!(w, [3.0], "{method:?}");
        }
    }
}
