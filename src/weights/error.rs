//! Why weights cannot be used, each reason in one sentence that says what to do.

use thiserror::Error;

use super::Mismatch;

/// Why weights cannot be used.
#[derive(Clone, Debug, Error, PartialEq)]
pub enum WeightsError {
    #[error("the weights file is empty; download it again")]
    Empty,
    #[error(
        "got a web page instead of weights (it begins with {start:?}); check the address of the weights file"
    )]
    WebPage { start: String },
    #[error(
        "this is not a file of weights (it begins with {start:?}); choose a safetensors file, a PyTorch checkpoint or an \
         ONNX file"
    )]
    Unrecognised { start: String },
    #[error(
        "this is {found}, not the weights of a network; save a network's state_dict and choose that file"
    )]
    NotWeights { found: String },
    #[error(
        "this file asks to run {name} when it is opened, as no plain weights do; nothing was run; choose a file that \
         holds only a state_dict, from somebody you trust"
    )]
    Untrusted { name: String },
    #[error(
        "the weights file is incomplete: it ends after {found} bytes, within its header; download it again"
    )]
    TruncatedHeader { found: u64 },
    #[error("the weights file is incomplete: expected {expected} bytes, got {found}; download it again")]
    Truncated { expected: u64, found: u64 },
    #[error(
        "the weights file is incomplete: it ends after {found} bytes, without its directory; download it again"
    )]
    NoDirectory { found: u64 },
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
    #[error(
        "{entry} is compressed within the weights file, which PyTorch never does; save the checkpoint with it again"
    )]
    Compressed { entry: String },
    #[error("the weights file was written on a big-endian machine; save it again on another")]
    BigEndian,
    #[error("{name} lies in another file, beside the ONNX file; save the model as a single file")]
    Elsewhere { name: String },
    #[error("this is the index of a checkpoint in several files; choose those files together with it")]
    IndexAlone,
    #[error("{name} is in none of the files chosen, but in {file}; choose that file as well")]
    FileMissing { name: String, file: String },
    #[error(
        "rows {first} to {last} of {name} are in none of the files chosen; choose all files of the network"
    )]
    RowsMissing { name: String, first: usize, last: usize },
    #[error("{name} is in two of the weights files; choose the files of one network")]
    Twice { name: String },
    #[error("{name}: expects values of type F32, F16 or BF16, got {kind}; convert the weights file")]
    Kind { name: String, kind: String },
    #[error(
        "{name}: value {index} is {value}, so the weights are damaged; download them again or choose others"
    )]
    NotFinite { name: String, index: usize, value: f32 },
    #[error(transparent)]
    Mismatch(#[from] Box<Mismatch>),
}
