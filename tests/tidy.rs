//! The rules of the house that a compiler does not know. Each test names the files that break its rule.

use std::fs;
use std::path::{Path, PathBuf};

/// What people read and write here; what is generated, vendored or data is not in these folders or has another ending.
const FOLDERS: [&str; 10] =
    ["src", "kernels", "fuzz", "shaders", "tests", "xtask/src", "bench", "www/js", "www/css", "www/lessons"];
const ENDINGS: [&str; 9] = ["rs", "wgsl", "js", "mjs", "ts", "css", "html", "md", "py"];

/// A file by its path relative to the project, with forward slashes, and its text.
struct Source {
    path: String,
    text: String,
}

fn project() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The sources below these folders or files, in alphabetical order.
fn sources(places: &[&str]) -> Vec<Source> {
    let mut pending: Vec<PathBuf> = places.iter().map(|place| project().join(place)).collect();
    let mut found = Vec::new();
    while let Some(path) = pending.pop() {
        if path.is_dir() {
            pending
                .extend(fs::read_dir(&path).expect("a readable folder").map(|entry| entry.unwrap().path()));
        } else if path.extension().is_some_and(|ending| ENDINGS.iter().any(|known| ending == *known)) {
            let text = fs::read_to_string(&path).expect("a source is UTF-8");
            let path =
                path.strip_prefix(project()).expect("below the project").to_string_lossy().replace('\\', "/");
            found.push(Source { path, text });
        }
    }
    found.sort_by(|a, b| a.path.cmp(&b.path));
    found
}

/// `path:line: text` of every line that breaks a rule.
fn lines_where(sources: &[Source], breaks: impl Fn(&str) -> bool) -> Vec<String> {
    let lines = sources.iter().flat_map(|source| {
        source.text.lines().enumerate().map(move |(number, line)| (source, number + 1, line))
    });
    lines
        .filter(|(_, _, line)| breaks(line))
        .map(|(source, number, line)| format!("{}:{number}: {}", source.path, line.trim()))
        .collect()
}

/// Whether `line` contains `word` between characters that belong to no name.
fn names(line: &str, word: &str) -> bool {
    let is_part_of_a_name = |c: char| c.is_alphanumeric() || c == '_';
    line.match_indices(word).any(|(at, _)| {
        !line[..at].ends_with(is_part_of_a_name) && !line[at + word.len()..].starts_with(is_part_of_a_name)
    })
}

fn assert_none(broken: Vec<String>, rule: &str) {
    assert!(broken.is_empty(), "{rule}:\n{}", broken.join("\n"));
}

#[test]
fn the_core_never_mentions_wgpu() {
    let core = [
        "kernels",
        "src/tensor.rs",
        "src/graph.rs",
        "src/net.rs",
        "src/ops",
        "src/models",
        "src/analysis.rs",
        "src/gradient.rs",
        "src/plan",
    ];
    let missing: Vec<&str> = core.into_iter().filter(|place| !project().join(place).exists()).collect();
    assert!(missing.is_empty(), "the core has moved: {missing:?}");
    let sources = sources(&core);
    assert_none(
        lines_where(&sources, |line| line.contains("wgpu")),
        "the core is pure data and knows no device",
    );
}

#[test]
fn the_gpu_executor_never_names_an_op() {
    let ops = op_names();
    let breaks = |line: &str| names(line, "Op") || ops.iter().any(|op| names(line, op));
    assert_none(lines_where(&sources(&["src/exec/gpu"]), breaks), "exec/gpu runs kernels and knows no layer");
}

/// The variants of `enum Op`, without those that are words of everybody's.
fn op_names() -> Vec<String> {
    let text = fs::read_to_string(project().join("src/ops/mod.rs")).expect("src/ops/mod.rs lists the ops");
    let list =
        text.split("pub enum Op {").nth(1).and_then(|rest| rest.split('}').next()).expect("an enum named Op");
    let variants = list.lines().filter_map(|line| line.trim().split('(').next()).map(String::from);
    let names: Vec<String> = variants.filter(|name| !["", "Input", "Add"].contains(&name.as_str())).collect();
    assert!(names.iter().any(|name| name == "Conv2d"), "no ops found in {names:?}");
    names
}

#[test]
fn every_op_has_cases() {
    let list = fs::read_to_string(project().join("src/ops/mod.rs")).expect("src/ops/mod.rs lists the ops");
    let without = sources(&["src/ops"]).into_iter().filter(|source| {
        let named = source.text.lines().find_map(|line| line.strip_prefix("impl Operator for "));
        // The picture itself computes nothing.
        named.map(|rest| rest.trim_end_matches([' ', '{'])).is_some_and(|name| {
            name != "Input"
                && !(source.text.contains("fn cases()") && list.contains(&format!("{name}::cases()")))
        })
    });
    assert_none(
        without.map(|source| source.path).collect(),
        "an op lists the shapes on which backends must agree",
    );
}

#[test]
fn no_file_is_longer_than_400_lines() {
    let long = sources(&FOLDERS).into_iter().filter_map(|source| {
        let lines = source.text.lines().count();
        (lines > 400).then(|| format!("{}: {lines} lines", source.path))
    });
    assert_none(long.collect(), "a file holds one concept");
}

#[test]
fn every_source_says_first_what_it_is() {
    let silent = sources(&FOLDERS).into_iter().filter(|source| {
        let comments: &[&str] = match source.path.rsplit('.').next() {
            Some("rs") => &["//!"],
            Some("wgsl" | "js" | "mjs" | "ts") => &["//", "/*"],
            Some("css") => &["/*"],
            Some("py") => &["\"\"\"", "#"],
            _ => &[""],
        };
        !comments.iter().any(|comment| source.text.starts_with(comment))
    });
    assert_none(silent.map(|source| source.path).collect(), "a source begins with a comment on what it is");
}

#[test]
fn nothing_is_left_undone() {
    // Put together here, so that this file does not break its own rule.
    let marks = ["TO DO", "FIX ME", "X XX", "todo !(", "unimplemented !(", "#[ ignore"]
        .map(|mark| mark.replace(' ', ""));
    let breaks = |line: &str| marks.iter().any(|mark| line.contains(mark.as_str()));
    assert_none(lines_where(&sources(&FOLDERS), breaks), "what is not done is an issue, not a comment");
}

#[test]
fn no_path_of_one_machine_is_written_down() {
    let roots = ["home", "Users", "root", "tmp"].map(|folder| format!("/{folder}/"));
    let breaks = |line: &str| roots.iter().any(|root| line.contains(root.as_str()));
    let mut places = FOLDERS.to_vec();
    places.extend(["README.md", "ARCHITECTURE.md", "CHANGELOG.md", "www/index.html"]);
    let existing: Vec<&str> = places.into_iter().filter(|place| project().join(place).exists()).collect();
    assert_none(lines_where(&sources(&existing), breaks), "paths are relative, so that every clone works");
}

#[test]
fn the_licences_lie_beside_the_manifest() {
    for name in ["LICENSE-MIT", "LICENSE-APACHE"] {
        assert!(project().join(name).is_file(), "{name} is missing");
    }
    let weights = fs::read_dir(project().join("www/models")).expect("www/models holds the bundled weights");
    for file in weights.map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned()) {
        if let Some(name) = file.split('.').next().filter(|_| file.ends_with(".safetensors")) {
            let notice = format!("www/models/{name}.NOTICE.md");
            assert!(
                project().join(&notice).is_file(),
                "{file} needs its licence notice: {notice} is missing"
            );
        }
    }
}
