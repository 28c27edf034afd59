//! Weights written again are the weights that were read, as exactly as their new type allows.

use std::fs;
use std::path::{Path, PathBuf};

use headstart::graph::Graph;
use headstart::models;
use headstart::weights::convert::{Precision, convert};
use headstart::weights::{Checkpoint, Parameters, Storage};
use pollster::block_on;

fn bundled() -> Checkpoint {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("www/models/efficientnet_lite0.f16.safetensors");
    Checkpoint::read(fs::read(path).expect("it comes with the page")).expect("and can be read")
}

fn graph() -> Graph {
    models::find("efficientnet_lite0").expect("in the catalogue").published(1).expect("the published one")
}

/// The bundled weights in files of another type.
fn converted(name: &str, precision: Precision, limit: u64) -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    fs::create_dir_all(&folder).expect("a folder for tests");
    let graph = graph();
    let parameters = Parameters::from_checkpoint(bundled(), &graph, false, 0).expect("they fit");
    let file = folder.join("model.safetensors");
    block_on(convert(&parameters, &graph, precision, "efficientnet_lite0 whole", &file, limit))
        .expect("there is room")
}

fn read(files: &[PathBuf]) -> Checkpoint {
    let storages = files.iter().map(|file| Storage::memory(fs::read(file).expect("it was just written")));
    block_on(Checkpoint::open_all(storages.collect())).expect("it can be read")
}

/// Largest difference of a tensor's values from the bundled ones, over the largest magnitude of their row.
fn error(checkpoint: &Checkpoint, name: &str, rows: usize) -> f32 {
    let values = |checkpoint: &Checkpoint| block_on(checkpoint.values(name)).unwrap().unwrap();
    let (before, after) = (values(&bundled()), values(checkpoint));
    let row = before.len() / rows;
    let errors = before.chunks(row).zip(after.chunks(row)).map(|(before, after)| {
        let largest = before.iter().fold(f32::MIN_POSITIVE, |a, b| a.max(b.abs()));
        before.iter().zip(after).fold(0.0f32, |worst, (a, b)| worst.max((a - b).abs())) / largest
    });
    errors.fold(0.0, f32::max)
}

#[test]
fn every_type_keeps_the_values_as_exactly_as_it_can() {
    let cases = [
        (Precision::F32, "f32", 0.0, 18_800_000),
        (Precision::F16, "f16", 0.0, 9_581_000),
        (Precision::Bf16, "bf16", 1.0 / 256.0, 9_581_000),
        // Half a step of 1/127, and a little for the scale's own rounding.
        (Precision::Int8, "int8", 0.501 / 127.0, 5_200_000),
    ];
    for (precision, name, tolerance, largest) in cases {
        let files = converted(name, precision, u64::MAX);
        let bytes = fs::metadata(&files[0]).expect("one file").len();
        println!("{name}: {bytes} bytes");
        assert!(bytes < largest && bytes > largest * 9 / 10, "{name}: {bytes} bytes");
        let checkpoint = read(&files);
        assert!(Parameters::from_checkpoint(checkpoint.clone(), &graph(), false, 0).is_ok(), "{name}");
        for param in &graph().params {
            let rounded = param.dims.len() > 1;
            let found = error(&checkpoint, &param.name, if rounded { param.dims[0] } else { 1 });
            assert!(found <= if rounded { tolerance } else { 0.0 }, "{name}: {}: {found}", param.name);
        }
    }
}

#[test]
fn files_of_limited_size_are_together_the_whole() {
    let limit = 3_000_000;
    let files = converted("shards", Precision::F16, limit);
    let names: Vec<_> = files.iter().map(|file| file.file_name().unwrap().to_string_lossy()).collect();
    assert_eq!(
        names.first().map(|name| name.as_ref()),
        Some("model-00001-of-00004.safetensors"),
        "{names:?}"
    );
    for file in &files {
        let bytes = fs::metadata(file).expect("just written").len();
        assert!(bytes < limit, "{}: {bytes}", file.display());
    }
    let checkpoint = read(&files);
    assert!(graph().params.iter().all(|param| error(&checkpoint, &param.name, 1) == 0.0));
}

#[test]
fn a_tensor_longer_than_a_file_may_be_is_spread_over_files_by_its_rows() {
    let limit = 300_000;
    for (name, precision, tolerance) in
        [("rows16", Precision::F16, 0.0), ("rows8", Precision::Int8, 0.501 / 127.0)]
    {
        let files = converted(name, precision, limit);
        for file in &files {
            let bytes = fs::metadata(file).expect("just written").len();
            assert!(bytes <= limit, "{}: {bytes}", file.display());
        }
        let checkpoint = read(&files);
        for param in &graph().params {
            let rounded = param.dims.len() > 1;
            let found = error(&checkpoint, &param.name, if rounded { param.dims[0] } else { 1 });
            assert!(found <= if rounded { tolerance } else { 0.0 }, "{name}: {}: {found}", param.name);
        }
    }
}

#[test]
fn the_same_weights_give_the_same_bytes() {
    let [first, second] = ["first", "second"]
        .map(|name| fs::read(&converted(name, Precision::Int8, u64::MAX)[0]).expect("just written"));
    assert!(first == second);
}
