//! Weights: from a file's bytes to the values of every parameter of a network.
//!
//! A [`Storage`] has the bytes, [`verify`] says whether they are the ones that were meant, [`Checkpoint`] knows which
//! tensor lies where in them, and [`Parameters`] answers for each parameter of a graph: as stored, folded from a
//! convolution and its batch norm, or freshly initialised. Bytes are read when values are asked for, a tensor at a time.
//! Knows no network by name, no device, and not where the bytes came from.

mod caffe;
mod checkpoint;
#[cfg(feature = "cli")]
pub mod convert;
mod cursor;
mod error;
mod global;
mod initialise;
mod naming;
mod nearest;
mod onnx;
mod pickle;
mod pieces;
mod program;
mod pytorch;
mod resolve;
mod safetensors;
mod storage;
mod stored;
mod verify;
mod zip;

pub use checkpoint::Checkpoint;
pub use error::WeightsError;
pub use nearest::Nearest;
pub use resolve::{Mismatch, Misshapen, Parameters};
pub use storage::Storage;
pub use verify::{Format, verify};

use stored::{Kind, Stored};
