//! The reference cases: PyTorch's numbers for a network with hashed weights, and networks with those weights.

use headstart::graph::Graph;
use headstart::models;
use headstart::shape::Shape;
use headstart::tensor::Tensor;
use headstart::weights::{Checkpoint, Parameters};
use safetensors::tensor::{Dtype, TensorView, serialize};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::path::Path;

use super::hash::hashed;

/// One `forward` file of the reference; the opening comment of its generator defines every field.
#[derive(Deserialize)]
pub struct Golden {
    pub case: Case,
    pub hash_check: BTreeMap<String, serde_json::Value>,
    pub input: HashedInput,
    pub param_count: u64,
    pub params: Vec<HashedParam>,
    pub macs_per_image: u64,
    pub activations: BTreeMap<String, Values>,
    pub features: Values,
    pub logits: Values,
}

#[derive(Deserialize)]
pub struct Case {
    pub id: String,
    pub model: String,
    pub seed: u32,
    pub classes: usize,
    pub shape: [usize; 4],
}

/// Middle and half width of the hashed values; absent where the weights are real.
#[derive(Deserialize)]
pub struct HashedParam {
    pub name: String,
    pub dims: Vec<usize>,
    pub mid: Option<f32>,
    pub half: Option<f32>,
}

#[derive(Deserialize)]
pub struct HashedInput {
    pub mid: f32,
    pub half: f32,
}

/// What is known of a tensor: always mean, deviation, minimum, maximum and twelve of its values; sometimes all of them.
#[derive(Deserialize)]
pub struct Values {
    pub shape: Vec<usize>,
    pub summary: Vec<f64>,
    #[serde(default)]
    pub values: Vec<Vec<f64>>,
}

impl Golden {
    /// The case of that name in `tests/golden`.
    pub fn open(id: &str) -> Self {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/golden/{id}.json"));
        let text = std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
        serde_json::from_str(&text).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
    }

    pub fn graph(&self) -> Graph {
        let spec = models::find(&self.case.model).expect("every case is of a network in the catalogue");
        let [n, c, h, w] = self.case.shape;
        spec.graph(Shape::new(n, c, h, w), self.case.classes).expect("every case is a possible network")
    }

    /// The hashed pictures.
    pub fn pictures(&self) -> Tensor<f32> {
        let [n, c, h, w] = self.case.shape;
        let HashedInput { mid, half } = self.input;
        Tensor::new(Shape::new(n, c, h, w), hashed(self.case.seed, "input", n * c * h * w, mid, half))
    }

    /// The hashed weights, by way of a safetensors file.
    pub fn parameters(&self, graph: &Graph) -> Parameters {
        let checkpoint = Checkpoint::read(self.safetensors()).expect("a file just written can be read");
        Parameters::from_checkpoint(checkpoint, graph, false, 0).unwrap_or_else(|error| panic!("{error:#}"))
    }

    fn safetensors(&self) -> Vec<u8> {
        let tensors: Vec<(String, Vec<usize>, Vec<u8>)> = self
            .params
            .iter()
            .map(|HashedParam { name, dims, mid, half }| {
                let (mid, half) = mid.zip(*half).expect("hashed weights");
                let values = hashed(self.case.seed, name, dims.iter().product(), mid, half);
                (name.clone(), dims.clone(), values.iter().flat_map(|v| v.to_le_bytes()).collect())
            })
            .collect();
        let views = tensors.iter().map(|(name, dims, bytes)| {
            (
                name,
                TensorView::new(Dtype::F32, dims.clone(), bytes)
                    .expect("as many bytes as the dimensions say"),
            )
        });
        serialize(views, None).expect("tensors can be written")
    }
}

impl Values {
    /// Largest difference between `found` and what is known of the reference, over the reference's largest magnitude.
    pub fn error(&self, found: &Tensor<f32>) -> f64 {
        let count: usize = self.shape.iter().product();
        assert_eq!(count, found.data.len(), "{:?} and {} have different lengths", self.shape, found.shape);
        let magnitude = self.summary[2].abs().max(self.summary[3].abs());
        let summary = summary(&found.data);
        let all = self.values.iter().flatten().zip(found.data.iter().map(|&v| f64::from(v)));
        let pairs = self.summary.iter().zip(summary).chain(all);
        // A comparison with not-a-number is false, so maximum would hide one.
        pairs.map(|(a, b)| (a - b).abs()).fold(0.0, |worst, e| if e <= worst { worst } else { e }) / magnitude
    }
}

/// Mean, population deviation, minimum, maximum, and the values at `floor(k (n - 1) / 11)` for k of 0 to 11.
fn summary(values: &[f32]) -> Vec<f64> {
    let n = values.len();
    let value = |i: usize| f64::from(values[i]);
    let mean = (0..n).map(value).sum::<f64>() / n as f64;
    let deviation = ((0..n).map(|i| (value(i) - mean).powi(2)).sum::<f64>() / n as f64).sqrt();
    let minimum = (0..n).map(value).fold(f64::INFINITY, f64::min);
    let maximum = (0..n).map(value).fold(f64::NEG_INFINITY, f64::max);
    let picks = (0..12).map(|k| value(k * (n - 1) / 11));
    [mean, deviation, minimum, maximum].into_iter().chain(picks).collect()
}
