//! `cargo xtask test`: every check of the project, in the order in which they are quick to fail, and a summary.

use crate::command::{command, describe, node_program, run};
use crate::{dist, fuzz, project, site, tools, vendor};
use anyhow::{Result, bail};
use clap::{Args, ValueEnum};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

#[derive(Args)]
pub struct Test {
    /// Run one group only.
    #[arg(long)]
    only: Option<Group>,
    /// Run only the tests whose name contains this, and no lints.
    name: Option<String>,
}

#[derive(Clone, Copy, PartialEq, ValueEnum)]
enum Group {
    /// Formatting, lints and tests of the engine.
    Rust,
    /// Types, lints and unit tests of the page's JavaScript.
    Page,
    /// The built page in Chromium.
    Browser,
}

/// The steps done so far; a failed step does not keep the next ones from running.
#[derive(Default)]
struct Summary {
    steps: Vec<(String, Duration, Option<String>)>,
}

impl Summary {
    /// Runs one step and remembers how it went; returns whether it passed.
    fn step(&mut self, name: &str, action: impl FnOnce() -> Result<()>) -> bool {
        println!("\n— {name}");
        let started = Instant::now();
        let failure = action().err().map(|error| format!("{error:#}"));
        if let Some(failure) = &failure {
            println!("{failure}");
        }
        let passed = failure.is_none();
        self.steps.push((name.to_string(), started.elapsed(), failure));
        passed
    }

    fn commands(&mut self, commands: impl IntoIterator<Item = Command>) {
        for mut command in commands {
            let name = describe(&command);
            self.step(&name, || run(&mut command));
        }
    }

    fn finish(self) -> Result<()> {
        println!("\n{:>8}  step", "time");
        for (name, time, failure) in &self.steps {
            let mark = if failure.is_some() { "FAILED  " } else { "" };
            println!("{:>7.1}s  {mark}{name}", time.as_secs_f64());
        }
        let failed = self.steps.iter().filter(|(_, _, failure)| failure.is_some()).count();
        let total: Duration = self.steps.iter().map(|(_, time, _)| *time).sum();
        if failed > 0 {
            bail!("{failed} of {} steps failed ({:.0?}).", self.steps.len(), total);
        }
        println!("All {} steps passed ({:.0?}).", self.steps.len(), total);
        Ok(())
    }
}

pub fn test(options: &Test) -> Result<()> {
    let wants = |group| options.only.is_none_or(|only| only == group);
    let name = options.name.as_deref();
    let mut summary = Summary::default();
    if wants(Group::Rust) {
        summary.step("find or install a graphics adapter", tools::graphics_adapter);
        if name.is_none() {
            summary.step("find or install what builds the page", || tools::page_builders().map(drop));
            summary.commands(rust_lints());
        }
        summary.commands([rust_tests(name)]);
        for targets in fuzz::TARGETS.chunks(2).filter(|_| name.is_none()) {
            summary.step(&format!("fuzz the readers of {} files", targets.join(" and of ")), || {
                fuzz::fuzz_together(targets, 60)
            });
        }
    }
    if wants(Group::Page) || wants(Group::Browser) {
        let built = summary.step("npm packages", vendor::vendor)
            && summary.step("build the page for publication", || dist::publishable(&site::default_folder()));
        if wants(Group::Page) {
            if name.is_none() {
                summary.commands([node_command("typescript/bin/tsc"), node_command("eslint/bin/eslint.js")]);
            }
            node_tests(&mut summary, "tests/page", name, |_| Ok(()))?;
        }
        if wants(Group::Browser) && built {
            node_tests(&mut summary, "tests/browser", name, |command| {
                command.env("HEADSTART_CHROMIUM", tools::chromium()?);
                command.env("HEADSTART_DIST", site::default_folder());
                Ok(())
            })?;
        }
    }
    summary.finish()
}

fn cargo(arguments: &str) -> Command {
    let mut cargo = command("cargo");
    cargo.args(arguments.split_whitespace());
    cargo
}

fn rust_lints() -> [Command; 3] {
    [
        cargo("fmt --all --check"),
        cargo("clippy --workspace --all-targets -- -D warnings"),
        cargo(
            "clippy --lib --package headstart --package headstart-kernels --no-default-features \
             --target wasm32-unknown-unknown -- -D warnings",
        ),
    ]
}

fn rust_tests(name: Option<&str>) -> Command {
    let mut tests = cargo("test --workspace");
    tests.args(name);
    tests
}

/// A program of an npm package, started without npx, which would offer to download a missing one.
fn node_command(script: &str) -> Command {
    let mut node = node_program("node");
    node.arg(format!("node_modules/{script}"));
    node
}

/// Runs the test files of `folder`: those that `name` names, or else the tests whose name matches it.
fn node_tests(
    summary: &mut Summary,
    folder: &str,
    name: Option<&str>,
    prepare: impl FnOnce(&mut Command) -> Result<()>,
) -> Result<()> {
    let all = test_files(&project().join(folder))?;
    let named: Vec<_> =
        all.iter().filter(|file| name.is_some_and(|name| file.to_string_lossy().contains(name))).collect();
    let mut node = node_program("node");
    // One file at a time: each starts a browser, and figures are asserted. Whatever hangs is a failure, not a wait.
    node.args(["--test", "--test-concurrency=1", "--test-timeout=1200000"]);
    match name {
        Some(name) if named.is_empty() => {
            node.arg(format!("--test-name-pattern={name}")).args(&all);
        }
        Some(_) => {
            node.args(named);
        }
        None => {
            node.args(&all);
        }
    }
    if !all.is_empty() {
        summary.step(&format!("node --test {folder}"), || {
            prepare(&mut node)?;
            run(&mut node)
        });
    }
    Ok(())
}

fn test_files(folder: &Path) -> Result<Vec<PathBuf>> {
    if !folder.exists() {
        return Ok(Vec::new());
    }
    let mut files = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.to_string_lossy().ends_with(".test.mjs") {
            files.push(path.strip_prefix(project()).unwrap_or(&path).to_path_buf());
        }
    }
    files.sort();
    Ok(files)
}
