//! The build: everything that is more than one `cargo` command, and the only place that knows Trunk, npm or Chromium.
//!
//! It is a program and not a set of scripts so that it runs the same on Linux, macOS and Windows.

mod bench;
mod command;
mod digits;
mod dist;
mod fuzz;
mod later;
mod recipes;
mod serve;
mod site;
mod split;
mod test;
mod tools;
mod vendor;
mod weights;

use anyhow::Result;
use clap::{Parser, Subcommand};
use std::env;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::LazyLock;

/// Builds, serves, tests and measures Headstart.
#[derive(Parser)]
#[command(bin_name = "cargo xtask")]
struct Arguments {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Build the page and serve it at a local address; install what is missing first.
    Serve(serve::Serve),
    /// Run every check: formatting, lints, the engine's tests, the page's tests, the built page in Chromium.
    Test(test::Test),
    /// Build a folder for any static host, and print how large it is.
    Dist(dist::Dist),
    /// Measure the engine natively and in Chromium.
    Bench(bench::Bench),
    /// Add pretrained weights to what the page's own host serves.
    Weights(weights::Weights),
    /// Train by every recipe again, for hours, and hold what comes out against what it promises.
    Recipes(recipes::Recipes),
    /// Feed random files to the readers of weights.
    Fuzz(fuzz::Fuzz),
    /// Install the page's npm packages and copy what the page needs of them to www/vendor, www/digits and www/demo.
    Vendor,
}

fn main() -> ExitCode {
    if let Some(code) = fuzz::compiler() {
        return code;
    }
    match run(Arguments::parse().task) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("\n{error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(task: Task) -> Result<()> {
    match task {
        Task::Serve(options) => serve::serve(&options),
        Task::Test(options) => test::test(&options),
        Task::Dist(options) => dist::dist(&options),
        Task::Bench(options) => bench::bench(&options),
        Task::Recipes(options) => recipes::recipes(&options),
        Task::Fuzz(options) => fuzz::fuzz(&options),
        Task::Weights(options) => weights::weights(&options),
        Task::Vendor => vendor::vendor(),
    }
}

/// The project's folder. Cargo says which checkout it runs; several may share one target folder, and then the
/// one that this program was built from may be another.
fn project() -> &'static Path {
    static PROJECT: LazyLock<PathBuf> = LazyLock::new(|| {
        let package =
            env::var_os("CARGO_MANIFEST_DIR").map_or(env!("CARGO_MANIFEST_DIR").into(), PathBuf::from);
        package.parent().expect("xtask lies in the project's folder").to_path_buf()
    });
    &PROJECT
}
