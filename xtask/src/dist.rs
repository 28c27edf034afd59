//! `cargo xtask dist`: a folder for any static host, which opens offline after one visit, and a table of its sizes.

use crate::command::{node_program, run};
use crate::{later, site};
use anyhow::{Context, Result, bail};
use clap::Args;
use flate2::{Compression, write::GzEncoder};
use sha2::{Digest, Sha256};
use std::collections::BTreeSet;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Instant;

#[derive(Args)]
pub struct Dist {
    /// The folder to write, which is emptied first.
    #[arg(long, default_value = "dist")]
    out: PathBuf,
}

/// What is promised to visitors of all files of one kind.
struct Budget {
    kind: &'static str,
    /// Compressed as a host does it.
    bytes: u64,
}

/// Of the engine, the part that every visitor waits for, and the part that is loaded on request.
const BUDGETS: [Budget; 3] = [
    Budget { kind: "wasm", bytes: 400_000 },
    Budget { kind: "wasm, later", bytes: 168_000 },
    Budget { kind: "js", bytes: 120_000 },
];

/// The part of `sw.js` that is the same for every version.
const SERVICE_WORKER: &str = include_str!("service_worker.js");

pub fn dist(options: &Dist) -> Result<()> {
    let started = Instant::now();
    let folder = crate::project().join(&options.out);
    let divided = build(&folder)?;
    let sizes = measure(&folder)?;
    print_table(&sizes);
    println!("\n{divided}");
    keep_budgets(&sizes)?;
    println!(
        "\n{} is ready for any static host, in any folder ({:.0?}).",
        folder.display(),
        started.elapsed()
    );
    Ok(())
}

/// The page as it is published, in `folder`. Fails if it is larger than it was.
pub fn publishable(folder: &Path) -> Result<()> {
    build(folder)?;
    keep_budgets(&measure(folder)?)
}

/// Builds the page into `folder`, takes out what only developers read, and adds what only a published page has. Returns a
/// sentence on how the engine was divided.
fn build(folder: &Path) -> Result<String> {
    site::build(folder)?;
    let divided = later::divide(folder)?;
    bundle(folder)?;
    add_service_worker(folder)?;
    Ok(divided)
}

/// A few small scripts of the page's many: two thirds of their bytes, compressed, and one trip to the host instead of six.
fn bundle(folder: &Path) -> Result<()> {
    run(node_program("node").arg("xtask/src/bundle.mjs").arg(folder))
}

/// Writes `sw.js` with the list of all files, and the version into `index.html`.
fn add_service_worker(folder: &Path) -> Result<()> {
    let mut files = Vec::new();
    let on_request = weights_on_request(&fs::read_to_string(folder.join("models/catalog.json"))?)?;
    for path in site::files(folder)?.into_iter().filter(|path| !on_request.contains(path)) {
        let bytes = fs::read(folder.join(&path))?;
        files.push((bytes.len(), path, hash(&bytes)));
    }
    let version =
        hash(files.iter().map(|(_, path, hash)| format!("{path} {hash}\n")).collect::<String>().as_bytes());

    let index = folder.join("index.html");
    let page = fs::read_to_string(&index).context("the built page has no index.html")?;
    let page = without_trunk_links(&page);
    let mark = format!("<meta name=\"headstart-version\" content=\"{version}\">");
    let Some(at) = page.find("</head>") else { bail!("index.html has no </head> to put the version before") };
    let page = format!("{}{mark}{}", &page[..at], &page[at..]);
    fs::write(&index, &page)?;

    // The largest last; index.html has just changed.
    files.sort();
    let mut list = serde_json::Map::new();
    for (_, path, old) in files {
        let hash = if path == "index.html" { hash(page.as_bytes()) } else { old };
        list.insert(path, hash.into());
    }
    let list = serde_json::to_string_pretty(&list)?;
    fs::write(
        folder.join("sw.js"),
        format!("const VERSION = \"{version}\";\nconst FILES = {list};\n\n{SERVICE_WORKER}"),
    )?;
    Ok(())
}

/// The weights that a host put beside the page: whoever chooses that network downloads them, and nobody else.
fn weights_on_request(catalogue: &str) -> Result<BTreeSet<String>> {
    let catalogue: serde_json::Value =
        serde_json::from_str(catalogue).context("the catalogue is not JSON")?;
    let list = |value: &serde_json::Value, key: &str| value[key].as_array().cloned().unwrap_or_default();
    let places = list(&catalogue, "models").into_iter().flat_map(|entry| list(&entry, "places"));
    let files = places.filter(|place| place["kind"] == "origin").flat_map(|place| list(&place, "files"));
    Ok(files.filter_map(|file| file["file"].as_str().map(String::from)).collect())
}

/// `page` without the link that named the engine to Trunk, which leaves it where it injects no script of its own.
fn without_trunk_links(page: &str) -> String {
    let lines = page.lines().filter(|line| !line.contains("data-trunk-id=") && !line.trim().is_empty());
    lines.map(|line| format!("{line}\n")).collect()
}

/// The first 64 bits of the SHA-256: enough to tell versions of a file apart, as `service_worker.js` does.
fn hash(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().take(8).map(|byte| format!("{byte:02x}")).collect()
}

/// Bytes of all files of one kind.
#[derive(Debug, Default, PartialEq)]
struct Size {
    kind: String,
    files: usize,
    raw: u64,
    gzipped: u64,
}

fn measure(folder: &Path) -> Result<Vec<Size>> {
    let mut sizes: Vec<Size> = Vec::new();
    for path in site::files(folder)? {
        let bytes = fs::read(folder.join(&path))?;
        let kind = match path.rsplit('.').next() {
            Some("ts") if path.ends_with(".d.ts") => "d.ts",
            Some("wasm") if path == later::FILE => "wasm, later",
            ending => ending.unwrap_or_default(),
        };
        let at = sizes.iter().position(|size| size.kind == kind).unwrap_or_else(|| {
            sizes.push(Size { kind: kind.to_string(), ..Size::default() });
            sizes.len() - 1
        });
        sizes[at].files += 1;
        sizes[at].raw += bytes.len() as u64;
        sizes[at].gzipped += gzipped(&bytes)?;
    }
    sizes.sort_by_key(|size| std::cmp::Reverse(size.gzipped));
    Ok(sizes)
}

fn gzipped(bytes: &[u8]) -> Result<u64> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes)?;
    Ok(encoder.finish()?.len() as u64)
}

fn print_table(sizes: &[Size]) {
    println!("\n{:<14}{:>6}{:>12}{:>12}{:>12}", "kind", "files", "bytes", "gzipped", "at most");
    for size in sizes {
        let budget = BUDGETS.iter().find(|budget| budget.kind == size.kind);
        let budget = budget.map_or_else(String::new, |budget| budget.bytes.to_string());
        println!("{:<14}{:>6}{:>12}{:>12}{budget:>12}", size.kind, size.files, size.raw, size.gzipped);
    }
}

/// Fails if a budget is exceeded.
fn keep_budgets(sizes: &[Size]) -> Result<()> {
    for Budget { kind, bytes } in BUDGETS {
        let gzipped = sizes.iter().find(|size| size.kind == kind).map_or(0, |size| size.gzipped);
        if gzipped == 0 {
            bail!("the built page has no file of the kind {kind}");
        }
        if gzipped > bytes {
            bail!(
                "all files of the kind {kind} are {gzipped} bytes gzipped, and at most {bytes} are promised: make them smaller"
            );
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sizes(wasm: u64, js: u64) -> Vec<Size> {
        [("wasm", wasm), ("wasm, later", 1), ("js", js)]
            .map(|(kind, gzipped)| Size { kind: kind.into(), files: 1, raw: gzipped, gzipped })
            .into()
    }

    #[test]
    fn a_site_that_breaks_a_budget_fails() {
        assert!(keep_budgets(&sizes(400_000, 120_000)).is_ok());
        for (wasm, js, found) in [(400_001, 1, "400001"), (1, 120_001, "120001"), (1, 0, "kind js")] {
            let error = keep_budgets(&sizes(wasm, js)).expect_err("a broken promise").to_string();
            assert!(error.contains(found), "{error}");
        }
    }

    #[test]
    fn only_weights_that_a_host_added_are_left_to_those_who_ask_for_them() {
        let catalogue = r#"{"models":[{"places":[
            {"kind":"bundled","files":[{"file":"models/a.safetensors"}]},
            {"kind":"origin","files":[{"file":"models/b-1.safetensors"},{"file":"models/b-2.safetensors"}]},
            {"kind":"torchvision","url":"https://example.org/b.pth"}]}]}"#;
        let expected = ["models/b-1.safetensors", "models/b-2.safetensors"].map(String::from);
        assert_eq!(weights_on_request(catalogue).unwrap(), BTreeSet::from(expected));
    }

    #[test]
    fn the_hash_is_the_start_of_sha256() {
        assert_eq!(hash(b"abc"), "ba7816bf8f01cfea");
    }
}
