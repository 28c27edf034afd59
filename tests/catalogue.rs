//! `www/models/catalog.json`, which says where weights are, agrees with the networks and with what torchvision calls its
//! files.

use std::fs;
use std::path::{Path, PathBuf};

use headstart::graph::Graph;
use headstart::image::{Filter, Order};
use headstart::models::{self, CATALOGUE, ModelSpec};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

fn site() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("www")
}

fn entries() -> Vec<Value> {
    let text =
        fs::read_to_string(site().join("models/catalog.json")).expect("the catalogue lies in www/models");
    let catalogue: Value = serde_json::from_str(&text).expect("it is JSON");
    catalogue["models"].as_array().expect("it lists models").clone()
}

fn spec(entry: &Value) -> &'static ModelSpec {
    let id = entry["id"].as_str().expect("an entry has an id");
    models::find(id).unwrap_or_else(|| panic!("{id} is no network"))
}

/// Bytes of the values of a graph's parameters; those that are one-dimensional keep 32 bits.
fn bytes(graph: &Graph, each: usize) -> usize {
    let bytes = |dims: &[usize]| dims.iter().product::<usize>() * if dims.len() < 2 { 4 } else { each };
    graph.params.iter().map(|param| bytes(&param.dims)).sum()
}

/// What an entry says of a network, by the network itself.
fn derived(spec: &ModelSpec) -> Value {
    let (whole, trunk) = (spec.published(1).expect("whole"), spec.trunk(spec.shape(1)).expect("trunk"));
    let input = spec.input;
    let rounded = |values: [f32; 3]| values.map(|v| (f64::from(v) * 1000.0).round() / 1000.0);
    json!({
        "id": spec.id,
        "title": spec.title,
        "paper": spec.paper,
        "accuracy": spec.accuracy.map(|a| json!({
            "top1": (f64::from(a.top1) * 1000.0).round() / 1000.0,
            "source": a.source,
        })),
        "sizes": { "f32": bytes(&whole, 4), "f16": bytes(&whole, 2), "trunkF16": bytes(&trunk, 2) },
        "preprocessing": {
            "height": input.height,
            "width": input.width,
            "resizeShort": input.resize_short,
            "filter": match input.filter { Filter::Bilinear => "bilinear", Filter::Bicubic => "bicubic" },
            "order": match input.order { Order::Rgb => "rgb", Order::Bgr => "bgr" },
            "mean": rounded(input.mean),
            "std": rounded(input.std),
        },
    })
}

#[test]
fn every_entry_says_of_its_network_what_the_network_says() {
    for entry in entries() {
        let expected = derived(spec(&entry));
        for (key, expected) in expected.as_object().expect("an object") {
            assert_eq!(
                &entry[key],
                expected,
                "{}: {key}; the network's are {derived:#}",
                entry["id"],
                derived = derived(spec(&entry))
            );
        }
        for key in ["licence", "caveat"] {
            assert!(entry[key].as_str().is_some_and(|text| !text.is_empty()), "{}: {key}", entry["id"]);
        }
    }
}

#[test]
fn every_network_with_published_accuracy_has_weights_somewhere() {
    let listed: Vec<String> = entries().iter().map(|entry| spec(entry).id.to_string()).collect();
    let published = CATALOGUE.iter().filter(|spec| spec.accuracy.is_some()).map(|spec| spec.id);
    let missing: Vec<&str> = published.filter(|id| !listed.iter().any(|listed| listed == id)).collect();
    assert!(missing.is_empty(), "www/models/catalog.json lacks {missing:?}");
    assert!(
        entries().iter().all(|entry| entry["places"].as_array().is_some_and(|places| !places.is_empty()))
    );
}

#[test]
fn every_place_is_one_that_the_page_understands() {
    for entry in entries() {
        let id = entry["id"].as_str().unwrap_or_default();
        for place in entry["places"].as_array().expect("places") {
            let text = |key: &str| place[key].as_str().unwrap_or_default();
            assert!(["whole", "trunk"].contains(&text("part")), "{id}: {place}");
            assert!(["safetensors", "pytorch", "onnx"].contains(&text("format")), "{id}: {place}");
            match text("kind") {
                "bundled" | "origin" => {
                    for file in place["files"].as_array().expect("files") {
                        assert_is_there(id, file);
                    }
                }
                "huggingface" => assert!(text("repo").starts_with("timm/"), "{id}: {place}"),
                "torchvision" => {
                    let url = text("url");
                    assert!(url.starts_with("https://download.pytorch.org/models/"), "{id}: {place}");
                    // The page reads the first digits of the hash from the name.
                    let digits = url.trim_end_matches(".pth").rsplit('-').next().unwrap_or_default();
                    assert!(digits.len() == 8 && digits.chars().all(|c| c.is_ascii_hexdigit()), "{url}");
                }
                "onnx-zoo" => {
                    assert!(text("url").starts_with("https://github.com/onnx/models/"), "{id}: {place}")
                }
                other => panic!("{id}: a place of kind {other:?}"),
            }
        }
    }
}

/// A file beside the page: its length and hash are as listed.
fn assert_is_there(id: &str, file: &Value) {
    let name = file["file"].as_str().expect("a file has a name");
    let content = fs::read(site().join(name)).unwrap_or_else(|error| panic!("{id}: {name}: {error}"));
    assert_eq!(file["bytes"].as_u64(), Some(content.len() as u64), "{id}: {name}");
    let digest: String = Sha256::digest(&content).iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(file["sha256"].as_str(), Some(digest.as_str()), "{id}: {name}");
}

#[test]
fn what_comes_with_the_page_is_listed_as_the_engine_knows_it() {
    let entries = entries();
    for spec in CATALOGUE {
        let Some(weights) = spec.weights else { continue };
        let entry = entries.iter().find(|entry| entry["id"] == spec.id);
        let place = &entry.unwrap_or_else(|| panic!("{} is not listed", spec.id))["places"][0];
        assert_eq!(place["kind"], "bundled", "{}", spec.id);
        let file = &place["files"][0];
        let listed = (file["file"].as_str(), file["bytes"].as_u64(), file["sha256"].as_str());
        let known = (Some(weights.file), Some(weights.bytes), Some(weights.sha256));
        assert_eq!(listed, known, "{}", spec.id);
    }
}
