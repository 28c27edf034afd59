//! Weights with the names of timm, torchvision, Caffe and others end up in the parameters they are for. The names come
//! from those libraries themselves (`weights/make_names.py`), each file's in the order in which its layers compute, and
//! so do ours: the i-th tensor has to be the i-th parameter.

use std::ops::Range;

use headstart::models::{self, ModelSpec};
use headstart::net::Part;
use headstart::weights::{Checkpoint, Parameters, Storage, WeightsError};
use pollster::block_on;
use serde::Deserialize;
use serde_json::json;

#[derive(Deserialize)]
struct Names {
    file: String,
    model: String,
    tensors: Vec<(String, Vec<usize>)>,
}

/// Values above which a tensor is not compared: the largest have shapes of their own.
const LARGE: usize = 300_000;

fn all() -> Vec<Names> {
    let text = include_str!("weights/names.json");
    serde_json::from_str(text).expect("the script writes what this reads")
}

fn named(file: &str) -> Names {
    all().into_iter().find(|names| names.file == file).expect("a file of that name")
}

fn spec(id: &str) -> &'static ModelSpec {
    models::find(id).expect("in the catalogue")
}

/// A safetensors file in which every value of the i-th tensor is i, of which nothing but the header is in memory.
fn checkpoint(tensors: &[(String, Vec<usize>)]) -> Checkpoint {
    let (header, places) = layout(tensors);
    let end = places.last().map_or(0, |place| place.end);
    let mut file = (header.len() as u64).to_le_bytes().to_vec();
    file.extend(header);
    let length = (file.len() + end) as u64;
    let read = move |range: Range<u64>| {
        let before = file.len();
        let byte = |at: usize| match at.checked_sub(before) {
            None => file[at],
            Some(at) => {
                let tensor = places.partition_point(|place| place.end <= at);
                (tensor as f32).to_le_bytes()[(at - places[tensor].start) % 4]
            }
        };
        std::future::ready(Ok((range.start as usize..range.end as usize).map(byte).collect()))
    };
    block_on(Checkpoint::open(Storage::elsewhere(length, read))).unwrap_or_else(|error| panic!("{error}"))
}

/// The header of a file of 32-bit tensors, and where each lies after it.
fn layout(tensors: &[(String, Vec<usize>)]) -> (Vec<u8>, Vec<Range<usize>>) {
    let mut places: Vec<Range<usize>> = Vec::new();
    let mut header = serde_json::Map::new();
    for (name, dims) in tensors {
        let start = places.last().map_or(0, |place| place.end);
        let end = start + 4 * dims.iter().product::<usize>();
        header.insert(name.clone(), json!({ "dtype": "F32", "shape": dims, "data_offsets": [start, end] }));
        places.push(start..end);
    }
    (serde_json::to_vec(&header).expect("JSON"), places)
}

/// Whether every parameter of a part gets the tensor at its place in the file, counters and what is not read aside.
#[track_caller]
fn assert_in_order(what: &str, tensors: &[(String, Vec<usize>)], spec: &ModelSpec, part: Part) {
    let graph = spec.part(spec.shape(1), part).expect("the published geometry");
    let parameters = Parameters::from_checkpoint(checkpoint(tensors), &graph, false, 0);
    let parameters = parameters.unwrap_or_else(|error| panic!("{what}: {error:#}"));
    let read = |name: &str| !name.contains("num_batches_tracked") && !name.contains("aux");
    let places: Vec<usize> = (0..tensors.len()).filter(|&i| read(&tensors[i].0)).collect();
    for (param, place) in graph.params.iter().zip(places) {
        if param.dims.iter().product::<usize>() <= LARGE {
            let values = block_on(parameters.values(param)).expect("memory can be read").data;
            // Caffe's AlexNet is scaled.
            let scale =
                if what == "onnx/bvlcalexnet" && place < 5 { values[0] / place.max(1) as f32 } else { 1.0 };
            assert_eq!(values[0], scale * place as f32, "{what}: {} is not {}", param.name, tensors[place].0);
        }
    }
}

#[test]
fn the_names_of_every_library_lead_to_our_parameters() {
    for Names { file, model, tensors } in all() {
        let spec = spec(&model);
        assert_in_order(&file, &tensors, spec, Part::Whole { classes: spec.classes.count() });
        assert_in_order(&file, &tensors, spec, Part::Trunk);
    }
}

#[test]
fn what_wraps_a_network_is_taken_off_its_names() {
    let Names { tensors, .. } = named("timm/resnet18");
    for wrapper in ["module.", "model.", "state_dict.", "state_dict.module.", "_orig_mod."] {
        let wrapped: Vec<_> =
            tensors.iter().map(|(name, dims)| (format!("{wrapper}{name}"), dims.clone())).collect();
        assert_in_order(wrapper, &wrapped, spec("resnet18"), Part::Whole { classes: 1000 });
    }
}

#[test]
fn a_head_of_other_classes_is_known_and_kept_and_one_of_none_makes_a_trunk() {
    let Names { mut tensors, .. } = named("timm/vgg16_bn");
    for (name, dims) in &mut tensors {
        if name.starts_with("head.fc") {
            dims[0] = 7;
        }
    }
    let vgg = spec("vgg16_bn");
    assert_eq!(checkpoint(&tensors).classes(vgg), Some(7));
    assert_in_order("seven classes", &tensors, vgg, Part::Whole { classes: 7 });
    tensors.retain(|(name, _)| name.starts_with("features."));
    assert_eq!(checkpoint(&tensors).classes(vgg), None);
    assert_in_order("no classes", &tensors, vgg, Part::Trunk);
}

#[test]
fn weights_say_which_network_they_are_for() {
    for Names { file, model, tensors } in all() {
        let nearest = checkpoint(&tensors).nearest().unwrap_or_else(|| panic!("{file} is near to nothing"));
        assert_eq!((nearest.id, nearest.differences), (model.as_str(), 0), "{file}");
    }
    let Names { tensors, .. } = named("timm/resnet50");
    let other = spec("resnet34").published(1).expect("the published geometry");
    let refused =
        Parameters::from_checkpoint(checkpoint(&tensors), &other, false, 0).expect_err("another network");
    let sentence = refused.to_string();
    assert!(
        sentence.ends_with("they fit ResNet-50: choose that network, or the weights file of this one"),
        "{sentence}"
    );
    let WeightsError::Mismatch(mismatch) = refused else { panic!("{refused:?}") };
    assert_eq!(mismatch.nearest.map(|nearest| nearest.id), Some("resnet50"));
}
