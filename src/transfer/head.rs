//! A trained head: plain matrices from features to class probabilities, and its file.
//!
//! The scale of the features is already folded into the weights, so whoever reads the file needs no more than its tensors.
//! Knows nothing of training.
//!
//! The file is safetensors. Tensors: `hidden.weight` `[hidden, features]` and `hidden.bias` where there is a hidden
//! layer, `output.weight` `[classes, hidden or features]`, `output.bias`, all f32. Metadata: `format`
//! "headstart-head", `version` "1", `classes` a JSON list, `settings` a JSON object, `network` the fingerprint of the
//! network whose features it reads.

use std::collections::HashMap;

use safetensors::tensor::{Dtype, SafeTensors, TensorView};
use thiserror::Error;

use super::loss::softmax;
use super::perceptron::dense;
use super::settings::Settings;

const FORMAT: &str = "headstart-head";
const VERSION: &str = "1";

/// `w` `[out, in]`, `b` `[out]`.
#[derive(Clone, Debug, PartialEq)]
pub struct Layer {
    pub weight: Vec<f32>,
    pub bias: Vec<f32>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Head {
    /// How it was trained; its classes are the head's outputs in order.
    pub settings: Settings,
    pub hidden: Option<Layer>,
    pub output: Layer,
}

#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum HeadError {
    #[error("the head file is damaged or no safetensors file at all ({reason}); save the head again")]
    Unreadable { reason: String },
    #[error("this safetensors file is not a head saved by Headstart; choose one that is")]
    Foreign,
    #[error(
        "this head is of format version {found}, but this Headstart reads version {VERSION}; \
         use the Headstart that saved it, or train again"
    )]
    Version { found: String },
    #[error(
        "this head reads the features of network {found:?}, but {expected:?} is loaded; load that network, or train again"
    )]
    Network { expected: String, found: String },
    #[error("the head file is damaged: {place} {problem}; save the head again")]
    Damaged { place: String, problem: String },
}

impl Head {
    pub fn classes(&self) -> &[String] {
        &self.settings.classes
    }

    /// Number of features it expects.
    pub fn feature_length(&self) -> usize {
        self.hidden.as_ref().unwrap_or(&self.output).inputs()
    }

    /// Probabilities of the classes; they sum to 1.
    ///
    /// # Panics
    /// If there are not [`feature_length`](Self::feature_length) features.
    pub fn predict(&self, features: &[f32]) -> Vec<f32> {
        assert_eq!(
            features.len(),
            self.feature_length(),
            "a head reads features of the length it was trained on"
        );
        let mut probabilities = match &self.hidden {
            None => self.output.apply(features),
            Some(hidden) => {
                let mut activations = hidden.apply(features);
                activations.iter_mut().for_each(|a| *a = a.max(0.0));
                self.output.apply(&activations)
            }
        };
        softmax(&mut probabilities);
        probabilities
    }

    /// The file's bytes; `network` is the fingerprint of the network that computes the features.
    pub fn to_bytes(&self, network: &str) -> Vec<u8> {
        let json = "class names and settings are representable as JSON";
        let metadata = HashMap::from([
            ("format".to_string(), FORMAT.to_string()),
            ("version".to_string(), VERSION.to_string()),
            ("classes".to_string(), serde_json::to_string(self.classes()).expect(json)),
            ("settings".to_string(), serde_json::to_string(&self.settings).expect(json)),
            ("network".to_string(), network.to_string()),
        ]);
        let layers = self.hidden.iter().map(|layer| ("hidden", layer)).chain([("output", &self.output)]);
        let tensors = layers.flat_map(|(name, layer)| {
            let outputs = layer.bias.len();
            [
                (format!("{name}.weight"), vec![outputs, layer.inputs()], &layer.weight),
                (format!("{name}.bias"), vec![outputs], &layer.bias),
            ]
        });
        let tensors: Vec<(String, Vec<usize>, Vec<u8>)> = tensors
            .map(|(name, dims, values)| (name, dims, values.iter().flat_map(|v| v.to_le_bytes()).collect()))
            .collect();
        let views = tensors.iter().map(|(name, dims, bytes)| {
            (name, TensorView::new(Dtype::F32, dims.clone(), bytes).expect("a layer's sizes agree"))
        });
        safetensors::serialize(views, Some(metadata)).expect("two small layers make a valid file")
    }

    /// Reads a file made by [`to_bytes`](Self::to_bytes) for the same `network`.
    pub fn from_bytes(bytes: &[u8], network: &str) -> Result<Self, HeadError> {
        let unreadable = |error: &dyn std::fmt::Display| HeadError::Unreadable { reason: error.to_string() };
        let (_, header) = SafeTensors::read_metadata(bytes).map_err(|error| unreadable(&error))?;
        let file = SafeTensors::deserialize(bytes).map_err(|error| unreadable(&error))?;
        let metadata = header.metadata().as_ref().ok_or(HeadError::Foreign)?;
        let entry = |key: &str| metadata.get(key).map(String::as_str);
        if entry("format") != Some(FORMAT) {
            return Err(HeadError::Foreign);
        }
        match entry("version") {
            Some(VERSION) => {}
            found => return Err(HeadError::Version { found: found.unwrap_or("unknown").into() }),
        }
        let found = entry("network").unwrap_or("unknown");
        if found != network {
            return Err(HeadError::Network { expected: network.into(), found: found.into() });
        }
        let settings: Settings = entry("settings")
            .and_then(|json| serde_json::from_str(json).ok())
            .ok_or_else(|| damaged("settings", "cannot be read"))?;
        let classes: Vec<String> = entry("classes")
            .and_then(|json| serde_json::from_str(json).ok())
            .ok_or_else(|| damaged("classes", "cannot be read"))?;
        let settings = Settings { classes, ..settings };

        let output = Layer::read(&file, "output", settings.classes.len())?;
        let has_hidden = file.names().iter().any(|name| name.starts_with("hidden."));
        let hidden = has_hidden.then(|| Layer::read(&file, "hidden", output.inputs())).transpose()?;
        Ok(Self { settings, hidden, output })
    }
}

impl Layer {
    pub fn inputs(&self) -> usize {
        self.weight.len() / self.bias.len()
    }

    fn apply(&self, x: &[f32]) -> Vec<f32> {
        let mut y = vec![0.0; self.bias.len()];
        dense(x, 1, &self.weight, &self.bias, &mut y);
        y
    }

    fn read(file: &SafeTensors<'_>, name: &str, outputs: usize) -> Result<Self, HeadError> {
        let (weight, dims) = tensor(file, &format!("{name}.weight"))?;
        let (bias, bias_dims) = tensor(file, &format!("{name}.bias"))?;
        let fits =
            outputs > 0 && dims.len() == 2 && dims[0] == outputs && dims[1] > 0 && bias_dims == [outputs];
        if !fits {
            let problem =
                format!("has shape {dims:?} and bias {bias_dims:?} where {outputs} outputs are expected");
            return Err(damaged(&format!("{name}.weight"), &problem));
        }
        Ok(Self { weight, bias })
    }
}

fn tensor(file: &SafeTensors<'_>, name: &str) -> Result<(Vec<f32>, Vec<usize>), HeadError> {
    let view = file.tensor(name).map_err(|_| damaged(name, "is missing"))?;
    if view.dtype() != Dtype::F32 {
        return Err(damaged(name, &format!("holds {:?} where F32 is expected", view.dtype())));
    }
    let values: Vec<f32> = view.data().as_chunks().0.iter().map(|&bytes| f32::from_le_bytes(bytes)).collect();
    if !values.iter().all(|value| value.is_finite()) {
        return Err(damaged(name, "holds values that are not finite numbers"));
    }
    Ok((values, view.shape().to_vec()))
}

fn damaged(place: &str, problem: &str) -> HeadError {
    HeadError::Damaged { place: place.into(), problem: problem.into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head(hidden: usize) -> Head {
        let classes = vec!["left \"hand\"".to_string(), "ręka".to_string()];
        let layer = |outputs: usize, inputs: usize| Layer {
            weight: (0..outputs * inputs).map(|i| (i as f32).sin()).collect(),
            bias: (0..outputs).map(|i| i as f32 - 0.5).collect(),
        };
        Head {
            settings: Settings { classes, hidden, ..Settings::default() },
            hidden: (hidden > 0).then(|| layer(hidden, 3)),
            output: layer(2, if hidden > 0 { hidden } else { 3 }),
        }
    }

    #[test]
    fn a_head_survives_its_file() {
        for hidden in [0, 5] {
            let head = head(hidden);
            assert_eq!(Head::from_bytes(&head.to_bytes("lite0-1"), "lite0-1"), Ok(head), "hidden {hidden}");
        }
    }

    #[test]
    fn probabilities_are_the_softmax_of_the_matrices() {
        let mut linear = head(0);
        linear.output = Layer { weight: vec![1.0, 0.0, 0.0, 0.0, 1.0, 0.0], bias: vec![0.0, 1.0] };
        let found = linear.predict(&[2.0, 1.0, 9.0]);
        assert_eq!(found, [0.5, 0.5]);
    }

    #[test]
    fn a_head_of_another_network_is_refused_by_name() {
        let sentence = Head::from_bytes(&head(0).to_bytes("resnet18-7"), "lite0-1").unwrap_err().to_string();
        assert!(sentence.contains("resnet18-7") && sentence.contains("lite0-1"), "{sentence}");
    }

    #[test]
    fn a_truncated_or_foreign_file_is_refused() {
        let bytes = head(4).to_bytes("n");
        for length in [0, 7, 60, bytes.len() - 1] {
            let error = Head::from_bytes(&bytes[..length], "n").unwrap_err();
            assert!(matches!(error, HeadError::Unreadable { .. }), "{length} bytes: {error}");
        }
        let tensors: [(&str, TensorView<'_>); 0] = [];
        let foreign = safetensors::serialize(tensors, None).unwrap();
        assert_eq!(Head::from_bytes(&foreign, "n"), Err(HeadError::Foreign));
    }

    #[test]
    fn altered_contents_are_refused() {
        let mut wrong_classes = head(0);
        wrong_classes.settings.classes.push("third".into());
        let mut not_finite = head(0);
        not_finite.output.weight[2] = f32::NAN;
        for (head, part) in [(wrong_classes, "3 outputs are expected"), (not_finite, "not finite")] {
            let sentence = Head::from_bytes(&head.to_bytes("n"), "n").unwrap_err().to_string();
            assert!(sentence.contains(part), "{sentence:?} does not say {part:?}");
        }
    }
}
