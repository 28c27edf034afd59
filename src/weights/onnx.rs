//! The initialisers of an ONNX file: the tensors that a network was exported with.
//!
//! An ONNX file is one protobuf message, of which only the fields that lead to the initialisers are looked at; the graph
//! around them is not needed, for they keep the names that the exporting program had for them.
//! <https://github.com/onnx/onnx/blob/main/onnx/onnx.proto>

use std::collections::BTreeMap;
use std::ops::Range;

use super::cursor::Cursor;
use super::{Kind, Storage, Stored, WeightsError};

/// Fields of `ModelProto`, `GraphProto` and `TensorProto`.
const IR_VERSION: u64 = 1;
const GRAPH: u64 = 7;
const INITIALIZER: u64 = 5;
const DIMS: u64 = 1;
const DATA_TYPE: u64 = 2;
const FLOAT_DATA: u64 = 4;
const NAME: u64 = 8;
const RAW_DATA: u64 = 9;
const DATA_LOCATION: u64 = 14;

/// Initialisers of one file, and bytes of a name.
const MAX_TENSORS: usize = 1 << 16;
const MAX_NAME: u64 = 4096;

/// Whether these bytes begin as an ONNX file does: the version of its form, then a field of the model.
pub(super) fn looks_like(bytes: &[u8]) -> bool {
    // The writing program's name, its version, a domain, a number, a note, the graph, the operator sets.
    let fields = [0x12, 0x1a, 0x22, 0x28, 0x32, 0x3a, 0x42];
    matches!(bytes, [8, 1..=64, next, ..] if fields.contains(next))
}

/// Every initialiser of the file and where its values lie.
pub(super) async fn index(storage: &Storage) -> Result<BTreeMap<String, Stored>, WeightsError> {
    let mut tensors = BTreeMap::new();
    let mut model = Cursor::new(storage, 0..storage.len());
    while let Some((field, value)) = next(&mut model).await? {
        match (field, value) {
            (IR_VERSION, Field::Number(version)) if version > 64 => {
                return Err(damaged("its version is none that there is"));
            }
            (GRAPH, Field::Piece(place)) => {
                let mut graph = Cursor::new(storage, place);
                while let Some((field, value)) = next(&mut graph).await? {
                    if let (INITIALIZER, Field::Piece(place)) = (field, value) {
                        let (name, stored) = initialiser(storage, place).await?;
                        // Shapes that the graph around the weights asks for: Caffe2 exports a Reshape's as OC2_DUMMY_1.
                        if stored.kind == Kind::Other(SHAPES.into()) {
                            continue;
                        }
                        if tensors.len() == MAX_TENSORS {
                            return Err(damaged("it has more tensors than any network"));
                        }
                        if tensors.insert(name.clone(), stored).is_some() {
                            return Err(damaged(&format!("it has two tensors named {name}")));
                        }
                    }
                }
            }
            _ => {}
        }
    }
    if tensors.is_empty() {
        return Err(WeightsError::NotWeights { found: "an ONNX file without tensors".into() });
    }
    Ok(tensors)
}

async fn initialiser(storage: &Storage, place: Range<u64>) -> Result<(String, Stored), WeightsError> {
    let mut cursor = Cursor::new(storage, place);
    let (mut name, mut dims, mut kind) = (String::new(), Vec::new(), 0);
    let (mut raw, mut floats, mut elsewhere) = (None, None, false);
    while let Some((field, value)) = next(&mut cursor).await? {
        match (field, value) {
            (DIMS, Field::Number(dim)) => dims.push(dim),
            (DIMS, Field::Piece(place)) => {
                let mut packed = Cursor::new(storage, place);
                while packed.left() > 0 && dims.len() <= MAX_DIMS {
                    dims.push(number(&mut packed).await?);
                }
            }
            (DATA_TYPE, Field::Number(value)) => kind = value,
            (FLOAT_DATA, Field::Piece(place)) => floats = Some(place),
            (NAME, Field::Piece(place)) if place.end - place.start <= MAX_NAME => {
                name = String::from_utf8_lossy(&storage.read(place).await?).into_owned();
            }
            (RAW_DATA, Field::Piece(place)) => raw = Some(place),
            (DATA_LOCATION, Field::Number(location)) => elsewhere = location == 1,
            _ => {}
        }
        if dims.len() > MAX_DIMS {
            return Err(damaged(&format!("{name} has more than {MAX_DIMS} dimensions")));
        }
    }
    if elsewhere {
        return Err(WeightsError::Elsewhere { name });
    }
    let dims: Option<Vec<usize>> = dims.into_iter().map(|dim| usize::try_from(dim).ok()).collect();
    let count = dims.as_ref().and_then(|dims| dims.iter().try_fold(1usize, |n, &dim| n.checked_mul(dim)));
    let (Some(dims), Some(count)) = (dims, count) else {
        return Err(damaged(&format!("{name} has dimensions that no tensor has")));
    };
    let (kind, width) = kind_of(kind, raw.is_some());
    let range = raw.or(floats).unwrap_or(0..0);
    let found = range.end - range.start;
    let expected = (count as u64).checked_mul(width);
    if !matches!(kind, Kind::Other(_)) && expected != Some(found) {
        return Err(damaged(&format!("{name} has {found} bytes for {count} values")));
    }
    Ok((name, Stored { storage: storage.clone(), dims, kind, range, strides: None }))
}

const MAX_DIMS: usize = 8;

/// The type of numbers that no network learns.
const SHAPES: &str = "int64";

/// The type of a tensor's values and the bytes of one. Types that cannot be read keep their number in `TensorProto`.
fn kind_of(number: u64, raw: bool) -> (Kind, u64) {
    match (number, raw) {
        (1, _) => (Kind::F32, 4),
        (10, true) => (Kind::F16, 2),
        (16, true) => (Kind::Bf16, 2),
        (6, _) => (Kind::Other("int32".into()), 4),
        (7, _) => (Kind::Other(SHAPES.into()), 8),
        (11, _) => (Kind::Other("float64".into()), 8),
        (other, true) => (Kind::Other(format!("ONNX type {other}")), 1),
        (other, false) => (Kind::Other(format!("ONNX type {other}, one value at a time")), 1),
    }
}

/// The value of a field: a number, or the place of a string, of bytes, of a message or of packed numbers.
enum Field {
    Number(u64),
    Piece(Range<u64>),
    /// Four or eight bytes that are no whole number.
    Fixed,
}

/// The next field of a message and its value; None at its end.
async fn next(cursor: &mut Cursor<'_>) -> Result<Option<(u64, Field)>, WeightsError> {
    if cursor.left() == 0 {
        return Ok(None);
    }
    let tag = number(cursor).await?;
    let value = match tag & 7 {
        0 => Field::Number(number(cursor).await?),
        1 => cursor.skip(8).map(|_| Field::Fixed)?,
        2 => {
            let length = number(cursor).await?;
            Field::Piece(cursor.skip(length)?)
        }
        5 => cursor.skip(4).map(|_| Field::Fixed)?,
        other => return Err(damaged(&format!("it has a field of kind {other}"))),
    };
    Ok(Some((tag >> 3, value)))
}

/// A number of up to ten bytes with seven bits each, the lowest first.
async fn number(cursor: &mut Cursor<'_>) -> Result<u64, WeightsError> {
    let bytes = cursor.peek(10).await?;
    let mut value = 0;
    for (i, &byte) in bytes.iter().enumerate() {
        value |= u64::from(byte & 0x7f).checked_shl(7 * i as u32).unwrap_or(0);
        if byte & 0x80 == 0 {
            cursor.skip(i as u64 + 1)?;
            return Ok(value);
        }
    }
    // Either the number is too long or the file too short.
    cursor.skip(10)?;
    Err(damaged("a number in it does not end"))
}

fn damaged(reason: &str) -> WeightsError {
    WeightsError::Header { reason: reason.into() }
}
