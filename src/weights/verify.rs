//! Whether some bytes are the weights that were meant, and if not, what happened to them.

use sha2::{Digest, Sha256};

use super::{Checkpoint, Storage, WeightsError, onnx, pytorch, safetensors};

/// The forms in which weights are published.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    Safetensors,
    /// What `torch.save` writes since PyTorch 1.6.
    Zip,
    /// What it wrote before.
    Legacy,
    Onnx,
    /// Says which of several safetensors files has which tensor.
    Index,
}

impl Format {
    /// The form of a file, by its content.
    pub async fn of(storage: &Storage) -> Result<Self, WeightsError> {
        recognise(&storage.start(TELLING).await?)
    }

    /// What people call it.
    pub fn title(self) -> &'static str {
        match self {
            Self::Safetensors => "safetensors",
            Self::Zip => "PyTorch checkpoint",
            Self::Legacy => "PyTorch checkpoint, the layout before 1.6",
            Self::Onnx => "ONNX",
            Self::Index => "index of several safetensors files",
        }
    }
}

/// Bytes by which a file's kind is told.
pub(super) const TELLING: u64 = 64;

/// Bytes that are read and digested at once.
const PIECE: u64 = 4 << 20;

/// Compares a file with the SHA-256 (64 hexadecimal digits) of the one that was meant; `progress` hears how many
/// bytes were compared so far.
///
/// A difference is explained as far as the bytes allow: an empty answer, a web page, a download that stopped, or
/// an altered file.
pub async fn verify(storage: &Storage, sha256: &str, progress: impl Fn(u64)) -> Result<(), WeightsError> {
    let mut digest = Sha256::new();
    let mut done = 0;
    while done < storage.len() {
        let end = (done + PIECE).min(storage.len());
        digest.update(storage.read(done..end).await?);
        done = end;
        progress(done);
    }
    let found: String = digest.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
    if found.eq_ignore_ascii_case(sha256.trim()) {
        return Ok(());
    }
    match Checkpoint::open(storage.clone()).await {
        // A file of another length is whole, or else a damaged one would be called incomplete.
        Ok(_) | Err(WeightsError::TooLong { .. }) => {
            Err(WeightsError::Altered { expected: sha256.trim().into(), found })
        }
        Err(reason) => Err(reason),
    }
}

/// The form of the file that begins with these bytes. Fails with what it seems to be instead.
pub(super) fn recognise(bytes: &[u8]) -> Result<Format, WeightsError> {
    let start = || {
        let start = String::from_utf8_lossy(&bytes[..bytes.len().min(24)]);
        start.trim().lines().next().unwrap_or_default().to_string()
    };
    let known = [
        (safetensors::looks_like(bytes), Format::Safetensors),
        (pytorch::is_zip(bytes), Format::Zip),
        (pytorch::is_legacy(bytes), Format::Legacy),
        (onnx::looks_like(bytes), Format::Onnx),
        (bytes.trim_ascii_start().starts_with(b"{"), Format::Index),
    ];
    if let Some((_, format)) = known.into_iter().find(|(is, _)| *is) {
        return Ok(format);
    }
    Err(match bytes.trim_ascii_start() {
        [] => WeightsError::Empty,
        [b'<', b'!' | b'?' | b'a'..=b'z' | b'A'..=b'Z', ..] => WeightsError::WebPage { start: start() },
        [0x80, 2..=5, ..] => {
            WeightsError::NotWeights { found: "a Python pickle that PyTorch did not write".into() }
        }
        _ if bytes.len() < 8 => WeightsError::TruncatedHeader { found: bytes.len() as u64 },
        _ => WeightsError::Unrecognised { start: start() },
    })
}
