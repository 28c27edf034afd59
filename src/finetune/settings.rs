//! What a learner may choose about fine-tuning: everything about a head's training, and where the cut is.

use serde::{Deserialize, Serialize};

use crate::augment::Augmentation;
use crate::schedule::Schedule;
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
    pub schedule: Course,
    /// Epochs during which the learning rate rises from nothing; one cycle rises by itself.
    pub warmup: f64,
    /// How much of the average of the weights stays when an epoch's are added to it, 0 to below 1. The average is what is
    /// checked and kept; at 0 it is the last weights.
    pub average: f64,
    /// How pictures are changed before they are learned from, in the order that [`crate::augment::row::check`] asks for.
    pub augmentation: Vec<Augmentation>,
}

/// The course of the learning rate over a run, by its name; the numbers of each are the usual ones.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Course {
    #[default]
    Constant,
    /// A tenth after half of the epochs, and a tenth of that after three quarters. He et al. 2015.
    Step,
    Cosine,
    OneCycle,
}

/// How much faster than pretrained layers the new head learns: it has everything to learn, and they have little.
const HEAD_RATE: f64 = 10.0;

impl Settings {
    /// Names the first setting outside its range.
    pub fn validate(&self) -> Result<(), SettingsError> {
        let bounds = [
            ("the norm that gradients are clipped to", "from 0 (not at all) to 1000000", self.clip_norm, 1e6),
            ("the warm-up", "from 0 to 1000 epochs", self.warmup, 1e3),
            ("the average of the weights", "from 0 (none) to 0.999", self.average, 0.999),
        ];
        if let Some((name, range, found, _)) =
            bounds.into_iter().find(|(.., found, most)| !(0.0..=*most).contains(found))
        {
            return Err(SettingsError::OutOfRange { name, range, found: found.to_string() });
        }
        self.training.validate()
    }

    /// The learning rate of a step, the first one of the run being 0, of epochs of so many `steps`.
    pub(super) fn learning_rate(&self, step: usize, steps: usize) -> f64 {
        let (epochs, warmup) = (self.training.epochs, self.warmup);
        let at = |share: f64| share * epochs as f64;
        let schedule = match self.schedule {
            Course::Constant => Schedule::Constant { warmup },
            Course::Step => Schedule::Step { epochs: vec![at(0.5), at(0.75)], factor: 0.1, warmup },
            Course::Cosine => Schedule::Cosine { floor: 0.0, warmup },
            Course::OneCycle => Schedule::OneCycle { rise: 0.3, start: 25.0, end: 1e4 },
        };
        self.training.learning_rate * schedule.at(step, steps, epochs)
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
    fn the_learning_rate_follows_its_course() {
        let rates = |schedule, warmup| {
            let mut settings = Settings { schedule, warmup, ..Settings::default() };
            (settings.training.epochs, settings.training.learning_rate) = (4, 1.0);
            (0..8).map(|step| settings.learning_rate(step, 2)).collect::<Vec<f64>>()
        };
        assert_eq!(rates(Course::Constant, 0.0), [1.0; 8]);
        assert_eq!(rates(Course::Constant, 2.0)[..4], [0.25, 0.5, 0.75, 1.0]);
        let stepwise = rates(Course::Step, 0.0);
        assert!(stepwise[3] == 1.0 && stepwise[4] == 0.1 && stepwise[7] < 0.011, "{stepwise:?}");
        let cosine = rates(Course::Cosine, 0.0);
        assert!(cosine[0] == 1.0 && cosine.is_sorted_by(|a, b| a > b), "{cosine:?}");
        let cycle = rates(Course::OneCycle, 0.0);
        assert!(cycle[0] < 0.05 && cycle[2] > 0.9 && cycle[7] < 0.001, "{cycle:?}");
    }

    #[test]
    fn what_goes_nowhere_is_refused_with_its_range() {
        let valid = || {
            let mut settings = Settings::default();
            settings.training.classes = vec!["a".into(), "b".into()];
            settings
        };
        assert_eq!(valid().validate(), Ok(()));
        for (settings, part) in [
            (
                Settings { average: 1.0, ..valid() },
                "average of the weights must be from 0 (none) to 0.999, got 1",
            ),
            (Settings { warmup: -1.0, ..valid() }, "warm-up must be from 0 to 1000 epochs, got -1"),
            (Settings { clip_norm: f64::NAN, ..valid() }, "clipped to must be from 0"),
        ] {
            let sentence = settings.validate().expect_err(part).to_string();
            assert!(sentence.contains(part), "{sentence:?} does not say {part:?}");
        }
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
