//! A snapshot as a file, for a browser or a disk to keep.
//!
//! Safetensors: every parameter by its name, what the optimizer remembers of it under `optimizer.0.` or `optimizer.1.` and
//! the name, all f32; metadata `format` "headstart-training", `version` "1" and `step`. Without what the optimizer
//! remembers it is a file of weights like any other.

use std::collections::HashMap;

use safetensors::tensor::{Dtype, SafeTensors, TensorView};

use super::{Kept, Snapshot, TrainError};

const FORMAT: &str = "headstart-training";
const VERSION: &str = "1";

impl Snapshot {
    pub fn to_bytes(&self) -> Vec<u8> {
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
        let notes =
            [("format", FORMAT.to_string()), ("version", VERSION.into()), ("step", self.step.to_string())];
        let notes = HashMap::from(notes.map(|(name, note)| (name.to_string(), note)));
        safetensors::serialize(views, Some(notes)).expect("distinct names make a valid file")
    }

    /// Reads a file made by [`to_bytes`](Self::to_bytes); tensors are in alphabetical order of names.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, TrainError> {
        let damaged = |reason: String| TrainError::File { reason };
        let (_, header) = SafeTensors::read_metadata(bytes).map_err(|error| damaged(error.to_string()))?;
        let file = SafeTensors::deserialize(bytes).map_err(|error| damaged(error.to_string()))?;
        let note = |name: &str| header.metadata().as_ref()?.get(name).map(String::as_str);
        if (note("format"), note("version")) != (Some(FORMAT), Some(VERSION)) {
            return Err(damaged("it does not say that it is one".into()));
        }
        let step = note("step").and_then(|step| step.parse().ok());
        let step = step.ok_or_else(|| damaged("it does not say how many steps were done".into()))?;
        let mut tensors = Vec::new();
        for (name, view) in file.iter().filter(|(name, _)| !(0..2).any(|i| name.starts_with(prefix(i)))) {
            let states = (0..2).map_while(|i| file.tensor(&format!("{}{name}", prefix(i))).ok());
            let states = states.map(|state| values(name, &state)).collect::<Result<_, _>>()?;
            let (dims, values) = (view.shape().to_vec(), values(name, &view)?);
            tensors.push(Kept { name: name.into(), dims, values, states });
        }
        tensors.sort_by(|one, other| one.name.cmp(&other.name));
        Ok(Self { step, tensors })
    }
}

fn prefix(state: usize) -> &'static str {
    ["optimizer.0.", "optimizer.1."][state]
}

fn values(name: &str, view: &TensorView<'_>) -> Result<Vec<f32>, TrainError> {
    if view.dtype() != Dtype::F32 {
        return Err(TrainError::File { reason: format!("{name} is not f32") });
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
