//! Whether some bytes are the weights that were meant, and if not, what happened to them.

use sha2::{Digest, Sha256};

use super::{Storage, WeightsError, safetensors};

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
    recognise(&storage.start(TELLING).await?)?;
    let expected = safetensors::declared_length(&safetensors::header(storage).await?)?;
    if storage.len() < expected {
        return Err(WeightsError::Truncated { expected, found: storage.len() });
    }
    Err(WeightsError::Altered { expected: sha256.trim().into(), found })
}

/// Fails with what a file seems to be, unless its first bytes are those of a file of weights.
pub(super) fn recognise(bytes: &[u8]) -> Result<(), WeightsError> {
    let start = || {
        let start = String::from_utf8_lossy(&bytes[..bytes.len().min(24)]);
        start.trim().lines().next().unwrap_or_default().to_string()
    };
    if safetensors::looks_like(bytes) {
        return Ok(());
    }
    Err(match bytes.trim_ascii_start() {
        [] => WeightsError::Empty,
        [b'<', b'!' | b'?' | b'a'..=b'z' | b'A'..=b'Z', ..] => WeightsError::WebPage { start: start() },
        [b'P', b'K', 3, 4, ..] | [0x80, 2..=5, ..] => WeightsError::PyTorch,
        _ if bytes.len() < 8 => WeightsError::TruncatedHeader { found: bytes.len() as u64 },
        _ => WeightsError::Unrecognised { start: start() },
    })
}
