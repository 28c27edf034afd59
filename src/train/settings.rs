//! How a network is trained: what a recipe says.

use crate::plan::Rule;

/// PyTorch's names and defaults.
#[derive(Clone, Debug, PartialEq)]
pub struct Options {
    pub optimizer: Optimizer,
    pub learning_rate: f64,
    pub weight_decay: f64,
    /// Learning rates relative to the others', by the beginning of parameters' names; the longest that fits counts.
    pub rates: Vec<(String, f64)>,
    pub batch_norm: BatchNormMode,
    /// Whether dropout drops anything.
    pub dropout: bool,
    /// What is known of a picture that is learned from.
    pub targets: Targets,
    /// Share of the target that is spread over all classes.
    pub label_smoothing: f64,
    /// The largest norm of all gradients together that stays as it is; any does where there is none.
    pub clip_norm: Option<f64>,
    /// Bytes of one linear layer's weights at most; larger ones are trained in pieces, by rows.
    pub largest_weight: usize,
    /// Whether what is cheap to compute again is not kept for the backward pass: less memory, a little more time, and
    /// the same numbers.
    pub recompute: bool,
    /// Decides what dropout drops.
    pub seed: u64,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Optimizer {
    Sgd { momentum: f64, nesterov: bool },
    Adam { beta1: f64, beta2: f64, epsilon: f64 },
    AdamW { beta1: f64, beta2: f64, epsilon: f64 },
}

/// What a picture is said to be.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Targets {
    /// Of one class: [`Trainer::step`](super::Trainer::step).
    #[default]
    Classes,
    /// Of every class with some probability: [`Trainer::step_towards`](super::Trainer::step_towards).
    Distributions,
}

/// By which statistics batch norm normalises while a network trains; its weight and bias train in either case.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum BatchNormMode {
    /// The batch's, which the running ones follow.
    #[default]
    Train,
    /// The running ones, which stay as they are: for batches too small to say much.
    Frozen,
}

/// Half of what every device binds: kernels may read a weight with rows of zeros after it. Smaller pieces would only cost
/// steps.
const LARGEST_WEIGHT: usize = 64 << 20;

impl Default for Options {
    fn default() -> Self {
        Self {
            optimizer: Optimizer::Sgd { momentum: 0.9, nesterov: false },
            learning_rate: 0.01,
            weight_decay: 0.0,
            rates: Vec::new(),
            batch_norm: BatchNormMode::Train,
            dropout: true,
            targets: Targets::Classes,
            label_smoothing: 0.0,
            clip_norm: None,
            largest_weight: LARGEST_WEIGHT,
            recompute: false,
            seed: 0,
        }
    }
}

impl BatchNormMode {
    pub const fn by_batch(self) -> bool {
        matches!(self, Self::Train)
    }
}

impl Targets {
    pub(super) const fn words(self) -> &'static str {
        match self {
            Self::Classes => "a class for each picture",
            Self::Distributions => "a distribution over the classes for each picture",
        }
    }

    /// Values for one picture, where there are so many classes.
    pub const fn len(self, classes: usize) -> usize {
        match self {
            Self::Classes => 1,
            Self::Distributions => classes,
        }
    }
}

impl Optimizer {
    pub const ADAM: Self = Self::Adam { beta1: 0.9, beta2: 0.999, epsilon: 1e-8 };
    pub const ADAM_W: Self = Self::AdamW { beta1: 0.9, beta2: 0.999, epsilon: 1e-8 };
}

impl Options {
    /// The rule for the parameter of that name.
    pub fn rule(&self, param: &str) -> Rule {
        let fitting = self.rates.iter().filter(|(start, _)| param.starts_with(start.as_str()));
        let rate = fitting.max_by_key(|(start, _)| start.len()).map_or(1.0, |(_, rate)| *rate);
        let weight_decay = self.weight_decay;
        match self.optimizer {
            Optimizer::Sgd { momentum, nesterov } => Rule::Sgd { momentum, nesterov, weight_decay, rate },
            Optimizer::Adam { beta1, beta2, epsilon } => {
                Rule::Adam { beta1, beta2, epsilon, weight_decay, decoupled: false, rate }
            }
            Optimizer::AdamW { beta1, beta2, epsilon } => {
                Rule::Adam { beta1, beta2, epsilon, weight_decay, decoupled: true, rate }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_beginning_of_a_name_decides_its_rate() {
        let rates = vec![("layer".into(), 0.1), ("layer4".into(), 0.5)];
        let options = Options { rates, ..Options::default() };
        let rate = |name| match options.rule(name) {
            Rule::Sgd { rate, .. } => rate,
            other => panic!("{other:?}"),
        };
        assert_eq!(
            (rate("layer1.0.conv1.weight"), rate("layer4.0.conv1.weight"), rate("fc.bias")),
            (0.1, 0.5, 1.0)
        );
    }
}
