//! Named tensors with a note, as a safetensors file: weights to keep, and checkpoints to go on from.

use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::path::Path;

use half::f16;
use safetensors::tensor::TensorView;
use safetensors::{Dtype, SafeTensors};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::{Precision, RunError};

/// The one entry of the file's metadata that is ours; with several, their order would differ from run to run.
const NOTE: &str = "headstart";

/// A tensor's dimensions and values.
#[derive(Clone, Debug, PartialEq)]
pub struct Values {
    pub dims: Vec<usize>,
    pub data: Vec<f32>,
}

pub type Tensors = BTreeMap<String, Values>;

/// The file's bytes, the same for the same tensors. What holds a value beyond the range of 16 bits stays in 32.
pub fn bytes(tensors: &Tensors, note: &impl Serialize, precision: Precision) -> Vec<u8> {
    let stored = |values: &Values| {
        let fit = |values: &[f32]| values.iter().all(|value| value.abs() <= f32::from(f16::MAX));
        match precision {
            Precision::F16 if fit(&values.data) => {
                let halves = values.data.iter().map(|value| f16::from_f32(*value));
                (Dtype::F16, halves.flat_map(f16::to_le_bytes).collect())
            }
            _ => (Dtype::F32, values.data.iter().flat_map(|value| value.to_le_bytes()).collect()),
        }
    };
    let stored: Vec<(Dtype, Vec<u8>)> = tensors.values().map(stored).collect();
    let views = tensors.iter().zip(&stored).map(|((name, tensor), (kind, bytes))| {
        let view = TensorView::new(*kind, tensor.dims.clone(), bytes);
        (name.as_str(), view.expect("a tensor has as many values as its dimensions say"))
    });
    let note = serde_json::to_string(note).expect("a note is plain data");
    let metadata = HashMap::from([(NOTE.to_string(), note)]);
    safetensors::serialize(views, Some(metadata)).expect("names are unique")
}

/// Writes a file as a whole or not at all: whoever is stopped half way leaves the old one.
pub fn write(path: &Path, bytes: &[u8]) -> Result<(), RunError> {
    let beside = path.with_added_extension("unfinished");
    let outcome = fs::write(&beside, bytes).and_then(|()| fs::rename(&beside, path));
    outcome.map_err(|error| RunError::Unwritable {
        place: path.display().to_string(),
        reason: error.to_string(),
    })
}

/// The note of a file's bytes; none if it has none, or one of another kind.
pub fn note<T: DeserializeOwned>(bytes: &[u8]) -> Option<T> {
    let (_, metadata) = SafeTensors::read_metadata(bytes).ok()?;
    serde_json::from_str(metadata.metadata().as_ref()?.get(NOTE)?).ok()
}

/// Everything in a file that [`bytes`] wrote; none if it is not one.
pub fn read<T: DeserializeOwned>(bytes: &[u8]) -> Option<(Tensors, T)> {
    let file = SafeTensors::deserialize(bytes).ok()?;
    let values = |view: TensorView| {
        let (singles, _) = view.data().as_chunks();
        let (halves, _) = view.data().as_chunks();
        let data = match view.dtype() {
            Dtype::F32 => singles.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect(),
            Dtype::F16 => halves.iter().map(|bytes| f16::from_le_bytes(*bytes).to_f32()).collect(),
            _ => return None,
        };
        Some(Values { dims: view.shape().to_vec(), data })
    };
    let tensors = file.tensors().into_iter().map(|(name, view)| Some((name, values(view)?)));
    Some((tensors.collect::<Option<Tensors>>()?, note(bytes)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_again_bit_for_bit() {
        let data = vec![0.1, -0.0, f32::MIN_POSITIVE, 3e38];
        let tensors = Tensors::from([("a.weight".to_string(), Values { dims: vec![2, 2], data })]);
        let written = bytes(&tensors, &vec![1u32, 2], Precision::F32);
        assert_eq!(written, bytes(&tensors, &vec![1u32, 2], Precision::F32));
        let (read, note): (Tensors, Vec<u32>) = read(&written).expect("just written");
        assert_eq!((read, note), (tensors, vec![1, 2]));
    }

    #[test]
    fn halves_are_for_tensors_whose_values_have_room_in_them() {
        let tensor = |value| Values { dims: vec![1], data: vec![value] };
        let tensors =
            Tensors::from([("mean".to_string(), tensor(0.5)), ("variance".to_string(), tensor(1e5))]);
        let written = bytes(&tensors, &(), Precision::F16);
        let (found, ()) = read(&written).expect("just written");
        assert_eq!(found, tensors);
        let file = SafeTensors::deserialize(&written).unwrap();
        assert_eq!(file.tensor("mean").unwrap().dtype(), Dtype::F16);
        assert_eq!(file.tensor("variance").unwrap().data(), 1e5f32.to_le_bytes());
    }

    #[test]
    fn other_files_have_no_note() {
        assert_eq!(note::<u32>(b"nothing of the kind"), None);
        let written = bytes(&Tensors::new(), &"a sentence", Precision::F16);
        assert_eq!((note::<u32>(&written), note::<String>(&written)), (None, Some("a sentence".to_string())));
    }
}
