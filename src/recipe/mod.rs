//! Recipes: everything that decides a training run, as readable text, so that a result can be had again.
//!
//! A recipe is a TOML file in `recipes/`: network, data, augmentation, optimizer, schedule, seed, and the accuracy that
//! it reached. Training it twice on the same machine gives the same weights bit for bit. Knows files and datasets by
//! name; the training itself is [`crate::train`]'s.

mod average;
pub mod curve;
mod error;
mod evaluate;
mod run;
mod state;
mod teacher;
mod tensors;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::augment::{AugmentError, Augmentation};
use crate::data::Fit;
use crate::graph::Graph;
use crate::image::InputSpec;
use crate::models::{self, ModelSpec};
use crate::schedule::{self, Schedule, ScheduleError};
use crate::train::{self, BatchNormMode, Options, Targets};

pub use error::RunError;
pub use evaluate::{Evaluation, View, evaluate};
pub use run::{Event, Observer, Run};

/// One training run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Recipe {
    pub title: String,
    /// A network's id.
    pub model: String,
    /// Decides the first weights, the order of the pictures, what is drawn for each, and what dropout drops.
    #[serde(default)]
    pub seed: u64,
    /// Times that every picture is learned from.
    pub epochs: usize,
    /// Pictures of one step; what is left at the end of an epoch is left out of it.
    pub batch: usize,
    /// Share of the test pictures that were told right when the recipe was written down, 0 to 1.
    pub expected_accuracy: Option<f64>,
    /// Share of the truth that is spread over all classes. Szegedy et al. 2016.
    #[serde(default)]
    pub label_smoothing: f64,
    /// Learns from a trained network's answers too.
    pub teacher: Option<Teacher>,
    /// Decay of the running average of all weights that is kept in the end; 0 keeps the last weights.
    #[serde(default)]
    pub average: f64,
    #[serde(default)]
    pub precision: Precision,
    /// Computes again what is cheap instead of keeping it for the way back: less memory, a little more time.
    #[serde(default)]
    pub recompute: bool,
    /// What comes before this node or block stays as it is; everything is trained where there is none.
    pub cut: Option<String>,
    /// The statistics by which batch norm normalises while training.
    #[serde(default)]
    pub batch_norm: Statistics,
    pub data: Data,
    #[serde(default)]
    pub augmentation: Vec<Augmentation>,
    pub optimizer: Optimizer,
    #[serde(default)]
    pub schedule: Schedule,
}

/// By which statistics batch norm normalises in training.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Statistics {
    /// The batch's, which the running ones follow.
    #[default]
    Train,
    /// The running ones, which stay as they are.
    Frozen,
}

/// How much another network's answers count beside the truth. Hinton, Vinyals and Dean 2015.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Teacher {
    /// Share of the target that is the answer, 0 to 1; the rest is the truth.
    pub share: f64,
    /// What the teacher's logits are divided by: above 1 it says more of the classes that it thinks unlikely.
    #[serde(default = "one")]
    pub temperature: f64,
}

/// What a file of trained weights says of itself.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Note {
    /// The recipe's.
    pub title: String,
    pub model: String,
    pub fit: Fit,
    pub classes: Vec<String>,
    /// All of it; files of earlier versions lack it.
    #[serde(default)]
    pub recipe: Option<Recipe>,
}

impl Note {
    /// The note in the bytes of a file; none if there is none.
    pub fn of(bytes: &[u8]) -> Option<Self> {
        tensors::note(bytes)
    }
}

/// How the weights are written when training has ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Precision {
    #[default]
    F32,
    F16,
}

/// Which pictures; where they are is an argument of the run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Data {
    /// What a reader has to bring, for people.
    pub name: String,
    #[serde(default)]
    pub fit: Fit,
    /// Pixels of a picture's shorter side after resizing, of which the network sees the central square; its own preparation
    /// where there is none.
    pub size: Option<usize>,
    /// Where there is no test part: so many pictures of each class are learned from, the others test.
    pub per_class: Option<usize>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Optimizer {
    pub kind: Method,
    /// The highest of the schedule.
    pub learning_rate: f64,
    #[serde(default)]
    pub momentum: f64,
    #[serde(default)]
    pub nesterov: bool,
    #[serde(default)]
    pub weight_decay: f64,
    /// The largest norm of all gradients together that stays as it is; any does at 0.
    #[serde(default)]
    pub clip_norm: f64,
    /// Share of the learning rate that each stage gets of what the stage after it gets.
    #[serde(default = "one")]
    pub layer_decay: f64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Method {
    Sgd,
    Adam,
    AdamW,
}

/// Why a recipe cannot be followed.
#[derive(Clone, Debug, Error, PartialEq)]
pub enum RecipeError {
    #[error("this is not a recipe: {reason}")]
    Syntax { reason: String },
    #[error("there is no network named {model}; the networks are {}", ids.join(", "))]
    Model { model: String, ids: Vec<&'static str> },
    #[error("{field} must lie between {least} and {most}, got {found}")]
    Bounds { field: &'static str, least: f64, most: f64, found: f64 },
    #[error("augmentation: {0}")]
    Augmentation(#[from] AugmentError),
    #[error(transparent)]
    Schedule(#[from] ScheduleError),
}

impl Recipe {
    /// Whether both give the same weights: what a recipe is called and what it promises is no part of that.
    pub fn trains_like(&self, other: &Self) -> bool {
        let bare = |recipe: &Self| Self { title: String::new(), expected_accuracy: None, ..recipe.clone() };
        bare(self) == bare(other)
    }

    /// Reads a recipe's text. Fails with the line that is wrong, or the field.
    pub fn parse(text: &str) -> Result<Self, RecipeError> {
        let recipe: Self =
            toml::from_str(text).map_err(|error| RecipeError::Syntax { reason: error.to_string() })?;
        recipe.validate()?;
        Ok(recipe)
    }

    /// The network. Fails unless there is one of that id.
    pub fn spec(&self) -> Result<&'static ModelSpec, RecipeError> {
        models::find(&self.model).ok_or_else(|| RecipeError::Model {
            model: self.model.clone(),
            ids: models::CATALOGUE.iter().map(|spec| spec.id).collect(),
        })
    }

    /// How a picture becomes the input of that network in this run.
    pub fn input(&self, spec: &ModelSpec) -> InputSpec {
        self.data.size.map_or(spec.input, |size| InputSpec {
            height: size,
            width: size,
            resize_short: size,
            ..spec.input
        })
    }

    /// The trainer's options for a graph of the network.
    pub fn options(&self, graph: &Graph) -> Options {
        let Optimizer { kind, learning_rate, momentum, nesterov, weight_decay, layer_decay, .. } =
            self.optimizer;
        let shares = schedule::by_depth(graph, layer_decay);
        let names = graph.params.iter().map(|param| param.name.clone());
        Options {
            optimizer: match kind {
                Method::Sgd => train::Optimizer::Sgd { momentum, nesterov },
                Method::Adam => train::Optimizer::ADAM,
                Method::AdamW => train::Optimizer::ADAM_W,
            },
            learning_rate,
            weight_decay,
            rates: names.zip(shares.into_iter().map(f64::from)).collect(),
            batch_norm: match self.batch_norm {
                Statistics::Train => BatchNormMode::Train,
                Statistics::Frozen => BatchNormMode::Frozen,
            },
            targets: if self.teacher.is_some() { Targets::Distributions } else { Targets::Classes },
            label_smoothing: self.label_smoothing,
            clip_norm: Some(self.optimizer.clip_norm).filter(|norm| *norm > 0.0),
            recompute: self.recompute,
            seed: self.seed,
            ..Options::default()
        }
    }

    fn validate(&self) -> Result<(), RecipeError> {
        self.spec()?;
        let optimizer = &self.optimizer;
        let Teacher { share, temperature } = self.teacher.unwrap_or(Teacher { share: 1.0, temperature: 1.0 });
        let fields = [
            ("teacher.share", share, 0.0, 1.0),
            ("teacher.temperature", temperature, 0.01, 100.0),
            ("epochs", self.epochs as f64, 1.0, 100_000.0),
            ("batch", self.batch as f64, 1.0, 65_536.0),
            ("data.size", self.data.size.unwrap_or(8) as f64, 8.0, 1024.0),
            ("expected_accuracy", self.expected_accuracy.unwrap_or(0.0), 0.0, 1.0),
            ("label_smoothing", self.label_smoothing, 0.0, 0.99),
            ("average", self.average, 0.0, 0.999_999),
            ("optimizer.learning_rate", optimizer.learning_rate, 1e-12, 1e3),
            ("optimizer.momentum", optimizer.momentum, 0.0, 0.999_999),
            ("optimizer.weight_decay", optimizer.weight_decay, 0.0, 1e3),
            ("optimizer.clip_norm", optimizer.clip_norm, 0.0, 1e6),
            ("optimizer.layer_decay", optimizer.layer_decay, 1e-6, 1.0),
        ];
        for (field, found, least, most) in fields {
            if !(least..=most).contains(&found) {
                return Err(RecipeError::Bounds { field, least, most, found });
            }
        }
        self.augmentation.iter().try_for_each(Augmentation::validate)?;
        Ok(self.schedule.validate()?)
    }
}

fn one() -> f64 {
    1.0
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = r#"
        title = "LeNet-5 on MNIST"
        model = "lenet5"
        epochs = 2
        batch = 64
        data = { name = "MNIST", fit = "pad" }
        optimizer = { kind = "sgd", learning_rate = 0.05, momentum = 0.9 }
        schedule = { kind = "one_cycle", rise = 0.2 }

        [[augmentation]]
        kind = "random_crop"
        padding = 2
    "#;

    #[test]
    fn what_a_recipe_leaves_out_has_a_default() {
        let recipe = Recipe::parse(TEXT).expect("a sound recipe");
        assert_eq!((recipe.seed, recipe.precision, recipe.optimizer.layer_decay), (0, Precision::F32, 1.0));
        assert_eq!(recipe.schedule, Schedule::OneCycle { rise: 0.2, start: 25.0, end: 1e4 });
        assert_eq!(recipe.augmentation, [Augmentation::RandomCrop { padding: 2 }]);
    }

    #[test]
    fn what_is_wrong_with_a_recipe_is_said_in_a_sentence() {
        let bad = [
            ("lenet5", "lenet6", "there is no network named lenet6; the networks are lenet5"),
            ("epochs = 2", "epochs = 0", "epochs must lie between 1 and"),
            ("batch = 64", "batches = 64", "unknown field `batches`"),
            ("0.05", "nan", "optimizer.learning_rate must lie between"),
            (
                "momentum = 0.9",
                "clip_norm = -1.0",
                "optimizer.clip_norm must lie between 0 and 1000000, got -1",
            ),
            (
                "batch = 64",
                "batch = 64\nteacher = { share = 1.5 }",
                "teacher.share must lie between 0 and 1, got 1.5",
            ),
            ("fit = \"pad\"", "size = 4", "data.size must lie between 8 and 1024, got 4"),
            ("rise = 0.2", "rise = 2.0", "schedule: rise must lie between 0 and 1, got 2"),
            ("random_crop", "crop", "unknown variant `crop`"),
            ("padding = 2", "pad = 2", "pad"),
            ("title", "[", "this is not a recipe"),
        ];
        for (from, to, part) in bad {
            let sentence = Recipe::parse(&TEXT.replace(from, to)).expect_err(to).to_string();
            assert!(sentence.contains(part), "{sentence:?} does not say {part:?}");
        }
    }
}
