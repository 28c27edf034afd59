//! What every fuzz target does with its bytes: opens them as a file of weights and reads every value in it.
//!
//! `cargo xtask fuzz` runs the targets for some seconds each, on a stable compiler; `cargo fuzz run fuzz_zip --features
//! libfuzzer` runs one for as long as one likes.

use headstart::weights::{Checkpoint, Format, Storage};
use pollster::block_on;

/// Reads `bytes` if they are a file of that form; returns whether they are. A panic is what fuzzing looks for.
pub fn read(bytes: &[u8], format: Format) -> bool {
    let storage = Storage::memory(bytes.to_vec());
    if block_on(Format::of(&storage)) != Ok(format) {
        return false;
    }
    if let Ok(checkpoint) = block_on(Checkpoint::open(storage)) {
        for (name, _) in checkpoint.names() {
            // Whether there are values or an error says why not, both are answers.
            let _ = block_on(checkpoint.values(name));
        }
    }
    true
}
