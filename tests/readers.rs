//! Every reader against files that PyTorch, ONNX and safetensors wrote themselves (`weights/make_files.py`), and
//! against what was done to some of them.

use std::fs;
use std::path::{Path, PathBuf};

use headstart::weights::{Checkpoint, Format, Storage, WeightsError};
use pollster::block_on;

/// The tensors of every file, with their dimensions.
const SHAPES: [(&str, &[usize]); 5] = [
    ("bn.bias", &[4]),
    ("bn.weight", &[4]),
    ("conv.weight", &[4, 3, 3, 3]),
    ("fc.bias", &[5]),
    ("fc.weight", &[5, 8]),
];

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/weights")
}

fn bytes(name: &str) -> Vec<u8> {
    fs::read(folder().join(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

fn open(name: &str) -> Result<Checkpoint, WeightsError> {
    Checkpoint::read(bytes(name))
}

fn opened(name: &str) -> Checkpoint {
    open(name).unwrap_or_else(|error| panic!("{name}: {error}"))
}

fn refusal(name: &str) -> String {
    open(name).expect_err(name).to_string()
}

/// What the script says that a tensor holds.
fn expected(name: &str, dims: &[usize]) -> Vec<f32> {
    let count: usize = dims.iter().product();
    (0..count).map(|i| (((37 * i + name.len()) % 101) as f32 - 50.0) / 8.0).collect()
}

#[track_caller]
fn assert_values(file: &str, checkpoint: &Checkpoint, prefix: &str) {
    for (name, dims) in SHAPES {
        let stored = format!("{prefix}{name}");
        assert_eq!(checkpoint.dims(&stored), Some(dims), "{file}: {stored}");
        let values = block_on(checkpoint.values(&stored)).unwrap_or_else(|error| panic!("{file}: {error}"));
        assert_eq!(values, Some(expected(name, dims)), "{file}: {stored}");
    }
}

#[test]
fn every_form_and_type_reads_as_the_values_that_were_written() {
    let files = [
        ("zip.pth", Format::Zip),
        ("half.pth", Format::Zip),
        ("bfloat16.pth", Format::Zip),
        ("parameters.pth", Format::Zip),
        ("strided.pth", Format::Zip),
        ("legacy.pth", Format::Legacy),
        ("raw.onnx", Format::Onnx),
        ("floats.onnx", Format::Onnx),
        ("half.onnx", Format::Onnx),
        ("bfloat16.onnx", Format::Onnx),
        ("export.onnx", Format::Onnx),
        ("f32.safetensors", Format::Safetensors),
        ("f16.safetensors", Format::Safetensors),
        ("bf16.safetensors", Format::Safetensors),
    ];
    for (name, format) in files {
        assert_eq!(block_on(Format::of(&Storage::memory(bytes(name)))), Ok(format), "{name}");
        assert_values(name, &opened(name), "");
    }
}

#[test]
fn the_tensors_of_a_training_run_are_found_in_it() {
    assert_values("wrapped.pth", &opened("wrapped.pth"), "module.");
    assert_values("wrapped_legacy.pth", &opened("wrapped_legacy.pth"), "module.");
}

#[test]
fn a_counter_is_listed_and_has_no_values() {
    for name in ["zip.pth", "legacy.pth", "f32.safetensors"] {
        let checkpoint = opened(name);
        assert_eq!(checkpoint.dims("bn.num_batches_tracked"), Some(&[][..]), "{name}");
        assert_eq!(block_on(checkpoint.values("bn.num_batches_tracked")), Ok(None), "{name}");
    }
    assert_eq!(opened("double.pth").kind("fc.weight").as_deref(), Some("float64"));
}

#[test]
fn an_onnx_shape_is_no_tensor_of_the_network() {
    // One more initialiser, as Caffe2 exports it for a Reshape; messages that follow each other are one.
    let name = b"OC2_DUMMY_1";
    let mut tensor = vec![0x08, 2, 0x10, 7, 0x42, name.len() as u8];
    tensor.extend(name);
    tensor.extend([0x4a, 16]);
    tensor.extend([1_i64, -1].iter().flat_map(|number| number.to_le_bytes()));
    let graph = [&[0x2a, tensor.len() as u8], &tensor[..]].concat();
    let file = [&bytes("raw.onnx")[..], &[0x3a, graph.len() as u8], &graph].concat();
    let checkpoint = Checkpoint::read(file).expect("an ONNX file");
    assert_values("with a shape", &checkpoint, "");
    assert_eq!(checkpoint.names().count(), opened("raw.onnx").names().count());
}

#[test]
fn several_files_are_one_checkpoint_with_or_without_their_index() {
    let file = |name: &str| Storage::memory(bytes(name));
    let [first, second, index] = [
        "model-00001-of-00002.safetensors",
        "model-00002-of-00002.safetensors",
        "model.safetensors.index.json",
    ]
    .map(file);
    let both = block_on(Checkpoint::open_all(vec![second.clone(), first.clone()])).expect("two parts");
    assert_values("two parts", &both, "");
    let all = vec![index.clone(), first.clone(), second];
    assert_values("with index", &block_on(Checkpoint::open_all(all)).expect("two parts"), "");
    let sentence = |files| block_on(Checkpoint::open_all(files)).expect_err("a part is missing").to_string();
    let found = sentence(vec![first.clone(), index.clone()]);
    let expected = "bn.num_batches_tracked is in none of the files chosen, but in model-00002-of-00002.safetensors; \
        choose that file as well";
    assert_eq!(found, expected);
    assert_eq!(
        sentence(vec![first.clone(), first]),
        "bn.bias is in two of the weights files; choose the files of one network"
    );
    let alone = block_on(Checkpoint::open(index)).expect_err("it has no tensors").to_string();
    assert_eq!(
        alone,
        "this is the index of a checkpoint in several files; choose those files together with it"
    );
}

#[test]
fn a_pickle_that_calls_something_is_refused_by_its_name_and_calls_nothing() {
    for name in ["os_system.pth", "os_system_legacy.pth"] {
        let found = refusal(name);
        let start = "this file asks to run posix.system when it is opened";
        assert!(found.starts_with(start), "{name}: {found}");
    }
    let found = refusal("whole_model.pth");
    assert!(found.contains("torch.nn.modules.linear.Linear"), "{found}");
}

#[test]
fn what_cannot_be_read_says_why() {
    let cases = [
        ("big_endian.pth", "the weights file was written on a big-endian machine; save it again on another"),
        (
            "compressed.pth",
            "zip/byteorder is compressed within the weights file, which PyTorch never does; save the checkpoint with it again",
        ),
        (
            "bomb.pth",
            "bomb/data.pkl is compressed within the weights file, which PyTorch never does; save the checkpoint with it again",
        ),
        (
            "expanded.pth",
            "the weights file has a damaged header (fc.weight is described in a way that makes no tensor); download it again",
        ),
        (
            "no_tensors.pth",
            "this is a Python object that is no dictionary of tensors, not the weights of a network; save a network's \
             state_dict and choose that file",
        ),
        (
            "os_system.pkl",
            "this is a Python pickle that PyTorch did not write, not the weights of a network; save a network's \
             state_dict and choose that file",
        ),
        (
            "external.onnx",
            "conv.weight lies in another file, beside the ONNX file; save the model as a single file",
        ),
    ];
    for (name, expected) in cases {
        assert_eq!(refusal(name), expected, "{name}");
    }
}
