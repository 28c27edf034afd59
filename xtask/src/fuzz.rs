//! `cargo xtask fuzz`: random files for the readers of weights, chosen by libFuzzer for the code they reach.
//!
//! The targets lie in `fuzz/`, where cargo-fuzz finds them too. cargo-fuzz compiles with a nightly compiler for the sake of
//! AddressSanitizer, which code without `unsafe` does not need; the flags by which libFuzzer sees what code runs are
//! stable. This program adds them to the crates of this project alone, so that no dependency is compiled anew.

use crate::command::{command, run};
use crate::project;
use anyhow::{Context, Result};
use clap::Args;
use std::process::{Command, ExitCode};
use std::{env, fs, thread};

#[derive(Args)]
pub struct Fuzz {
    /// One target only.
    target: Option<String>,
    /// How long each target runs.
    #[arg(long, default_value_t = 60)]
    seconds: u64,
}

/// The readers, each a target of `fuzz/`.
pub const TARGETS: [&str; 4] = ["safetensors", "zip", "legacy", "onnx"];

/// Set for this program where cargo calls it in place of the compiler.
const AS_COMPILER: &str = "HEADSTART_INSTRUMENT";

/// What cargo-fuzz passes as well.
const FLAGS: [&str; 6] = [
    "--cfg=fuzzing",
    "-Cpasses=sancov-module",
    "-Cllvm-args=-sanitizer-coverage-level=4",
    "-Cllvm-args=-sanitizer-coverage-inline-8bit-counters",
    "-Cllvm-args=-sanitizer-coverage-pc-table",
    "-Ccodegen-units=1",
];

pub fn fuzz(options: &Fuzz) -> Result<()> {
    let chosen = |target: &&str| options.target.as_deref().is_none_or(|only| only == *target);
    TARGETS.into_iter().filter(chosen).try_for_each(|target| fuzz_one(target, options.seconds))
}

/// Runs targets beside each other, each for so long.
pub fn fuzz_together(targets: &[&str], seconds: u64) -> Result<()> {
    thread::scope(|scope| {
        let runs = targets.iter().map(|target| scope.spawn(move || fuzz_one(target, seconds)));
        let runs: Vec<_> = runs.collect();
        runs.into_iter().try_for_each(|run| run.join().expect("a run that panics has said why"))
    })
}

/// Runs one target; fails if a file makes it panic, take a second or hold half a gigabyte.
fn fuzz_one(target: &str, seconds: u64) -> Result<()> {
    let corpus = project().join("target/fuzz").join(target);
    fs::create_dir_all(&corpus)?;
    let program = format!("fuzz_{target}");
    let mut cargo = command("cargo");
    cargo.args([
        "run",
        "--quiet",
        "--package",
        "headstart-fuzz",
        "--features",
        "libfuzzer",
        "--bin",
        &program,
        "--",
    ]);
    cargo.arg(&corpus).arg("tests/weights");
    cargo.args([
        "-timeout=1",
        "-rss_limit_mb=512",
        "-max_len=8192",
        "-verbosity=0",
        "-print_funcs=0",
        "-print_final_stats=1",
    ]);
    cargo
        .arg(format!("-max_total_time={seconds}"))
        .arg(format!("-artifact_prefix={}/crash-", corpus.display()));
    cargo.env("RUSTC_WORKSPACE_WRAPPER", env::current_exe()?).env(AS_COMPILER, "1");
    run(&mut cargo)
}

/// Compiles with the flags above, if cargo calls this program as its compiler.
pub fn compiler() -> Option<ExitCode> {
    env::var_os(AS_COMPILER)?;
    let mut arguments = env::args_os().skip(1);
    let mut compiler = Command::new(arguments.next()?);
    let status = compiler.args(arguments).args(FLAGS).status().context("the compiler does not start");
    Some(if status.is_ok_and(|status| status.success()) { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
