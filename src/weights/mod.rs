//! Weights: from a file's bytes to the values of every parameter of a network.
//!
//! A [`Storage`] has the bytes, [`verify`] says whether they are the ones that were meant, [`Checkpoint`] knows which
//! tensor lies where in them, and [`Parameters`] answers for each parameter of a graph: as stored, folded from a
//! convolution and its batch norm, or freshly initialised. Bytes are read when values are asked for, a tensor at a time.
//! Knows no network by name, no device, and not where the bytes came from.

mod initialise;
mod resolve;
mod safetensors;
mod storage;
mod verify;

use std::collections::BTreeMap;
use std::future::Future;
use std::ops::Range;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use half::{bf16, f16};
use sha2::{Digest, Sha256};
use thiserror::Error;

pub use resolve::{Mismatch, Misshapen, Parameters};
pub use storage::Storage;
pub use verify::verify;

/// Named tensors of a file, or of several that belong together. Values are read and converted when they are asked for,
/// so that nothing lies in memory that nobody needs.
#[derive(Clone, Debug, Default)]
pub struct Checkpoint {
    tensors: BTreeMap<String, Stored>,
}

/// Where one tensor lies.
#[derive(Clone, Debug)]
struct Stored {
    storage: Storage,
    dims: Vec<usize>,
    kind: Kind,
    /// Its bytes in the storage, row-major and little-endian.
    range: Range<u64>,
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
    TruncatedHeader { found: u64 },
    #[error("the weights file is incomplete: expected {expected} bytes, got {found}; download it again")]
    Truncated { expected: u64, found: u64 },
    #[error("the weights file is too long: expected {expected} bytes, got {found}; download it again")]
    TooLong { expected: u64, found: u64 },
    #[error("the weights file cannot be read any more ({reason}); open it again")]
    Unreadable { reason: String },
    #[error(
        "the weights file was altered: its SHA-256 begins with {found:.8}, expected {expected:.8}; download it again"
    )]
    Altered { expected: String, found: String },
    #[error("the weights file has a damaged header ({reason}); download it again")]
    Header { reason: String },
    #[error("{name} is in two of the weights files; choose the files of one network")]
    Twice { name: String },
    #[error("{name}: expects values of type F32, F16 or BF16, got {kind}; convert the weights file")]
    Kind { name: String, kind: String },
    #[error(transparent)]
    Mismatch(#[from] Box<Mismatch>),
}

impl Checkpoint {
    /// Opens a file of weights, recognised by its content; reads its header and nothing else.
    ///
    /// Nothing larger than the header is allocated, whatever the bytes say.
    pub async fn open(storage: Storage) -> Result<Self, WeightsError> {
        verify::recognise(&storage.start(verify::TELLING).await?)?;
        Ok(Self { tensors: safetensors::index(&storage).await? })
    }

    /// As [`Checkpoint::open`], of bytes that are at hand.
    pub fn read(bytes: Vec<u8>) -> Result<Self, WeightsError> {
        at_once(Self::open(Storage::memory(bytes)))
    }

    /// The tensors of several files as those of one.
    ///
    /// Fails if two files have a tensor of the same name.
    pub async fn open_all(files: Vec<Storage>) -> Result<Self, WeightsError> {
        let mut whole = Self::default();
        for file in files {
            for (name, stored) in Self::open(file).await?.tensors {
                if whole.tensors.contains_key(&name) {
                    return Err(WeightsError::Twice { name });
                }
                whole.tensors.insert(name, stored);
            }
        }
        Ok(whole)
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
    ///
    /// Fails if the file cannot be read any more.
    pub async fn values(&self, name: &str) -> Result<Option<Vec<f32>>, WeightsError> {
        match self.tensors.get(name) {
            Some(stored) => stored.values().await,
            None => Ok(None),
        }
    }

    /// A few digits that are others for other weights: a hash of every tensor's name, place and first values.
    ///
    /// Reading all values of a large network to tell it from another one would take longer than loading it.
    pub async fn fingerprint(&self) -> Result<String, WeightsError> {
        let mut digest = Sha256::new();
        for (name, Stored { storage, dims, range, .. }) in &self.tensors {
            digest.update(format!("{name} {dims:?} {range:?}"));
            digest.update(storage.read(range.start..range.end.min(range.start + TELLING_VALUES)).await?);
        }
        Ok(digest.finalize().iter().take(8).map(|byte| format!("{byte:02x}")).collect())
    }
}

/// Bytes of a tensor by which two files are told apart.
const TELLING_VALUES: u64 = 256;

impl Stored {
    async fn values(&self) -> Result<Option<Vec<f32>>, WeightsError> {
        if let Kind::Other(_) = self.kind {
            return Ok(None);
        }
        let bytes = self.storage.read(self.range.clone()).await?;
        let pairs = || bytes.chunks_exact(2).map(|b| [b[0], b[1]]);
        Ok(match self.kind {
            Kind::F32 => {
                Some(bytes.chunks_exact(4).map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]])).collect())
            }
            Kind::F16 => Some(pairs().map(|b| f16::from_le_bytes(b).to_f32()).collect()),
            Kind::Bf16 => Some(pairs().map(|b| bf16::from_le_bytes(b).to_f32()).collect()),
            Kind::Other(_) => None,
        })
    }
}

/// The result of a future that never waits, as those over bytes in memory.
///
/// # Panics
/// If it waits after all.
fn at_once<T>(future: impl Future<Output = T>) -> T {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(result) => result,
        Poll::Pending => panic!("memory does not keep anybody waiting"),
    }
}
