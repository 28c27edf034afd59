//! The programs the build needs, found or installed: the wasm32 target, Trunk, wasm-bindgen, Chromium, a Vulkan driver.
//!
//! What can be installed for this project alone goes to `.tools`, and a right version on the `PATH` is used as it is.
//! System packages are installed only on Debian and its children, and only for root: elsewhere a sentence says what to
//! install.

use crate::command::{command, output, run};
use crate::project;
use anyhow::{Context, Result, bail};
use std::env::consts::EXE_SUFFIX;
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::{env, fs};

const TRUNK_VERSION: &str = "0.21.14";

/// Makes sure that the page can be built; returns a `PATH` on which Trunk finds its tools.
pub fn page_builders() -> Result<OsString> {
    wasm_target()?;
    let inherited = env::var_os("PATH").unwrap_or_default();
    let own = std::iter::once(project().join(".tools/bin"));
    let path = env::join_paths(own.chain(env::split_paths(&inherited)))?;
    install(
        &path,
        &Tool {
            program: "trunk",
            package: "trunk",
            version: TRUNK_VERSION.into(),
            about: "which builds and serves the page",
            time: "4 minutes",
            options: &["--locked", "--no-default-features"],
        },
    )?;
    install(
        &path,
        &Tool {
            program: "wasm-bindgen",
            package: "wasm-bindgen-cli",
            version: wasm_bindgen_version()?,
            about: "which connects Rust and JavaScript, in the version of Cargo.lock",
            time: "2 minutes",
            options: &[],
        },
    )?;
    Ok(path)
}

/// Installs the standard library for wasm32 if it is missing.
fn wasm_target() -> Result<()> {
    const TARGET: &str = "wasm32-unknown-unknown";
    let folder = output(command("rustc").args(["--print", "target-libdir", "--target", TARGET]));
    if folder.is_some_and(|folder| Path::new(&folder).exists()) {
        return Ok(());
    }
    println!(
        "Installing the Rust target {TARGET}, which the page is compiled for (once, usually half a minute)…"
    );
    run(command("rustup").args(["target", "add", TARGET])).with_context(|| {
        format!("the Rust target {TARGET} is missing: install Rust with rustup, or that target with your system's packages")
    })
}

/// The version that Cargo.lock names; another one could not read the module that was built.
fn wasm_bindgen_version() -> Result<String> {
    let lock = fs::read_to_string(project().join("Cargo.lock")).context("Cargo.lock cannot be read")?;
    let mut lines = lock.lines().skip_while(|line| *line != "name = \"wasm-bindgen\"");
    let version = lines.nth(1).and_then(|line| line.strip_prefix("version = \"")?.strip_suffix('"'));
    Ok(version.context("Cargo.lock names no wasm-bindgen")?.to_string())
}

/// A program that cargo can install.
struct Tool {
    program: &'static str,
    package: &'static str,
    version: String,
    /// What it is for, as a relative clause.
    about: &'static str,
    /// How long installing it usually takes.
    time: &'static str,
    options: &'static [&'static str],
}

/// Installs `tool` into `.tools` unless it is there, or on the `PATH`, in this version.
///
/// An unoptimised build takes a third of the time, and these programs have little to do.
fn install(path: &OsStr, tool: &Tool) -> Result<()> {
    let Tool { program, package, version, about, time, options } = tool;
    let own = project().join(".tools/bin").join(format!("{program}{EXE_SUFFIX}"));
    let is_right = |path: &Path| {
        output(command(path).arg("--version"))
            .is_some_and(|text| text.split_whitespace().nth(1) == Some(version.as_str()))
    };
    if is_right(&own) || is_right(Path::new(program)) {
        return Ok(());
    }
    println!("Installing {package} {version}, {about} (once, usually {time})…");
    let build = project().join(".tools/build");
    let mut install = command("cargo");
    install.args(["install", package, "--version", version, "--debug", "--force"]).args(*options);
    install.arg("--root").arg(project().join(".tools")).arg("--target-dir").arg(&build);
    // With the new programs' folder on it, or cargo advises to put it there.
    run(install.env("PATH", path))?;
    // A gigabyte of intermediate files that nobody needs again.
    fs::remove_dir_all(&build).ok();
    Ok(())
}

/// A Chromium for the browser tests: `HEADSTART_CHROMIUM`, one on the `PATH` or in its usual place, or apt's.
pub fn chromium() -> Result<PathBuf> {
    if let Some(path) = env::var_os("HEADSTART_CHROMIUM") {
        return Ok(path.into());
    }
    if let Some(path) = find_chromium() {
        return Ok(path);
    }
    let advice = "install Chromium or Chrome, or name one in HEADSTART_CHROMIUM";
    apt_install("chromium", "which the browser tests drive", advice)?;
    find_chromium()
        .with_context(|| format!("apt-get installed Chromium, but there is none on the PATH: {advice}"))
}

fn find_chromium() -> Option<PathBuf> {
    let names = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome.exe"];
    let path = env::var_os("PATH").unwrap_or_default();
    let on_path = env::split_paths(&path).flat_map(|folder| names.map(|name| folder.join(name)));
    let applications = ["Google Chrome", "Chromium"]
        .map(|name| PathBuf::from(format!("/Applications/{name}.app/Contents/MacOS/{name}")));
    let program_files = ["ProgramFiles", "ProgramFiles(x86)", "LocalAppData"]
        .into_iter()
        .filter_map(env::var_os)
        .map(|folder| Path::new(&folder).join("Google/Chrome/Application/chrome.exe"));
    on_path.chain(applications).chain(program_files).find(|path| path.is_file())
}

/// Makes sure that the native tests have a graphics adapter, if only Mesa's software one.
pub fn graphics_adapter() -> Result<()> {
    // macOS and Windows bring Metal and Direct3D with them.
    if !cfg!(target_os = "linux") {
        return Ok(());
    }
    let drivers = ["/usr/share/vulkan/icd.d", "/etc/vulkan/icd.d", "/usr/local/share/vulkan/icd.d"];
    let found =
        drivers.iter().any(|folder| fs::read_dir(folder).is_ok_and(|mut files| files.next().is_some()));
    if found {
        return Ok(());
    }
    let advice = "install your graphics card's Vulkan driver, or Mesa's software one (mesa-vulkan-drivers)";
    apt_install("mesa-vulkan-drivers", "with which the GPU tests run without a graphics card", advice)
}

/// Installs a system package where that needs no questions: on a Debian, as root.
fn apt_install(package: &str, about: &str, advice: &str) -> Result<()> {
    let is_root = output(command("id").arg("-u")).as_deref() == Some("0");
    if !is_root || output(command("apt-get").arg("--version")).is_none() {
        bail!("{package}, {about}, is missing: {advice}");
    }
    println!("Installing {package}, {about} (once, usually a minute)…");
    let apt = |arguments: &[&str]| {
        let mut apt = command("apt-get");
        apt.env("DEBIAN_FRONTEND", "noninteractive").args(["-qq", "-y"]).args(arguments);
        run(&mut apt)
    };
    apt(&["update"])
        .and_then(|()| apt(&["install", "--no-install-recommends", package]))
        .context(advice.to_string())
}
