//! The tensors of a file of weights, by name.

use std::collections::BTreeMap;
use std::future::Future;
use std::ops::Range;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, Waker};

use sha2::{Digest, Sha256};

use super::{Format, Storage, Stored, WeightsError, onnx, pieces, pytorch, safetensors, verify};

/// Named tensors of a file, or of several that belong together. Values are read and converted when they are asked for,
/// so that nothing lies in memory that nobody needs.
#[derive(Clone, Debug, Default)]
pub struct Checkpoint {
    pub(super) tensors: BTreeMap<String, Stored>,
}

/// The tensors of a file and where they lie, to be waited for.
type Index<'a> = Pin<Box<dyn Future<Output = Result<BTreeMap<String, Stored>, WeightsError>> + 'a>>;

/// Bytes of a tensor by which two files are told apart.
const TELLING_VALUES: u64 = 256;

impl Checkpoint {
    /// Opens a file of weights, recognised by its content; reads its header and nothing else.
    ///
    /// Nothing larger than the header is allocated, whatever the bytes say.
    pub async fn open(storage: Storage) -> Result<Self, WeightsError> {
        // Boxed, so that reading our own form reserves no memory for what the others have to remember.
        let index: Index<'_> = match verify::recognise(&storage.start(verify::TELLING).await?)? {
            Format::Safetensors => Box::pin(safetensors::index(&storage)),
            Format::Zip => Box::pin(pytorch::index_zip(&storage)),
            Format::Legacy => Box::pin(pytorch::index_legacy(&storage)),
            Format::Onnx => Box::pin(onnx::index(&storage)),
            Format::Index => return Err(WeightsError::IndexAlone),
        };
        Ok(Self { tensors: index.await? })
    }

    /// As [`Checkpoint::open`], of bytes that are at hand.
    pub fn read(bytes: Vec<u8>) -> Result<Self, WeightsError> {
        at_once(Self::open(Storage::memory(bytes)))
    }

    /// The tensors of several files as those of one; one that is spread over them by its rows is put together.
    ///
    /// An index of safetensors files may be among them. Fails if two files have a tensor of the same name, or if the
    /// index names one that no file has, and if some rows are nowhere.
    pub async fn open_all(files: Vec<Storage>) -> Result<Self, WeightsError> {
        let mut whole = Self::default();
        let mut indices = Vec::new();
        for file in files {
            if verify::recognise(&file.start(verify::TELLING).await?) == Ok(Format::Index) {
                indices.push(safetensors::places(&file).await?);
                continue;
            }
            for (name, stored) in Self::open(file).await?.tensors {
                if whole.tensors.contains_key(&name) {
                    return Err(WeightsError::Twice { name });
                }
                whole.tensors.insert(name, stored);
            }
        }
        match indices.into_iter().flatten().find(|(name, _)| !whole.tensors.contains_key(name)) {
            Some((name, file)) => Err(WeightsError::FileMissing { name, file }),
            None => Ok(Self { tensors: pieces::joined(whole.tensors)? }),
        }
    }

    /// Names in alphabetical order, with their dimensions.
    pub fn names(&self) -> impl Iterator<Item = (&str, &[usize])> {
        self.tensors.iter().map(|(name, stored)| (name.as_str(), stored.dims.as_slice()))
    }

    /// The dimensions of a tensor, if the file has it.
    pub fn dims(&self, name: &str) -> Option<&[usize]> {
        self.tensors.get(name).map(|stored| stored.dims.as_slice())
    }

    /// The type of a tensor's values, for people to read.
    pub fn kind(&self, name: &str) -> Option<String> {
        self.tensors.get(name).map(|stored| stored.kind.to_string())
    }

    /// The values of a tensor in row-major order, if the file has it and its type can be read.
    ///
    /// Fails if the file cannot be read any more, and on a value that is not finite.
    pub async fn values(&self, name: &str) -> Result<Option<Vec<f32>>, WeightsError> {
        match self.tensors.get(name) {
            Some(stored) => stored.values(name).await,
            None => Ok(None),
        }
    }

    /// As [`Checkpoint::values`], of some rows along the first dimension; only they are read.
    pub async fn rows(&self, name: &str, rows: Range<usize>) -> Result<Option<Vec<f32>>, WeightsError> {
        match self.tensors.get(name) {
            Some(stored) => stored.rows(rows).values(name).await,
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
