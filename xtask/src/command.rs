//! Running other programs: in the project's folder, with failures as sentences.

use anyhow::{Context, Result, bail};
use std::ffi::OsStr;
use std::process::Command;

/// A command that runs in the project's folder.
pub fn command(program: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new(program);
    command.current_dir(crate::project());
    // Both describe the build of this program, and would confuse another cargo's fingerprints.
    command.env_remove("CARGO_MANIFEST_DIR").env_remove("CARGO_PKG_NAME");
    command
}

/// A program of Node's; on Windows npm and npx are scripts, which need their extension to be found.
pub fn node_program(name: &str) -> Command {
    if cfg!(windows) && name != "node" { command(format!("{name}.cmd")) } else { command(name) }
}

/// Runs `command` with its output shown; fails if the program is missing or says it failed.
pub fn run(command: &mut Command) -> Result<()> {
    let shown = describe(command);
    let status = command.status().with_context(|| format!("could not start `{shown}`"))?;
    if !status.success() {
        bail!("`{shown}` failed ({status})");
    }
    Ok(())
}

/// Runs `command` and returns what it printed, or `None` if it is missing or failed.
pub fn output(command: &mut Command) -> Option<String> {
    let output = command.output().ok().filter(|output| output.status.success())?;
    Some(String::from_utf8_lossy(&output.stdout).trim().to_string())
}

/// The command as one would type it.
pub fn describe(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    words.map(|word| word.to_string_lossy()).collect::<Vec<_>>().join(" ")
}
