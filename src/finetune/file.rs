//! What fine-tuning learned, as a file: the weights after the cut, and of a run under way also what its optimizer remembers.
//!
//! The file is safetensors. Tensors have the network's names; what the optimizer remembers of one is `name#0`, `name#1`.
//! Metadata: `format` "headstart-fine-tuned", `version` "1", `settings` and `history` as JSON, `step`, and `network`, the
//! fingerprint of the network that was loaded.

use std::collections::HashMap;

use safetensors::tensor::{Dtype, SafeTensors, TensorView};
use thiserror::Error;

use super::settings::Settings;
use crate::train::{Kept, Snapshot};
use crate::transfer::EpochReport;

const FORMAT: &str = "headstart-fine-tuned";
const VERSION: &str = "1";

/// A run at the end of an epoch.
#[derive(Clone, Debug, PartialEq)]
pub struct Checkpoint {
    pub settings: Settings,
    /// Fingerprint of the network that was loaded.
    pub network: String,
    pub history: Vec<EpochReport>,
    /// What the optimizer remembers is missing from a run that has ended.
    pub snapshot: Snapshot,
}

#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum FileError {
    #[error("the file of fine-tuned weights is damaged ({reason}); train again")]
    Damaged { reason: String },
    #[error(
        "these fine-tuned weights are of format version {found}, but this Headstart reads version {VERSION}; train again"
    )]
    Version { found: String },
    #[error(
        "these weights were fine-tuned from {found:?}, but {expected:?} is loaded; load that network, or train again"
    )]
    Network { expected: String, found: String },
}

/// Whether the bytes are a file of fine-tuned weights, whole or not.
pub fn is_tuned(bytes: &[u8]) -> bool {
    let metadata = SafeTensors::read_metadata(bytes).ok();
    let format = metadata.as_ref().and_then(|(_, header)| header.metadata().as_ref()?.get("format"));
    format.is_some_and(|format| format == FORMAT)
}

impl Checkpoint {
    pub fn to_bytes(&self) -> Vec<u8> {
        let json = "settings and reports are representable as JSON";
        let metadata = HashMap::from([
            ("format".to_string(), FORMAT.to_string()),
            ("version".to_string(), VERSION.to_string()),
            ("settings".to_string(), serde_json::to_string(&self.settings).expect(json)),
            ("history".to_string(), serde_json::to_string(&self.history).expect(json)),
            ("step".to_string(), self.snapshot.step.to_string()),
            ("network".to_string(), self.network.clone()),
        ]);
        let views = self.snapshot.tensors.iter().flat_map(|kept| {
            let states =
                kept.states.iter().enumerate().map(|(i, state)| (format!("{}#{i}", kept.name), state));
            [(kept.name.clone(), &kept.values)].into_iter().chain(states).map(|(name, values)| {
                let bytes: &[u8] = bytemuck::cast_slice(values);
                let view = TensorView::new(Dtype::F32, kept.dims.clone(), bytes);
                (name, view.expect("a tensor has as many values as its dimensions say"))
            })
        });
        safetensors::serialize(views, Some(metadata)).expect("named tensors make a valid file")
    }

    /// Reads a file made by [`to_bytes`](Self::to_bytes) for the network of that fingerprint.
    pub fn from_bytes(bytes: &[u8], network: &str) -> Result<Self, FileError> {
        let damaged = |reason: &dyn std::fmt::Display| FileError::Damaged { reason: reason.to_string() };
        let (_, header) = SafeTensors::read_metadata(bytes).map_err(|error| damaged(&error))?;
        let file = SafeTensors::deserialize(bytes).map_err(|error| damaged(&error))?;
        let entry = |key: &str| header.metadata().as_ref().and_then(|all| all.get(key)).map(String::as_str);
        match entry("version") {
            Some(VERSION) => {}
            found => return Err(FileError::Version { found: found.unwrap_or("unknown").into() }),
        }
        let found = entry("network").unwrap_or("unknown");
        if found != network {
            return Err(FileError::Network { expected: network.into(), found: found.into() });
        }
        let settings = entry("settings").and_then(|json| serde_json::from_str(json).ok());
        let settings = settings.ok_or_else(|| damaged(&"its settings cannot be read"))?;
        let history = entry("history").and_then(|json| serde_json::from_str(json).ok());
        let history = history.ok_or_else(|| damaged(&"its curves cannot be read"))?;
        let step = entry("step").and_then(|step| step.parse().ok()).unwrap_or(0);
        let values = |view: &TensorView| -> Result<Vec<f32>, FileError> {
            if view.dtype() != Dtype::F32 {
                return Err(damaged(&format!("its values are {:?}", view.dtype())));
            }
            let (words, _) = view.data().as_chunks::<4>();
            Ok(words.iter().map(|word| f32::from_le_bytes(*word)).collect())
        };
        let mut tensors = Vec::new();
        for (name, view) in file.iter().filter(|(name, _)| !name.contains('#')) {
            let mut states = Vec::new();
            while let Ok(state) = file.tensor(&format!("{name}#{}", states.len())) {
                states.push(values(&state)?);
            }
            tensors.push(Kept {
                name: name.into(),
                dims: view.shape().into(),
                values: values(&view)?,
                states,
            });
        }
        // The file's order is the library's own.
        tensors.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(Self { settings, network: network.into(), history, snapshot: Snapshot { step, tensors } })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checkpoint() -> Checkpoint {
        let kept = Kept {
            name: "fc.weight".into(),
            dims: vec![2, 3],
            values: vec![1.0, 2.0, 3.0, 4.0, 5.0, 6.0],
            states: vec![vec![0.5; 6], vec![0.25; 6]],
        };
        let settings = Settings { cut: "features".into(), ..Settings::default() };
        let snapshot = Snapshot { step: 7, tensors: vec![kept] };
        Checkpoint { settings, network: "a network".into(), history: Vec::new(), snapshot }
    }

    #[test]
    fn a_checkpoint_comes_back_with_what_the_optimizer_remembers() {
        let bytes = checkpoint().to_bytes();
        assert!(is_tuned(&bytes) && !is_tuned(&bytes[..4]));
        assert_eq!(Checkpoint::from_bytes(&bytes, "a network"), Ok(checkpoint()));
    }

    #[test]
    fn a_file_of_another_network_or_half_a_file_is_refused_in_a_sentence() {
        let bytes = checkpoint().to_bytes();
        let refusal = |bytes: &[u8], network| Checkpoint::from_bytes(bytes, network).unwrap_err().to_string();
        assert!(
            refusal(&bytes, "another").contains("fine-tuned from \"a network\", but \"another\" is loaded")
        );
        assert!(refusal(&bytes[..bytes.len() - 1], "a network").contains("damaged"));
    }
}
