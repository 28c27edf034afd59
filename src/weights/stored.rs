//! One tensor of a file: where its bytes are, and what values they mean.

use std::fmt;
use std::ops::Range;

use half::{bf16, f16};

use super::{Storage, WeightsError};

/// Where one tensor lies.
#[derive(Clone, Debug)]
pub(super) struct Stored {
    pub storage: Storage,
    pub dims: Vec<usize>,
    pub kind: Kind,
    /// Its bytes in the storage, little-endian.
    pub range: Range<u64>,
    /// How many values lie between neighbours along each dimension, where they are not in row-major order.
    pub strides: Option<Vec<usize>>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    F32,
    F16,
    Bf16,
    /// Whole numbers, and where the 32-bit scales lie by which those of each row, or output channel, are multiplied.
    I8 {
        scales: Range<u64>,
    },
    /// Kept by name: real checkpoints hold counters that no network asks for.
    Other(String),
}

/// Bytes that are read and converted at once, so that a large tensor is in memory as values only and the bytes are still
/// in the cache; a multiple of every value's size.
const PIECE: u64 = 1 << 20;

impl Stored {
    /// Some rows along the first dimension as a tensor of their own.
    pub fn rows(&self, rows: Range<usize>) -> Self {
        let count = self.dims.iter().product::<usize>().max(1) as u64;
        let row = match &self.strides {
            Some(strides) => strides.first().copied().unwrap_or(1) as u64,
            None => count / self.dims.first().copied().unwrap_or(1).max(1) as u64,
        };
        let at = |index: usize| self.range.start + index as u64 * row * self.kind.bytes();
        // Rows that do not lie side by side reach to wherever the tensor ends.
        let end = if self.strides.is_some() { self.range.end } else { at(rows.end) };
        let kind = match &self.kind {
            Kind::I8 { scales } => {
                let [start, end] = [rows.start, rows.end].map(|index| scales.start + 4 * index as u64);
                Kind::I8 { scales: start..end }
            }
            kind => kind.clone(),
        };
        let dims = std::iter::once(rows.len()).chain(self.dims.iter().skip(1).copied()).collect();
        Self { dims, kind, range: at(rows.start)..end, ..self.clone() }
    }

    /// The values in row-major order; None if their type cannot be read.
    ///
    /// Fails if the file cannot be read any more, and on a value that is not finite, which `name` names.
    pub async fn values(&self, name: &str) -> Result<Option<Vec<f32>>, WeightsError> {
        if let Kind::Other(_) = self.kind {
            return Ok(None);
        }
        let scales = match &self.kind {
            Kind::I8 { scales } => singles(&self.storage.read(scales.clone()).await?).collect(),
            _ => Vec::new(),
        };
        let count = (self.range.end - self.range.start) / self.kind.bytes();
        let row = (count as usize / scales.len().max(1)).max(1);
        let mut values = Vec::with_capacity(count as usize);
        let mut at = self.range.start;
        while at < self.range.end {
            let end = self.range.end.min(at + PIECE);
            let bytes = self.storage.read(at..end).await?;
            at = end;
            match &self.kind {
                Kind::F32 => values.extend(singles(&bytes)),
                Kind::F16 => values.extend(pairs(&bytes).map(|b| f16::from_le_bytes(b).to_f32())),
                Kind::Bf16 => values.extend(pairs(&bytes).map(|b| bf16::from_le_bytes(b).to_f32())),
                Kind::I8 { .. } => {
                    let first = values.len();
                    let value = |(i, &b): (usize, &u8)| scales[(first + i) / row] * f32::from(b as i8);
                    values.extend(bytes.iter().enumerate().map(value));
                }
                Kind::Other(_) => {}
            }
        }
        if let Some(strides) = &self.strides {
            values = row_major(&values, &self.dims, strides);
        }
        match not_finite(&values) {
            Some(index) => Err(WeightsError::NotFinite { name: name.into(), index, value: values[index] }),
            None => Ok(Some(values)),
        }
    }
}

impl Kind {
    /// Bytes of one value; those of a kind that cannot be read do not matter.
    fn bytes(&self) -> u64 {
        match self {
            Self::F32 => 4,
            Self::F16 | Self::Bf16 => 2,
            Self::I8 { .. } | Self::Other(_) => 1,
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::F32 => "float32",
            Self::F16 => "float16",
            Self::Bf16 => "bfloat16",
            Self::I8 { .. } => "int8 with scales",
            Self::Other(name) => name,
        })
    }
}

fn singles(bytes: &[u8]) -> impl Iterator<Item = f32> {
    bytes.as_chunks::<4>().0.iter().map(|b| f32::from_le_bytes(*b))
}

fn pairs(bytes: &[u8]) -> impl Iterator<Item = [u8; 2]> {
    bytes.as_chunks::<2>().0.iter().copied()
}

/// The first value that is not finite. Most files have none, which whole chunks tell faster than value by value.
fn not_finite(values: &[f32]) -> Option<usize> {
    const CHUNK: usize = 1024;
    let strange = |value: &f32| !value.is_finite();
    let chunk = values.chunks(CHUNK).position(|chunk| chunk.iter().fold(false, |any, v| any | strange(v)))?;
    let first = chunk * CHUNK;
    values[first..].iter().position(strange).map(|index| first + index)
}

/// Values that lie `strides` apart, one row after another.
fn row_major(values: &[f32], dims: &[usize], strides: &[usize]) -> Vec<f32> {
    let count = dims.iter().product();
    let mut index = vec![0; dims.len()];
    let mut ordered = Vec::with_capacity(count);
    for _ in 0..count {
        ordered.push(values[index.iter().zip(strides).map(|(i, stride)| i * stride).sum::<usize>()]);
        for axis in (0..dims.len()).rev() {
            index[axis] += 1;
            if index[axis] < dims[axis] {
                break;
            }
            index[axis] = 0;
        }
    }
    ordered
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_those_of_the_whole_however_it_lies() {
        let bytes: Vec<u8> =
            (0..24).flat_map(|i| (i as f32).to_le_bytes()).chain((0..24).map(|i| i + 1)).collect();
        let storage = Storage::memory(bytes);
        let plain = Stored { storage, dims: vec![6, 4], kind: Kind::F32, range: 0..96, strides: None };
        let turned = Stored { strides: Some(vec![1, 6]), ..plain.clone() };
        let bytes = Stored { kind: Kind::I8 { scales: 4..28 }, range: 96..120, ..plain.clone() };
        for stored in [plain, turned, bytes] {
            let values = |stored: Stored| pollster::block_on(stored.values("w")).unwrap().unwrap();
            let whole = values(stored.clone());
            for rows in [0..6, 0..1, 2..5, 5..6] {
                assert_eq!(
                    values(stored.rows(rows.clone())),
                    whole[rows.start * 4..rows.end * 4],
                    "{stored:?}"
                );
            }
        }
    }
}
