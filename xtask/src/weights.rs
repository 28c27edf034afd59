//! `cargo xtask weights add`: weights for the same host as the page. A checkpoint is downloaded or taken, converted to 16
//! bits in files under 50 MB, and listed in `www/models/catalog.json` with lengths, hashes and a notice.

use crate::command::{command, run};
use crate::project;
use anyhow::{Context, Result, bail};
use clap::{Args, Subcommand};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::fs;
use std::path::{Path, PathBuf};

#[derive(Args)]
pub struct Weights {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Add weights to www/models, from Hugging Face or from a file.
    Add(Add),
}

#[derive(Args)]
struct Add {
    /// A repository of Hugging Face, timm/resnet18.tv_in1k for instance, or a safetensors, PyTorch or ONNX file.
    source: String,
    /// The network they are for; found by the repository, or by names and shapes, if not given.
    #[arg(long)]
    id: Option<String>,
    /// The classifier too, not only the trunk that transfer learning needs.
    #[arg(long)]
    whole: bool,
    /// The licence of the weights; the catalogue's if not given.
    #[arg(long)]
    licence: Option<String>,
    /// Where repositories are downloaded from.
    #[arg(long, default_value = "https://huggingface.co")]
    hub: String,
}

const CATALOGUE: &str = "www/models/catalog.json";

/// What the common static hosts take of one file.
const LIMIT: &str = "50MB";

pub fn weights(options: &Weights) -> Result<()> {
    match &options.task {
        Task::Add(options) => add(options),
    }
}

fn add(options: &Add) -> Result<()> {
    let path = project().join(CATALOGUE);
    let text = fs::read_to_string(&path).with_context(|| format!("{CATALOGUE} cannot be read"))?;
    let mut catalogue: Value =
        serde_json::from_str(&text).with_context(|| format!("{CATALOGUE} is damaged"))?;
    let file = Path::new(&options.source);
    let checkpoint = if file.exists() { fs::canonicalize(file)? } else { downloaded(options)? };
    let listed = || id_of_repository(&catalogue, &options.source);
    let part = if options.whole { "whole" } else { "trunk" };
    let (id, files) = converted(&checkpoint, options.id.clone().or_else(listed).as_deref(), part)?;
    let place =
        json!({ "kind": "origin", "part": part, "format": "safetensors", "files": described(&files)? });
    let entry = with_place(&mut catalogue, &id, &place)?;
    let licence = options.licence.as_deref().or(entry["licence"].as_str()).unwrap_or("unknown");
    let notice = notice(entry, &options.source, licence, part, &files);
    let folder = project().join("www/models").join(&id);
    fs::write(folder.join("NOTICE.md"), notice)?;
    fs::write(&path, format!("{}\n", serde_json::to_string_pretty(&catalogue)?))?;
    println!("{CATALOGUE} lists the {part} of {id} on the page's own host: {} files", files.len());
    Ok(())
}

/// The checkpoint of a repository, in `target/weights`; a download that broke off goes on where it did.
fn downloaded(options: &Add) -> Result<PathBuf> {
    let Add { source, hub, .. } = options;
    if source.split('/').count() != 2 || source.contains("..") {
        bail!("{source} is neither a file nor a repository like timm/resnet18.tv_in1k");
    }
    let folder = project().join("target/weights");
    fs::create_dir_all(&folder)?;
    let file = folder.join(format!("{}.safetensors", source.replace('/', "+")));
    let part = file.with_extension("part");
    if !file.exists() {
        let mut curl = command("curl");
        curl.args(["--fail", "--location", "--continue-at", "-", "--output"]).arg(&part);
        run(curl.arg(format!("{hub}/{source}/resolve/main/model.safetensors"))).with_context(|| {
            format!("{source} was not downloaded; check its name, or download it yourself and name the file")
        })?;
        fs::rename(&part, &file)?;
    }
    Ok(file)
}

/// The network whose weights are in that repository.
fn id_of_repository(catalogue: &Value, repository: &str) -> Option<String> {
    let entries = catalogue["models"].as_array()?;
    let has = |entry: &&Value| {
        entry["places"]
            .as_array()
            .is_some_and(|places| places.iter().any(|place| place["repo"] == repository))
    };
    Some(entries.iter().find(has)?["id"].as_str()?.to_string())
}

/// Converts a checkpoint into the folder of its network; returns the network's id and the files.
fn converted(checkpoint: &Path, id: Option<&str>, part: &str) -> Result<(String, Vec<PathBuf>)> {
    let fresh = project().join("target/weights/converted");
    if fresh.exists() {
        fs::remove_dir_all(&fresh)?;
    }
    fs::create_dir_all(&fresh)?;
    let mut convert = command("cargo");
    convert.args(["run", "--quiet", "--bin", "headstart", "--", "convert"]).arg(checkpoint);
    convert.arg(fresh.join(format!("{part}.f16.safetensors"))).args([
        "--dtype",
        "f16",
        "--shards-under",
        LIMIT,
    ]);
    convert.args(id.map(|id| format!("--model={id}"))).args((part == "trunk").then_some("--trunk"));
    run(&mut convert)?;
    let written = files_of(&fresh)?;
    let first = written.first().context("headstart convert wrote nothing")?;
    let id = network_of(first)
        .with_context(|| format!("{} does not say which network it is for", first.display()))?;
    let folder = project().join("www/models").join(&id);
    fs::create_dir_all(&folder)?;
    for old in files_of(&folder)?.into_iter().filter(|file| named(file).starts_with(part)) {
        fs::remove_file(old)?;
    }
    let moved = written.iter().map(|file| {
        let target = folder.join(named(file));
        fs::rename(file, &target).map(|()| target)
    });
    Ok((id, moved.collect::<Result<_, _>>()?))
}

fn files_of(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.extension().is_some_and(|ending| ending == "safetensors") {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

/// The id in the header that `headstart convert` writes.
fn network_of(file: &Path) -> Option<String> {
    let bytes = fs::read(file).ok()?;
    let length = u64::from_le_bytes(*bytes.first_chunk()?) as usize;
    let header: Value = serde_json::from_slice(bytes.get(8..8 + length)?).ok()?;
    Some(header["__metadata__"]["headstart"].as_str()?.split(' ').next()?.to_string())
}

fn described(files: &[PathBuf]) -> Result<Vec<Value>> {
    let described = files.iter().map(|file| {
        let bytes = fs::read(file)?;
        let sha256: String = Sha256::digest(&bytes).iter().map(|byte| format!("{byte:02x}")).collect();
        let relative = file.strip_prefix(project().join("www"))?.to_string_lossy().replace('\\', "/");
        Ok(json!({ "file": relative, "bytes": bytes.len(), "sha256": sha256 }))
    });
    described.collect()
}

/// Lists a place first, after what comes with the page and in place of one of the same kind; returns the entry.
fn with_place<'a>(catalogue: &'a mut Value, id: &str, place: &Value) -> Result<&'a Value> {
    let entries = catalogue["models"].as_array_mut().context("the catalogue lists no models")?;
    let entry = entries.iter_mut().find(|entry| entry["id"] == id);
    let entry =
        entry.with_context(|| format!("{CATALOGUE} has no entry for {id}; add one like the others"))?;
    let places = entry["places"].as_array_mut().context("an entry has places")?;
    places.retain(|old| old["kind"] != place["kind"] || old["part"] != place["part"]);
    let at = places.iter().take_while(|old| old["kind"] == "bundled").count();
    places.insert(at, place.clone());
    Ok(entry)
}

fn notice(entry: &Value, source: &str, licence: &str, part: &str, files: &[PathBuf]) -> String {
    let text = |key: &str| entry[key].as_str().unwrap_or_default().to_string();
    let source = match Path::new(source) {
        file if file.exists() => named(file),
        _ => format!("[{source}](https://huggingface.co/{source})"),
    };
    let files: Vec<String> = files.iter().map(|file| format!("`{}`", named(file))).collect();
    format!(
        "# {}\n\nFiles: {}.\n\nLicence: {licence}. {}\n\nSource: {source}. Architecture: {}.\n\n\
         Changes: the {part} of the network; tensors renamed as torchvision names them, filters and matrices rounded to \
         16 bits, the container changed to safetensors. Nothing was trained further.\n",
        text("title"),
        files.join(", "),
        text("caveat"),
        text("paper"),
    )
}

fn named(file: &Path) -> String {
    file.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_replaces_its_like_and_comes_after_what_is_bundled() {
        let place = |kind: &str, part: &str, mark: u8| json!({ "kind": kind, "part": part, "mark": mark });
        let old =
            [place("bundled", "whole", 0), place("huggingface", "whole", 1), place("origin", "trunk", 2)];
        let mut catalogue = json!({ "models": [{ "id": "a", "places": old }] });
        let new = place("origin", "trunk", 3);
        let entry = with_place(&mut catalogue, "a", &new).expect("it is listed");
        assert_eq!(entry["places"], json!([old[0], new, old[1]]));
        assert!(with_place(&mut catalogue, "b", &new).is_err());
    }

    #[test]
    fn a_repository_is_found_by_its_name() {
        let places = json!([{ "kind": "huggingface", "repo": "timm/resnet18.tv_in1k" }]);
        let catalogue = json!({ "models": [{ "id": "resnet18", "places": places }] });
        assert_eq!(id_of_repository(&catalogue, "timm/resnet18.tv_in1k").as_deref(), Some("resnet18"));
        assert_eq!(id_of_repository(&catalogue, "timm/resnet34.tv_in1k"), None);
    }
}
