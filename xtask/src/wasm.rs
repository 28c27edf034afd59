//! The module's sections, as far as a published page cares: what only a debugger reads is taken out.
//!
//! Cargo's `strip` would also take the list of CPU features, which wasm-bindgen needs.

use anyhow::{Context, Result, ensure};

/// Length of the magic number and the version, before the first section.
const HEADER: usize = 8;

/// `module` without the names of its functions, which are a ninth of it.
pub fn without_names(module: &[u8]) -> Result<Vec<u8>> {
    ensure!(module.starts_with(b"\0asm"), "this is not a wasm module");
    let mut kept = module[..HEADER].to_vec();
    let mut at = HEADER;
    while at < module.len() {
        let (length, content) = unsigned(module, at + 1)?;
        let section = module.get(at..content + length).context("a section ends after the wasm module")?;
        if !is_names(section[0], &module[content..content + length]) {
            kept.extend_from_slice(section);
        }
        at = content + length;
    }
    Ok(kept)
}

/// Whether a section is the custom one (kind 0) that is called "name".
fn is_names(kind: u8, content: &[u8]) -> bool {
    kind == 0 && content.starts_with(b"\x04name")
}

/// The LEB128 number at `at`, and where what follows it begins.
fn unsigned(module: &[u8], mut at: usize) -> Result<(usize, usize)> {
    let mut value = 0;
    for shift in (0..35).step_by(7) {
        let byte = *module.get(at).context("a number ends after the wasm module")?;
        value |= usize::from(byte & 0x7f) << shift;
        at += 1;
        if byte < 0x80 {
            return Ok((value, at));
        }
    }
    anyhow::bail!("a number of the wasm module is too long")
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: &[u8] = b"\0asm\x01\0\0\0";
    const PRODUCERS: &[u8] = b"\0\x0a\x09producers";
    const NAMES: &[u8] = b"\0\x06\x04name\x07";

    #[test]
    fn only_the_names_are_taken_out() {
        let module = [START, NAMES, PRODUCERS].concat();
        assert_eq!(without_names(&module).expect("a module"), [START, PRODUCERS].concat());
    }

    #[test]
    fn a_truncated_module_is_an_error() {
        let module = [START, NAMES].concat();
        assert!(without_names(&module[..module.len() - 1]).is_err());
        assert!(without_names(b"<html>").is_err());
    }
}
