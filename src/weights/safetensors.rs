//! The index of a safetensors file: eight bytes of header length, a JSON header, then the values.
//!
//! Parsing and consistency are the `safetensors` crate's; this file compares the length of the file with the one that the
//! header gives it, so that an interrupted download is called by its name. <https://github.com/huggingface/safetensors>

use std::collections::BTreeMap;

use safetensors::Dtype;
use safetensors::tensor::Metadata;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::{Kind, Storage, Stored, WeightsError};

/// Bytes of the header's length.
const PREFIX: usize = 8;

/// A header larger than this describes no network; the largest published ones stay below a megabyte.
const MAX_HEADER: u64 = 16 << 20;

/// What follows a tensor's name in that of its scales.
pub(super) const SCALES: &str = ".scale";

/// Whether these bytes begin as a safetensors file does: a plausible header length, then an opening brace.
pub(super) fn looks_like(bytes: &[u8]) -> bool {
    header_length(bytes).is_some_and(|length| (2..=MAX_HEADER).contains(&length))
        && bytes.get(PREFIX).is_none_or(|&first| first == b'{')
}

/// Every tensor of the file and where it lies. Fails unless they fill the file exactly.
pub(super) async fn index(storage: &Storage) -> Result<BTreeMap<String, Stored>, WeightsError> {
    let (bytes, found) = (header(storage).await?, storage.len());
    // The crate checks sizes, types and gaps.
    let metadata: Metadata = read(json(&bytes)?)?;
    let values = bytes.len() as u64;
    let expected = values + metadata.data_len() as u64;
    if found < expected {
        return Err(WeightsError::Truncated { expected, found });
    }
    if found > expected {
        return Err(WeightsError::TooLong { expected, found });
    }
    let mut tensors = BTreeMap::new();
    for (name, info) in metadata.tensors() {
        let (start, end) = info.data_offsets;
        let stored = Stored {
            storage: storage.clone(),
            dims: info.shape.clone(),
            kind: kind(info.dtype),
            range: values + start as u64..values + end as u64,
            strides: None,
        };
        tensors.insert(name, stored);
    }
    Ok(scaled(tensors))
}

/// Gives whole numbers of eight bits the scales of their rows: `fc.weight` of `[o, i]` those of `fc.weight.scale`, `[o]`.
fn scaled(mut tensors: BTreeMap<String, Stored>) -> BTreeMap<String, Stored> {
    let eight_bits = Kind::Other(Dtype::I8.to_string());
    let names: Vec<String> =
        tensors.keys().filter(|name| tensors[*name].kind == eight_bits).cloned().collect();
    for name in names {
        let scales = format!("{name}{SCALES}");
        let rows = tensors[&name].dims.first().copied();
        let fit = |scales: &Stored| {
            scales.kind == Kind::F32 && scales.dims.len() == 1 && scales.dims.first().copied() == rows
        };
        if tensors.get(&scales).is_some_and(fit)
            && let Some(scales) = tensors.remove(&scales)
            && let Some(tensor) = tensors.get_mut(&name)
        {
            tensor.kind = Kind::I8 { scales: scales.range };
        }
    }
    tensors
}

/// The file of each tensor, by the index of a checkpoint in several files.
pub(super) async fn places(storage: &Storage) -> Result<BTreeMap<String, String>, WeightsError> {
    #[derive(Deserialize)]
    struct Index {
        weight_map: BTreeMap<String, String>,
    }
    if storage.len() > MAX_HEADER {
        let reason = format!("an index of {} bytes is too long", storage.len());
        return Err(WeightsError::Header { reason });
    }
    Ok(read::<Index>(&storage.start(MAX_HEADER).await?)?.weight_map)
}

/// The bytes before the values: the header's length and the header, or as much of them as there is.
pub(super) async fn header(storage: &Storage) -> Result<Vec<u8>, WeightsError> {
    let length = header_length(&storage.start(PREFIX as u64).await?).unwrap_or(0).min(MAX_HEADER);
    storage.start(PREFIX as u64 + length).await
}

/// The JSON of a header, if it is all there.
fn json(bytes: &[u8]) -> Result<&[u8], WeightsError> {
    let truncated = WeightsError::TruncatedHeader { found: bytes.len() as u64 };
    let length = header_length(bytes).ok_or(truncated.clone())?.min(MAX_HEADER);
    bytes.get(PREFIX..PREFIX + length as usize).ok_or(truncated)
}

/// What some JSON says. It is parsed as text, as all that the engine reads, so that the page has one parser.
fn read<T: DeserializeOwned>(json: &[u8]) -> Result<T, WeightsError> {
    let damaged = |reason: &dyn ToString| WeightsError::Header { reason: reason.to_string() };
    let text = str::from_utf8(json).map_err(|error| damaged(&error))?;
    serde_json::from_str(text).map_err(|error| damaged(&error))
}

fn header_length(bytes: &[u8]) -> Option<u64> {
    bytes.first_chunk::<PREFIX>().map(|prefix| u64::from_le_bytes(*prefix))
}

fn kind(dtype: Dtype) -> Kind {
    match dtype {
        Dtype::F32 => Kind::F32,
        Dtype::F16 => Kind::F16,
        Dtype::BF16 => Kind::Bf16,
        other => Kind::Other(other.to_string()),
    }
}
