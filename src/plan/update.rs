//! What a step of training does to a parameter once its gradient is known: pure data, and the formulas.
//!
//! [`Rule::apply`] is the definition and what the CPU backend runs; [`Rule::kernel`] is the same for a graphics device.
//! Both follow PyTorch to the letter, so that its recipes and curves can be reproduced.

use crate::graph::{NodeId, ParamId};
use crate::ops::kernel::{Binding, Kernel, Limits, each, shader, switch, word};
use headstart_kernels::descent::{self, Gradient};

/// A parameter, the node that holds its gradient, and what becomes of the two.
#[derive(Clone, Debug, PartialEq)]
pub struct Update {
    pub param: ParamId,
    pub gradient: NodeId,
    /// A node of one value by which the gradient is multiplied before anything else.
    pub scale: Option<NodeId>,
    pub rule: Rule,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Rule {
    /// Stochastic gradient descent with momentum: `g += decay w; v = momentum v + g; w -= rate v`, or with Nesterov's
    /// `w -= rate (g + momentum v)`. Sutskever et al. 2013, as PyTorch has it.
    Sgd { momentum: f64, nesterov: bool, weight_decay: f64, rate: f64 },
    /// Kingma and Ba 2015; decoupled, the decay shrinks the weight and not the gradient: AdamW, Loshchilov and Hutter
    /// 2019.
    Adam { beta1: f64, beta2: f64, epsilon: f64, weight_decay: f64, decoupled: bool, rate: f64 },
    /// A running average: `w += momentum (factor g - w)`, of the gradient's values from `first` on.
    Average { momentum: f64, factor: f64, first: usize },
    /// `w += g`.
    Accumulate,
}

/// Where training is: what changes from step to step.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Moment {
    /// Counted from 1.
    pub step: u32,
    /// Multiplied by each rule's own `rate`.
    pub learning_rate: f64,
}

impl Rule {
    /// Tensors of the parameter's size that the rule remembers, zero at first.
    pub fn states(&self) -> usize {
        match self {
            Self::Sgd { momentum, .. } => usize::from(*momentum != 0.0),
            Self::Adam { .. } => 2,
            Self::Average { .. } | Self::Accumulate => 0,
        }
    }

    /// Moves the parameter `w` by its gradient `g`, which is multiplied by `scale` first.
    ///
    /// # Panics
    /// If there are fewer states or gradients than the rule needs.
    pub fn apply(&self, at: Moment, w: &mut [f32], g: &[f32], scale: f32, states: &mut [Vec<f32>]) {
        match *self {
            Self::Sgd { momentum, nesterov, weight_decay, rate } => {
                let gradient = Gradient { scale, decay: weight_decay as f32, negligible: 0.0 };
                let (rate, momentum) = ((at.learning_rate * rate) as f32, momentum as f32);
                let sgd = descent::Sgd { rate, momentum, nesterov };
                match states.first_mut() {
                    Some(velocity) => sgd.step(gradient, w, g, velocity),
                    None => sgd.step_alone(gradient, w, g),
                }
            }
            Self::Adam { .. } => {
                let [rate, shrink, mean_share, beta2, square_share, epsilon, decay, correction] =
                    self.adam(at);
                let gradient = Gradient { scale, decay, negligible: 0.0 };
                let adam =
                    descent::Adam { rate, shrink, mean_share, beta2, square_share, epsilon, correction };
                let [mean, square] = states else { panic!("Adam remembers two tensors") };
                adam.step(gradient, w, g, mean, square);
            }
            Self::Average { momentum, factor, first } => {
                descent::average(momentum as f32, factor as f32 * scale, w, &g[first..]);
            }
            Self::Accumulate => descent::accumulate(scale, w, g),
        }
    }

    /// Input 0 of the kernel is the gradient and input 1 its scale, if there is one; the output is the parameter.
    pub fn kernel(&self, at: Moment, len: usize, scaled: bool, limits: Limits) -> Kernel {
        let (shader, choices) = match *self {
            Self::Sgd { momentum, nesterov, .. } => {
                let choices = vec![switch("MOMENTUM", momentum != 0.0), switch("NESTEROV", nesterov)];
                (shader!("sgd"), choices)
            }
            Self::Adam { .. } => (shader!("adam"), Vec::new()),
            Self::Average { .. } => (shader!("average"), Vec::new()),
            Self::Accumulate => (shader!("accumulate"), Vec::new()),
        };
        // The shader of SGD has a velocity even where there is no momentum, and the gradient stands in for its scale.
        let states = if matches!(self, Self::Sgd { .. }) { 1 } else { self.states() };
        let states = (0..states).map(Binding::State);
        let read = [Binding::Input(0), Binding::Input(usize::from(scaled))];
        Kernel {
            shader,
            overrides: choices.into_iter().chain([switch("SCALED", scaled)]).collect(),
            bindings: read.into_iter().chain(states).chain([Binding::Output]).collect(),
            dims: self.words(at, len),
            grid: each(len, limits),
        }
    }

    /// The kernel's numbers at that moment: the length, and the bits of the others.
    pub fn words(&self, at: Moment, len: usize) -> Vec<u32> {
        let numbers = match *self {
            Self::Sgd { momentum, weight_decay, rate, .. } => {
                vec![(at.learning_rate * rate) as f32, momentum as f32, weight_decay as f32]
            }
            Self::Adam { .. } => self.adam(at).to_vec(),
            Self::Average { momentum, factor, first } => {
                return vec![word(len), (momentum as f32).to_bits(), (factor as f32).to_bits(), word(first)];
            }
            Self::Accumulate => Vec::new(),
        };
        [word(len)].into_iter().chain(numbers.into_iter().map(f32::to_bits)).collect()
    }

    /// Learning rate with the first correction, shrinking of the weight, the gradient's share in the mean, the squares'
    /// and the gradient's share in their mean, epsilon, decay of the gradient, and the second correction.
    fn adam(&self, at: Moment) -> [f32; 8] {
        let Self::Adam { beta1, beta2, epsilon, weight_decay, decoupled, rate } = *self else {
            panic!("{self:?} is not Adam")
        };
        let (rate, step) = (at.learning_rate * rate, at.step.min(i32::MAX as u32) as i32);
        let shrink = if decoupled { 1.0 - rate * weight_decay } else { 1.0 };
        let decay = if decoupled { 0.0 } else { weight_decay };
        let correction = 1.0 / (1.0 - beta2.powi(step)).sqrt();
        let rate = rate / (1.0 - beta1.powi(step));
        // Shares in f64, because one minus a number close to one loses digits.
        [rate, shrink, 1.0 - beta1, beta2, 1.0 - beta2, epsilon, decay, correction].map(|v| v as f32)
    }

    /// One of every kind: what a backend is tested with.
    pub fn examples() -> Vec<Self> {
        let sgd = |momentum, nesterov| Self::Sgd { momentum, nesterov, weight_decay: 0.1, rate: 0.5 };
        let adam = |decoupled| Self::Adam {
            beta1: 0.9,
            beta2: 0.999,
            epsilon: 1e-8,
            weight_decay: 0.1,
            decoupled,
            rate: 1.0,
        };
        let average = Self::Average { momentum: 0.1, factor: 1.5, first: 0 };
        vec![
            sgd(0.0, false),
            sgd(0.9, false),
            sgd(0.9, true),
            adam(false),
            adam(true),
            average,
            Self::Accumulate,
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Four steps of `loss = sum(w^4 / 4)`, whose gradient is `w^3`, from `[1, -2, 0.5]`.
    fn path(rule: Rule, learning_rate: f64) -> [f32; 3] {
        let mut w = [1.0f32, -2.0, 0.5];
        let mut states = vec![vec![0.0; w.len()]; rule.states()];
        for step in 1..=4 {
            let g = w.map(|w| w * w * w);
            rule.apply(Moment { step, learning_rate }, &mut w, &g, 1.0, &mut states);
        }
        w
    }

    #[test]
    fn the_steps_are_those_of_pytorch() {
        // torch 2.15: w = tensor([1., -2., .5]); four times (w**4 / 4).sum().backward() and step().
        let sgd = |momentum, weight_decay| Rule::Sgd { momentum, nesterov: false, weight_decay, rate: 1.0 };
        let adam = |weight_decay| Rule::Adam {
            beta1: 0.9,
            beta2: 0.999,
            epsilon: 1e-8,
            weight_decay,
            decoupled: false,
            rate: 1.0,
        };
        let published = [
            (adam(0.0), 0.1, [0.61781806, -1.6061708, 0.14993335]),
            (adam(0.3), 0.01, [0.96006477, -1.9600346, 0.46010303]),
            (sgd(0.0, 0.0), 0.05, [0.8369045, -1.1595289, 0.47633377]),
            (sgd(0.9, 0.0), 0.05, [0.62982094, 0.041235253, 0.44649032]),
            (sgd(0.5, 0.1), 0.02, [0.87734544, -1.2738248, 0.47912672]),
        ];
        for (rule, learning_rate, expected) in published {
            let found = path(rule, learning_rate);
            let near = found.iter().zip(expected).all(|(f, e): (&f32, f32)| (f - e).abs() <= 1e-6 * e.abs());
            assert!(near, "{rule:?} {learning_rate}: expected {expected:?}, got {found:?}");
        }
    }

    #[test]
    fn a_decoupled_decay_shrinks_weights_without_a_gradient() {
        let mut w = [2.0f32];
        let rule = Rule::examples()[4];
        let at = Moment { step: 1, learning_rate: 0.5 };
        rule.apply(at, &mut w, &[0.0], 1.0, &mut vec![vec![0.0]; 2]);
        assert_eq!(w, [2.0 * (1.0 - 0.5 * 0.1)]);
    }
}
