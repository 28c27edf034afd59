//! Pictures and figures that may not be published with the project: tests that need them say so and pass where they
//! are absent.

use std::io::Write;
use std::path::{Path, PathBuf};

/// `path` inside the data folder: `HEADSTART_DATA` if set, `../shared/data` beside the checkout otherwise.
/// None, and a line that says so, where it is absent.
pub fn optional(path: &str) -> Option<PathBuf> {
    let beside = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data");
    let file = std::env::var_os("HEADSTART_DATA").map_or_else(beside, PathBuf::from).join(path);
    if file.exists() {
        return Some(file);
    }
    // The test harness hides what `println!` says in a test that passes, and a skipped test passes.
    let line =
        format!("skipped: {} is absent; set HEADSTART_DATA to the folder with {path}\n", file.display());
    std::io::stderr().write_all(line.as_bytes()).expect("the terminal takes a line");
    None
}
