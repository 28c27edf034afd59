//! Weights: from a file's bytes to the values of every parameter of a network.
//!
//! [`verify`] says whether the bytes are the ones that were meant, [`Checkpoint`] reads them, and [`Parameters`] answers
//! for each parameter of a graph: as stored, folded from a convolution and its batch norm, or freshly initialised.
//! Knows no network by name, no device, and not where the bytes came from.

mod initialise;
mod resolve;
mod safetensors;
mod storage;
mod verify;

use std::collections::BTreeMap;
use std::ops::Range;

use half::{bf16, f16};
use thiserror::Error;

pub use resolve::{Mismatch, Misshapen, Parameters};
pub use storage::Storage;
pub use verify::verify;

/// Named tensors in the bytes of a file. Values are converted when they are asked for, so that half-precision weights
/// stay as small in memory as they are on disk.
#[derive(Clone, Debug, Default)]
pub struct Checkpoint {
    bytes: Vec<u8>,
    tensors: BTreeMap<String, Stored>,
}

/// Where one tensor lies in the bytes.
#[derive(Clone, Debug)]
struct Stored {
    dims: Vec<usize>,
    kind: Kind,
    range: Range<usize>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Kind {
    F32,
    F16,
    Bf16,
    /// Kept by name: real checkpoints hold counters that no network asks for.
    Other(String),
}

/// Why weights cannot be used.
#[derive(Clone, Debug, Error, PartialEq)]
pub enum WeightsError {
    #[error("the weights file is empty; download it again")]
    Empty,
    #[error(
        "got a web page instead of weights (it begins with {start:?}); check the address of the weights file"
    )]
    WebPage { start: String },
    #[error("this is a PyTorch checkpoint, which cannot be read; save its state_dict as safetensors")]
    PyTorch,
    #[error("this is not a safetensors file (it begins with {start:?}); choose another file")]
    Unrecognised { start: String },
    #[error(
        "the weights file is incomplete: it ends after {found} bytes, within its header; download it again"
    )]
    TruncatedHeader { found: usize },
    #[error("the weights file is incomplete: expected {expected} bytes, got {found}; download it again")]
    Truncated { expected: u64, found: u64 },
    #[error("the weights file is too long: expected {expected} bytes, got {found}; download it again")]
    TooLong { expected: u64, found: usize },
    #[error("the weights file cannot be read any more ({reason}); open it again")]
    Unreadable { reason: String },
    #[error(
        "the weights file was altered: its SHA-256 begins with {found:.8}, expected {expected:.8}; download it again"
    )]
    Altered { expected: String, found: String },
    #[error("the weights file has a damaged header ({reason}); download it again")]
    Header { reason: String },
    #[error("{name}: expects values of type F32, F16 or BF16, got {kind}; convert the weights file")]
    Kind { name: String, kind: String },
    #[error(transparent)]
    Mismatch(#[from] Box<Mismatch>),
}

impl Checkpoint {
    /// Reads a file of weights, recognised by its content.
    ///
    /// Nothing larger than the header is allocated, whatever the bytes say.
    pub fn read(bytes: Vec<u8>) -> Result<Self, WeightsError> {
        verify::recognise(&bytes)?;
        let tensors = safetensors::index(&bytes)?;
        Ok(Self { bytes, tensors })
    }

    /// Names in alphabetical order, with their dimensions.
    pub fn names(&self) -> impl Iterator<Item = (&str, &[usize])> {
        self.tensors.iter().map(|(name, stored)| (name.as_str(), stored.dims.as_slice()))
    }

    /// The dimensions of a tensor, if the file has it.
    pub fn dims(&self, name: &str) -> Option<&[usize]> {
        self.tensors.get(name).map(|stored| stored.dims.as_slice())
    }

    /// The values of a tensor in row-major order, if the file has it and its type can be read.
    pub fn values(&self, name: &str) -> Option<Vec<f32>> {
        let stored = self.tensors.get(name)?;
        let bytes = self.bytes.get(stored.range.clone())?;
        let pairs = || bytes.chunks_exact(2).map(|b| [b[0], b[1]]);
        match stored.kind {
            Kind::F32 => {
                Some(bytes.chunks_exact(4).map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]])).collect())
            }
            Kind::F16 => Some(pairs().map(|b| f16::from_le_bytes(b).to_f32()).collect()),
            Kind::Bf16 => Some(pairs().map(|b| bf16::from_le_bytes(b).to_f32()).collect()),
            Kind::Other(_) => None,
        }
    }
}
