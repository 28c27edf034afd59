//! A snapshot as a file, for a browser or a disk to keep.
//!
//! Safetensors: every parameter by its name, what the optimizer remembers of it under `optimizer.0.` or `optimizer.1.` and
//! the name, all f32; metadata `format` "headstart-training", `version` "1" and `step`. Without what the optimizer
//! remembers it is a file of weights like any other. Whoever keeps more beside a snapshot, as fine-tuning does, has a
//! format and notes of its own.

use std::collections::HashMap;

use safetensors::tensor::{Dtype, SafeTensors, TensorView};

use super::{Kept, Snapshot, TrainError};

const FORMAT: &str = "headstart-training";
const VERSION: &str = "1";

/// An optimizer remembers two tensors at most; fine-tuning puts the average of a parameter after them.
const PREFIXES: [&str; 3] = ["optimizer.0.", "optimizer.1.", "optimizer.2."];

/// What a file says of itself beside its tensors.
pub(crate) type Notes = HashMap<String, String>;

impl Snapshot {
    pub fn to_bytes(&self) -> Vec<u8> {
        self.write(&[("format", FORMAT), ("version", VERSION)])
    }

    /// Reads a file made by [`to_bytes`](Self::to_bytes); tensors are in alphabetical order of names.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, TrainError> {
        let damaged = |reason: String| TrainError::File { reason };
        let (snapshot, notes) = Self::read(bytes).map_err(damaged)?;
        let says = |name: &str, what: &str| notes.get(name).is_some_and(|note| note == what);
        if says("format", FORMAT) && says("version", VERSION) {
            return Ok(snapshot);
        }
        Err(damaged("it does not say that it is one".into()))
    }

    /// The file with these notes; that of the step is added.
    pub(crate) fn write(&self, notes: &[(&str, &str)]) -> Vec<u8> {
        let states = self.tensors.iter().flat_map(|kept| {
            let named = |(i, state)| (format!("{}{}", prefix(i), kept.name), &kept.dims, state);
            kept.states.iter().enumerate().map(named)
        });
        let values = self.tensors.iter().map(|kept| (kept.name.clone(), &kept.dims, &kept.values));
        let tensors: Vec<_> = values.chain(states).collect();
        let views = tensors.iter().map(|(name, dims, values)| {
            let bytes = bytemuck::cast_slice(values.as_slice());
            (name, TensorView::new(Dtype::F32, dims.to_vec(), bytes).expect("a tensor's sizes agree"))
        });
        let mut notes: Notes =
            notes.iter().map(|(name, note)| (name.to_string(), note.to_string())).collect();
        notes.insert("step".into(), self.step.to_string());
        safetensors::serialize(views, Some(notes)).expect("distinct names make a valid file")
    }

    /// What [`write`](Self::write) wrote, whatever its format; fails with the reason.
    pub(crate) fn read(bytes: &[u8]) -> Result<(Self, Notes), String> {
        let (_, header) = SafeTensors::read_metadata(bytes).map_err(|error| error.to_string())?;
        let file = SafeTensors::deserialize(bytes).map_err(|error| error.to_string())?;
        let notes = header.metadata().clone().unwrap_or_default();
        let step = notes.get("step").and_then(|step| step.parse().ok());
        let step = step.ok_or("it does not say how many steps were done")?;
        let mut tensors = Vec::new();
        for (name, view) in
            file.iter().filter(|(name, _)| !(0..PREFIXES.len()).any(|i| name.starts_with(prefix(i))))
        {
            let states = (0..PREFIXES.len()).map_while(|i| file.tensor(&format!("{}{name}", prefix(i))).ok());
            let states = states.map(|state| values(name, &state)).collect::<Result<_, _>>()?;
            let (dims, values) = (view.shape().to_vec(), values(name, &view)?);
            tensors.push(Kept { name: name.into(), dims, values, states });
        }
        tensors.sort_by(|one, other| one.name.cmp(&other.name));
        Ok((Self { step, tensors }, notes))
    }
}

fn prefix(state: usize) -> &'static str {
    PREFIXES[state]
}

fn values(name: &str, view: &TensorView<'_>) -> Result<Vec<f32>, String> {
    if view.dtype() != Dtype::F32 {
        return Err(format!("{name} is not f32"));
    }
    let values = view.data().chunks_exact(4).map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]]));
    Ok(values.collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn snapshot() -> Snapshot {
        let kept = |name: &str, states: usize| Kept {
            name: name.into(),
            dims: vec![2, 3],
            values: vec![0.5, -1.0, f32::MIN_POSITIVE, 3.0, 1e30, 0.0],
            states: vec![vec![1.5; 6]; states],
        };
        Snapshot {
            step: 77,
            tensors: vec![kept("a.running_mean", 0), kept("a.weight", 2), kept("b.weight", 1)],
        }
    }

    #[test]
    fn what_is_written_is_read_again() {
        assert_eq!(Snapshot::from_bytes(&snapshot().to_bytes()).unwrap(), snapshot());
    }

    #[test]
    fn what_is_damaged_or_something_else_is_refused() {
        let bytes = snapshot().to_bytes();
        let tensors: [(&str, TensorView<'_>); 0] = [];
        let foreign = safetensors::serialize(tensors, None).unwrap();
        for bytes in [&bytes[..0], &bytes[..40], &bytes[..bytes.len() - 1], &foreign] {
            let error = Snapshot::from_bytes(bytes).unwrap_err().to_string();
            assert!(error.contains("start the training over"), "{} bytes: {error}", bytes.len());
        }
    }
}
