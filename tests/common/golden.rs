//! The reference cases: PyTorch's numbers for a network with hashed weights, and networks with those weights.

use headstart::graph::Graph;
use headstart::models;
use headstart::shape::Shape;
use headstart::tensor::Tensor;
use headstart::weights::{Checkpoint, Parameters, Storage};
use pollster::block_on;
use serde::Deserialize;
use serde_json::json;
use std::collections::BTreeMap;
use std::ops::Range;
use std::path::Path;

use super::hash::{hashed, hashed_part};

/// One file of the reference. `forward` files have activations, features and logits, `train` files only the logits of
/// their first step.
#[derive(Deserialize)]
pub struct Golden {
    pub case: Case,
    pub hash_check: BTreeMap<String, serde_json::Value>,
    pub input: HashedInput,
    pub param_count: u64,
    pub params: Vec<HashedParam>,
    pub macs_per_image: Option<u64>,
    #[serde(default)]
    pub activations: BTreeMap<String, Values>,
    pub features: Option<Values>,
    pub logits: Option<Values>,
    pub logits_step0: Option<Vec<Vec<f64>>>,
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
#[derive(Clone, Deserialize)]
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
    /// Side of the square of pixels over which every value is repeated.
    #[serde(default = "one")]
    pub block: usize,
}

fn one() -> usize {
    1
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

    /// The hashed pictures, every value repeated over a square of pixels.
    pub fn pictures(&self) -> Tensor<f32> {
        let [n, c, h, w] = self.case.shape;
        let HashedInput { mid, half, block } = self.input;
        let (rows, columns) = (h / block, w / block);
        let coarse = hashed(self.case.seed, "input", n * c * rows * columns, mid, half);
        let value = |i: usize| {
            let (plane, y, x) = (i / (h * w), i / w % h, i % w);
            coarse[(plane * rows + y / block) * columns + x / block]
        };
        Tensor::new(Shape::new(n, c, h, w), (0..n * c * h * w).map(value).collect())
    }

    /// The hashed weights, by way of a safetensors file.
    pub fn parameters(&self, graph: &Graph) -> Parameters {
        let checkpoint = block_on(Checkpoint::open(self.file())).expect("a file of the right form");
        Parameters::from_checkpoint(checkpoint, graph, false, 0).unwrap_or_else(|error| panic!("{error:#}"))
    }

    /// The hashed weights as a safetensors file that exists only where it is read: VGG's would be half a gigabyte.
    pub fn file(&self) -> Storage {
        let mut end = 0;
        let mut header = serde_json::Map::new();
        let mut tensors = Vec::new();
        for param in &self.params {
            let begin = end;
            end += 4 * param.dims.iter().product::<usize>() as u64;
            let entry = json!({ "dtype": "F32", "shape": param.dims, "data_offsets": [begin, end] });
            header.insert(param.name.clone(), entry);
            tensors.push((begin..end, param.clone()));
        }
        let mut text = serde_json::Value::Object(header).to_string();
        text.push_str(&" ".repeat(text.len().next_multiple_of(8) - text.len()));
        let start = [&(text.len() as u64).to_le_bytes(), text.as_bytes()].concat();
        let (first, seed) = (start.len() as u64, self.case.seed);
        let read = move |range: Range<u64>| {
            let mut bytes = start[range.start.min(first) as usize..range.end.min(first) as usize].to_vec();
            for (place, HashedParam { name, mid, half, .. }) in &tensors {
                let (from, to) = (range.start.max(first + place.start), range.end.min(first + place.end));
                if from < to {
                    let index = |byte: u64| ((byte - first - place.start) / 4) as u32;
                    let (mid, half) = mid.zip(*half).expect("hashed weights");
                    let values = hashed_part(seed, name, index(from)..index(to), mid, half);
                    bytes.extend(values.into_iter().flat_map(f32::to_le_bytes));
                }
            }
            std::future::ready(Ok(bytes))
        };
        Storage::elsewhere(first + end, read)
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
pub fn summary(values: &[f32]) -> Vec<f64> {
    let n = values.len();
    let value = |i: usize| f64::from(values[i]);
    let mean = (0..n).map(value).sum::<f64>() / n as f64;
    let deviation = ((0..n).map(|i| (value(i) - mean).powi(2)).sum::<f64>() / n as f64).sqrt();
    let minimum = (0..n).map(value).fold(f64::INFINITY, f64::min);
    let maximum = (0..n).map(value).fold(f64::NEG_INFINITY, f64::max);
    let picks = (0..12).map(|k| value(k * (n - 1) / 11));
    [mean, deviation, minimum, maximum].into_iter().chain(picks).collect()
}
