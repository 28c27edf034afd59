//! What a learner may choose about fine-tuning: everything about a head's training, and where the cut is.

use serde::{Deserialize, Serialize};

use crate::train::{BatchNormMode, Optimizer, Options};
use crate::transfer::optimizer::Method;
use crate::transfer::{self, SettingsError};

/// Crosses to JavaScript and into files as one flat object in camel case; what is missing takes its default.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Settings {
    #[serde(flatten)]
    pub training: transfer::Settings,
    /// What comes after it is trained: a layer or block by its dotted name, "features", or "image" for everything.
    pub cut: String,
    /// Starts from random numbers instead of the loaded weights.
    pub fresh: bool,
    /// Examples of each class that are learned from at most; the held-out ones stay what they are.
    pub per_class: Option<usize>,
    /// Decides which of them, the head's first weights, the order of the batches and what dropout drops, but not what is
    /// held out; that of the training settings if not given.
    pub run_seed: Option<u64>,
    /// The largest norm of all gradients together that stays as it is; any does at 0.
    pub clip_norm: f64,
    /// Whether what is cheap is computed again instead of being kept: less memory, a little more time.
    pub recompute: bool,
}

/// How much faster than pretrained layers the new head learns: it has everything to learn, and they have little.
const HEAD_RATE: f64 = 10.0;

impl Settings {
    /// Names the first setting outside its range.
    pub fn validate(&self) -> Result<(), SettingsError> {
        let found = self.clip_norm;
        if !(0.0..=1e6).contains(&found) {
            let (name, range) = ("the norm that gradients are clipped to", "from 0 (not at all) to 1000000");
            return Err(SettingsError::OutOfRange { name, range, found: found.to_string() });
        }
        self.training.validate()
    }

    pub(super) fn seed(&self) -> u64 {
        self.run_seed.unwrap_or(self.training.seed)
    }

    /// The trainer's options; `head` are the names of the last layer's parameters.
    ///
    /// A pretrained network keeps its batch norms' statistics, because a few pictures say less than the million it has
    /// seen; a fresh one has to find its own.
    pub(super) fn options(&self, head: &[String]) -> Options {
        let transfer::Settings { optimizer, learning_rate, momentum, l2, .. } = self.training;
        let alone = self.cut == "features" || self.fresh;
        Options {
            optimizer: match optimizer {
                Method::Adam => Optimizer::ADAM,
                Method::Sgd => Optimizer::Sgd { momentum, nesterov: false },
            },
            learning_rate,
            weight_decay: l2,
            rates: head.iter().filter(|_| !alone).map(|name| (name.clone(), HEAD_RATE)).collect(),
            batch_norm: if self.fresh { BatchNormMode::Train } else { BatchNormMode::Frozen },
            clip_norm: Some(self.clip_norm).filter(|norm| *norm > 0.0),
            recompute: self.recompute,
            seed: self.seed(),
            ..Options::default()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_are_one_flat_object() {
        let json =
            r#"{ "classes": ["a", "b"], "seed": 3, "learningRate": 1, "cut": "layer4", "perClass": 5 }"#;
        let read: Settings = serde_json::from_str(json).unwrap();
        assert_eq!((read.training.seed, read.cut.as_str(), read.per_class), (3, "layer4", Some(5)));
        assert_eq!((read.training.learning_rate, read.training.epochs), (1.0, 50));
        let again: Settings = serde_json::from_str(&serde_json::to_string(&read).unwrap()).unwrap();
        assert_eq!(again, read);
    }

    #[test]
    fn a_new_head_learns_faster_than_pretrained_layers_and_no_faster_than_fresh_ones() {
        let head = ["fc.weight".to_string()];
        let rates = |cut: &str, fresh| {
            let settings = Settings { cut: cut.into(), fresh, ..Settings::default() };
            settings.options(&head).rates.len()
        };
        assert_eq!((rates("layer4", false), rates("image", true), rates("features", false)), (1, 0, 0));
    }
}
