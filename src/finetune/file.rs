//! What fine-tuning learned, as a file: the weights after the cut, and of a run under way also what its optimizer remembers.
//!
//! The file is that of a [`Snapshot`] with other notes: `format` "headstart-fine-tuned", `version` "2", `settings` and
//! `history` as JSON, and `network`, the fingerprint of the network that was loaded. Version 1 had other names for what the
//! optimizer remembers, and is read where there is nothing of the kind.

use safetensors::tensor::SafeTensors;
use thiserror::Error;

use super::settings::Settings;
use crate::train::Snapshot;
use crate::transfer::EpochReport;

const FORMAT: &str = "headstart-fine-tuned";
const VERSION: &str = "2";
/// Stood between a name and a number in version 1.
const FORMER_MARK: char = '#';

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
        self.snapshot.write(&[
            ("format", FORMAT),
            ("version", VERSION),
            ("settings", &serde_json::to_string(&self.settings).expect(json)),
            ("history", &serde_json::to_string(&self.history).expect(json)),
            ("network", &self.network),
        ])
    }

    /// Reads a file made by [`to_bytes`](Self::to_bytes) for the network of that fingerprint.
    pub fn from_bytes(bytes: &[u8], network: &str) -> Result<Self, FileError> {
        let damaged = |reason: &str| FileError::Damaged { reason: reason.into() };
        let (snapshot, notes) = Snapshot::read(bytes).map_err(|reason| damaged(&reason))?;
        let note = |name: &str| notes.get(name).map_or("unknown", String::as_str);
        let found = note("version");
        let former = found == "1" && !snapshot.tensors.iter().any(|kept| kept.name.contains(FORMER_MARK));
        if found != VERSION && !former {
            return Err(FileError::Version { found: found.into() });
        }
        let found = note("network");
        if found != network {
            return Err(FileError::Network { expected: network.into(), found: found.into() });
        }
        let settings = serde_json::from_str(note("settings"));
        let settings = settings.map_err(|_| damaged("its settings cannot be read"))?;
        let history = serde_json::from_str(note("history"));
        let history = history.map_err(|_| damaged("its curves cannot be read"))?;
        Ok(Self { settings, network: network.into(), history, snapshot })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::train::Kept;

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
    fn a_file_of_the_former_version_is_read_if_it_is_of_a_run_that_has_ended() {
        let mut file = checkpoint();
        let bytes = |file: &Checkpoint| {
            let settings = serde_json::to_string(&file.settings).unwrap();
            let own = [("settings", settings.as_str()), ("history", "[]"), ("network", &file.network)];
            file.snapshot.write(&[&[("version", "1")], &own[..]].concat())
        };
        file.snapshot.tensors[0].states.clear();
        assert_eq!(Checkpoint::from_bytes(&bytes(&file), "a network"), Ok(file.clone()));
        let memory = Kept { name: "fc.weight#0".into(), ..file.snapshot.tensors[0].clone() };
        file.snapshot.tensors.push(memory);
        let refusal = Checkpoint::from_bytes(&bytes(&file), "a network").unwrap_err().to_string();
        assert!(refusal.contains("of format version 1, but this Headstart reads version 2"), "{refusal}");
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
