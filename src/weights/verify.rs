//! Whether some bytes are the weights that were meant, and if not, what happened to them.

use sha2::{Digest, Sha256};

use super::{WeightsError, safetensors};

/// Compares `bytes` with the SHA-256 (64 hexadecimal digits) of the file that was meant.
///
/// A difference is explained as far as the bytes allow: an empty answer, a web page, a download that stopped, or
/// an altered file.
pub fn verify(bytes: &[u8], sha256: &str) -> Result<(), WeightsError> {
    let found: String = Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect();
    if found.eq_ignore_ascii_case(sha256.trim()) {
        return Ok(());
    }
    recognise(bytes)?;
    let expected = safetensors::declared_length(bytes)?;
    if (bytes.len() as u64) < expected {
        return Err(WeightsError::Truncated { expected, found: bytes.len() as u64 });
    }
    Err(WeightsError::Altered { expected: sha256.trim().into(), found })
}

/// Fails with what the bytes seem to be, unless they begin as a file of weights does.
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
        _ if bytes.len() < 8 => WeightsError::TruncatedHeader { found: bytes.len() },
        _ => WeightsError::Unrecognised { start: start() },
    })
}
