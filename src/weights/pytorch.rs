//! The index of a PyTorch checkpoint, in both layouts that `torch.save` has had: a zip archive with a pickle that
//! describes the tensors and an entry for the values of each storage, and before 1.6 five pickles in a row and then
//! the storages one after another.
//!
//! A checkpoint is a dictionary of tensors, or one in which such a dictionary lies under `state_dict` and the like.

use std::collections::{BTreeMap, HashMap};
use std::ops::Range;

use super::cursor::{Cursor, LIMIT};
use super::global::Global;
use super::pickle::{self, Collection, Flaw, Pickle, Tensor, Value};
use super::{Kind, Storage, Stored, WeightsError, zip};

/// PyTorch's magic number as the legacy layout begins with it: protocol 2, a long of ten bytes, stop.
const MAGIC: [u8; 15] = [0x80, 2, 0x8a, 10, 0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19, b'.'];

/// Under which the tensors of a network lie in a checkpoint of a training run.
const WRAPPERS: [&str; 7] =
    ["state_dict", "model_state_dict", "model", "model_state", "network", "net", "weights"];

/// Bytes of the legacy layout in which its pickles are looked for first.
const FIRST: u64 = 64 << 10;

pub(super) fn is_zip(bytes: &[u8]) -> bool {
    bytes.starts_with(b"PK\x03\x04")
}

pub(super) fn is_legacy(bytes: &[u8]) -> bool {
    bytes.starts_with(&MAGIC)
}

/// Every tensor of a zip archive and where it lies.
pub(super) async fn index_zip(storage: &Storage) -> Result<BTreeMap<String, Stored>, WeightsError> {
    let entries = zip::directory(storage).await?;
    // The folder is named after the file as it was saved.
    let mut folders = entries.keys().filter_map(|name| name.strip_suffix("data.pkl").map(str::to_string));
    let Some(root) = folders.find(|folder| folder.is_empty() || folder.find('/') == Some(folder.len() - 1))
    else {
        return Err(WeightsError::NotWeights { found: "a zip archive without a PyTorch checkpoint".into() });
    };
    if let Some(entry) = entries.get(&format!("{root}byteorder")) {
        let order = zip::read(storage, &format!("{root}byteorder"), entry).await?;
        if order.trim_ascii() != b"little" {
            return Err(WeightsError::BigEndian);
        }
    }
    let name = format!("{root}data.pkl");
    let bytes = zip::read(storage, &name, &entries[&name]).await?;
    let pickle = pickle::read(&bytes).map_err(complete)?;
    let described = described(&pickle)?;
    let mut places: HashMap<String, Range<u64>> = HashMap::new();
    for tensor in described.values() {
        if !places.contains_key(&tensor.key) {
            let name = format!("{root}data/{}", tensor.key);
            let entry = entries.get(&name).ok_or_else(|| damaged(&format!("{name} is missing")))?;
            places.insert(tensor.key.clone(), zip::place(storage, &name, entry).await?);
        }
    }
    let mut ordered: Vec<&Range<u64>> = places.values().filter(|place| !place.is_empty()).collect();
    ordered.sort_by_key(|place| place.start);
    if ordered.windows(2).any(|pair| pair[0].end > pair[1].start) {
        return Err(damaged("two of its storages overlap"));
    }
    located(storage, described, &places)
}

/// Every tensor of the legacy layout and where it lies.
pub(super) async fn index_legacy(storage: &Storage) -> Result<BTreeMap<String, Stored>, WeightsError> {
    let mut length = FIRST;
    loop {
        let bytes = storage.start(length).await?;
        match legacy_pickles(&bytes) {
            Err(Flaw::TooShort) if (bytes.len() as u64) < storage.len() && length < LIMIT => length *= 4,
            Err(flaw) => return Err(complete(flaw)),
            Ok(Legacy { described, storages, end }) => {
                let mut cursor = Cursor::new(storage, end..storage.len());
                let mut places = HashMap::new();
                for (key, width) in storages {
                    let count = u64::from_le_bytes(cursor.array().await?);
                    let length = count.checked_mul(width).ok_or_else(|| damaged("a storage is too long"))?;
                    places.insert(key, cursor.skip(length)?);
                }
                return located(storage, described, &places);
            }
        }
    }
}

/// What the pickles of the legacy layout say.
struct Legacy {
    described: BTreeMap<String, Described>,
    /// Keys and bytes of a value, in the order in which the storages follow.
    storages: Vec<(String, u64)>,
    /// Where the first of them begins.
    end: u64,
}

fn legacy_pickles(bytes: &[u8]) -> Result<Legacy, Flaw> {
    let mut at = MAGIC.len();
    let mut next = || -> Result<Pickle<'_>, Flaw> {
        let pickle = pickle::read(bytes.get(at..).ok_or(Flaw::TooShort)?)?;
        at += pickle.length;
        Ok(pickle)
    };
    let (_protocol, system, object, keys) = (next()?, next()?, next()?, next()?);
    let little = match system.root {
        Value::Dict(facts) => system.get(facts, "little_endian"),
        _ => None,
    };
    if little == Some(Value::Bool(false)) {
        return Err(Flaw::Wrong(WeightsError::BigEndian));
    }
    let mut widths: HashMap<String, u64> = HashMap::new();
    for storage in &object.storages {
        if let [_, Value::Global(Global::Storage(of)), Value::Text(key), ..] = object.items(*storage) {
            widths.insert(object.text(*key), of.bytes);
        }
    }
    let list = match keys.root {
        Value::List(list) => keys.items(list),
        _ => return Err(Flaw::Wrong(damaged("it does not list its storages"))),
    };
    let mut storage = |key: &Value| match key {
        Value::Text(text) => widths.remove_entry(&keys.text(*text)),
        _ => None,
    };
    let storages: Option<Vec<_>> = list.iter().map(&mut storage).collect();
    let storages =
        storages.ok_or_else(|| Flaw::Wrong(damaged("it lists a storage that no tensor lies in")))?;
    Ok(Legacy { described: described(&object).map_err(Flaw::Wrong)?, storages, end: at as u64 })
}

/// A tensor as the pickle describes it.
struct Described {
    key: String,
    kind: Kind,
    /// Bytes of a value.
    width: u64,
    /// Values before its first one in the storage.
    offset: u64,
    dims: Vec<usize>,
    /// None if its values lie in row-major order.
    strides: Option<Vec<usize>>,
    /// Values from its first to its last, with those in between.
    span: u64,
}

fn described(pickle: &Pickle<'_>) -> Result<BTreeMap<String, Described>, WeightsError> {
    let dict = state_dict(pickle)?;
    let mut tensors = BTreeMap::new();
    for (name, value) in pickle.pairs(dict) {
        if let Value::Tensor(tensor) = value {
            let described = tensor_of(pickle, tensor)
                .ok_or_else(|| damaged(&format!("{name} is described in a way that makes no tensor")))?;
            tensors.insert(name, described);
        }
    }
    Ok(tensors)
}

/// The dictionary in which the tensors lie.
fn state_dict(pickle: &Pickle<'_>) -> Result<Collection, WeightsError> {
    let no_network = |found: &str| WeightsError::NotWeights { found: found.into() };
    let Value::Dict(mut dict) = pickle.root else {
        return Err(no_network(match pickle.root {
            Value::Tensor(_) => "a single tensor",
            _ => "a Python object that is no dictionary of tensors",
        }));
    };
    // Deeper than this nobody wraps them, and a dictionary may contain itself.
    for _ in 0..4 {
        if pickle.pairs(dict).any(|(_, value)| matches!(value, Value::Tensor(_))) {
            return Ok(dict);
        }
        let inner = WRAPPERS.iter().find_map(|name| match pickle.get(dict, name) {
            Some(Value::Dict(inner)) => Some(inner),
            _ => None,
        });
        match inner {
            Some(inner) => dict = inner,
            None => break,
        }
    }
    Err(no_network("a dictionary without tensors"))
}

fn tensor_of(pickle: &Pickle<'_>, tensor: Tensor) -> Option<Described> {
    let arguments = pickle.items(tensor.0);
    let [Value::Storage(storage), Value::Int(offset), size, strides, ..] = arguments else { return None };
    let [_, Value::Global(Global::Storage(storage_type)), Value::Text(key), ..] = pickle.items(*storage)
    else {
        return None;
    };
    // Only the third version of the function names the type of the values as well, last but for the metadata.
    let named = arguments.iter().rev().find_map(|argument| match argument {
        Value::Global(Global::Type(named)) => Some(*named),
        _ => None,
    });
    let (dims, strides) = (numbers(pickle, *size)?, numbers(pickle, *strides)?);
    if dims.len() != strides.len() || dims.len() > 8 {
        return None;
    }
    let count = dims.iter().try_fold(1usize, |product, &dim| product.checked_mul(dim))?;
    let mut span = 1usize;
    let mut contiguous = true;
    let mut expected = 1;
    for (&dim, &stride) in dims.iter().zip(&strides).rev() {
        span = span.checked_add(dim.saturating_sub(1).checked_mul(stride)?)?;
        contiguous &= dim <= 1 || stride == expected;
        expected = expected.saturating_mul(dim);
    }
    // Values that stand for several of the tensor's could make a tensor of any size from a file of any size.
    if count > span {
        return None;
    }
    let value_type = named.unwrap_or(*storage_type);
    Some(Described {
        key: pickle.text(*key),
        kind: value_type.kind(),
        width: value_type.bytes,
        offset: u64::try_from(*offset).ok()?,
        dims,
        strides: (!contiguous && count > 0).then_some(strides),
        span: if count == 0 { 0 } else { span as u64 },
    })
}

fn numbers(pickle: &Pickle<'_>, value: Value) -> Option<Vec<usize>> {
    let (Value::Tuple(items) | Value::List(items)) = value else { return None };
    let number = |value: &Value| match value {
        Value::Int(number) => usize::try_from(*number).ok(),
        _ => None,
    };
    pickle.items(items).iter().take(9).map(number).collect()
}

fn located(
    storage: &Storage,
    described: BTreeMap<String, Described>,
    places: &HashMap<String, Range<u64>>,
) -> Result<BTreeMap<String, Stored>, WeightsError> {
    let mut tensors = BTreeMap::new();
    for (name, tensor) in described {
        let place = places.get(&tensor.key);
        let place =
            place.ok_or_else(|| damaged(&format!("the values of {name} are not where they should be")))?;
        let bytes = |values: u64| values.checked_mul(tensor.width);
        let start = bytes(tensor.offset).and_then(|offset| place.start.checked_add(offset));
        let end = start.zip(bytes(tensor.span)).and_then(|(start, span)| start.checked_add(span));
        let Some((start, end)) = start.zip(end).filter(|&(_, end)| end <= place.end) else {
            return Err(damaged(&format!("{name} is longer than the storage it lies in")));
        };
        let Described { dims, kind, strides, .. } = tensor;
        tensors.insert(name, Stored { storage: storage.clone(), dims, kind, range: start..end, strides });
    }
    Ok(tensors)
}

fn complete(flaw: Flaw) -> WeightsError {
    match flaw {
        Flaw::TooShort => damaged("its pickle ends too early"),
        Flaw::Wrong(error) => error,
    }
}

fn damaged(reason: &str) -> WeightsError {
    WeightsError::Header { reason: reason.into() }
}
