//! The training cases of the reference: PyTorch's losses, gradients and parameters for five steps of SGD.

use std::collections::BTreeMap;
use std::path::Path;

use headstart::exec::ExecError;
use headstart::graph::{Graph, Param, Source};
use headstart::models;
use headstart::net::Part;
use headstart::shape::Shape;
use headstart::tensor::Tensor;
use headstart::train::{BatchNormMode, Optimizer, Options};
use serde::Deserialize;

use super::golden::{HashedParam, summary};
use super::hash::hashed;

/// One `train` file of the reference; the opening comment of its generator defines every field. A case of losses alone has
/// nothing else to compare with.
#[derive(Deserialize)]
pub struct GoldenTraining {
    pub case: Case,
    pub input: Input,
    pub params: Vec<HashedParam>,
    #[serde(default)]
    pub f32_rel_err: Errors,
    pub losses: Losses,
    #[serde(default)]
    pub input_grad: Vec<f64>,
    #[serde(default)]
    pub param_grads: BTreeMap<String, Vec<f64>>,
    #[serde(default)]
    pub running_stats_after_step_1: BTreeMap<String, Vec<f64>>,
    #[serde(default)]
    pub params_after_last_step: BTreeMap<String, Vec<f64>>,
}

#[derive(Deserialize)]
pub struct Case {
    pub id: String,
    pub model: String,
    pub seed: u32,
    pub classes: usize,
    pub shape: [usize; 4],
    pub bn: String,
    pub labels: Vec<u32>,
    pub steps: usize,
    pub lr: f64,
    pub momentum: f64,
    pub weight_decay: f64,
    /// The norm that gradients are clipped to, in some cases.
    pub clip_norm: Option<f64>,
    /// The weight of auxiliary heads, where there are any.
    pub auxiliary: Option<f64>,
}

/// Hashed values, each repeated over `block` by `block` pixels.
#[derive(Deserialize)]
pub struct Input {
    pub block: usize,
    pub mid: f32,
    pub half: f32,
}

#[derive(Deserialize)]
pub struct Losses {
    pub values: Vec<f64>,
}

/// How far PyTorch's own f32 is from its f64: the worst of several runs, some of them disturbed.
#[derive(Deserialize, Default)]
pub struct Errors {
    pub losses: Vec<f64>,
    pub input_grad: f64,
    pub params_after_last_step_max: f64,
    pub param_grads: BTreeMap<String, f64>,
}

impl GoldenTraining {
    /// The case of that name in `tests/golden`.
    pub fn open(id: &str) -> Self {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/golden/{id}.json"));
        let text = std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
        serde_json::from_str(&text).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
    }

    pub fn graph(&self) -> Graph {
        let spec = models::find(&self.case.model).expect("every case is of a network in the catalogue");
        let [n, c, h, w] = self.case.shape;
        let classes = self.case.classes;
        let part =
            if self.case.auxiliary.is_some() { Part::Training { classes } } else { Part::Whole { classes } };
        spec.part(Shape::new(n, c, h, w), part).expect("every case is a possible network")
    }

    pub fn options(&self) -> Options {
        let frozen = self.case.bn == "frozen";
        Options {
            optimizer: Optimizer::Sgd { momentum: self.case.momentum, nesterov: false },
            learning_rate: self.case.lr,
            weight_decay: self.case.weight_decay,
            batch_norm: if frozen { BatchNormMode::Frozen } else { BatchNormMode::Train },
            dropout: false,
            clip_norm: self.case.clip_norm,
            ..Options::default()
        }
    }

    pub fn pictures(&self) -> Vec<f32> {
        let [n, c, h, w] = self.case.shape;
        let Input { block, mid, half } = self.input;
        let (rows, columns) = (h / block, w / block);
        let small = hashed(self.case.seed, "input", n * c * rows * columns, mid, half);
        let value = |i: usize| {
            let (plane, y, x) = (i / (h * w), i / w % h, i % w);
            small[(plane * rows + y / block) * columns + x / block]
        };
        (0..n * c * h * w).map(value).collect()
    }

    pub fn values(&self, param: &Param) -> Result<Tensor<f32>, ExecError> {
        if let Source::Rows { of, rows } = &param.source {
            let whole = self.values(of)?;
            let row = whole.shape.image();
            let data = whole.data[rows.start * row..rows.end * row].to_vec();
            return Ok(Tensor::new(Shape::from_dims(&param.dims), data));
        }
        let known = self.params.iter().find(|known| known.name == param.name);
        let HashedParam { name, mid, half, .. } =
            known.unwrap_or_else(|| panic!("{} is not in the reference", param.name));
        let shape = Shape::from_dims(&param.dims);
        let (mid, half) = mid.zip(*half).expect("hashed weights");
        Ok(Tensor::new(shape, hashed(self.case.seed, name, shape.len(), mid, half)))
    }
}

/// Largest difference between the summary of `found` and the reference's, over the reference's largest magnitude.
pub fn error(expected: &[f64], found: &[f32]) -> f64 {
    let magnitude = expected[2].abs().max(expected[3].abs()).max(1e-30);
    let pairs = expected.iter().zip(summary(found));
    // A comparison with not-a-number is false, so maximum would hide one.
    pairs.map(|(a, b)| (a - b).abs()).fold(0.0, |worst, e| if e <= worst { worst } else { e }) / magnitude
}
