//! The built page: what Trunk makes of `www` and the engine, in release mode.

use crate::command::{command, run};
use crate::{project, tools};
use anyhow::{Context, Result};
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

/// Builds the page into `folder`, which is made anew.
pub fn build(folder: &Path) -> Result<()> {
    let path = tools::page_builders()?;
    let mut build = trunk(&path);
    build.args(["build", "--release", "--dist"]).arg(folder);
    run(&mut build).context("the page could not be built: the lines above say where")
}

/// Trunk with the tools that [`tools::page_builders`] found.
pub fn trunk(path: &OsStr) -> Command {
    // Windows looks for a program on its parent's PATH, so the right Trunk is named in full.
    let name = format!("trunk{}", env::consts::EXE_SUFFIX);
    let program = env::split_paths(path).map(|folder| folder.join(&name)).find(|program| program.is_file());
    let mut trunk = command(program.unwrap_or_else(|| name.into()));
    // Trunk 0.21 takes NO_COLOR for a switch and rejects the usual value 1.
    trunk.env("PATH", path).env_remove("NO_COLOR").args(["--log", "warn"]);
    trunk
}

/// Where the page is built unless somebody says otherwise.
pub fn default_folder() -> PathBuf {
    project().join("dist")
}

/// Every file below `folder`, as a path with forward slashes relative to it, in alphabetical order.
pub fn files(folder: &Path) -> Result<Vec<String>> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_path_buf()];
    while let Some(current) = folders.pop() {
        for entry in
            fs::read_dir(&current).with_context(|| format!("{} cannot be read", current.display()))?
        {
            let path = entry?.path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let relative = path.strip_prefix(folder).expect("found below the folder");
                found.push(relative.to_string_lossy().replace('\\', "/"));
            }
        }
    }
    found.sort();
    Ok(found)
}
