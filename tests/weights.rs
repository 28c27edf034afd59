//! Weights that cannot be used are told apart, each in one sentence, whatever the bytes.

use std::cell::Cell;
use std::ops::Range;
use std::path::Path;
use std::rc::Rc;

use headstart::graph::Graph;
use headstart::models;
use headstart::shape::Shape;
use headstart::tensor::Tensor;
use headstart::weights::{Checkpoint, Mismatch, Parameters, Storage, WeightsError};
use pollster::block_on;
use proptest::prelude::*;
use safetensors::tensor::{Dtype, TensorView, serialize};

/// The file that comes with the page, and its SHA-256 as the catalogue has it.
fn bundled() -> (Vec<u8>, &'static str) {
    let file = models::find("efficientnet_lite0").and_then(|spec| spec.weights).expect("Lite0 has weights");
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("www").join(file.file);
    let bytes = std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    assert_eq!(bytes.len() as u64, file.bytes);
    (bytes, file.sha256)
}

fn lite0(classes: usize) -> Graph {
    let spec = models::find("efficientnet_lite0").expect("Lite0 is in the catalogue");
    spec.graph(Shape::new(1, 3, 224, 224), classes).expect("the published geometry")
}

/// A file of 32-bit tensors, each value its index.
fn file(tensors: &[(&str, Vec<usize>)]) -> Vec<u8> {
    let bytes: Vec<Vec<u8>> = tensors
        .iter()
        .map(|(_, dims)| (0..dims.iter().product()).flat_map(|i: usize| (i as f32).to_le_bytes()).collect())
        .collect();
    let views = tensors.iter().zip(&bytes).map(|((name, dims), bytes)| {
        (
            *name,
            TensorView::new(Dtype::F32, dims.clone(), bytes).expect("as many bytes as the dimensions say"),
        )
    });
    serialize(views, None).expect("tensors can be written")
}

/// [`headstart::weights::verify`] of bytes at hand.
fn verify(bytes: &[u8], sha256: &str) -> Result<(), WeightsError> {
    block_on(headstart::weights::verify(&Storage::memory(bytes.to_vec()), sha256, |_| {}))
}

fn sentence<T: std::fmt::Debug>(result: Result<T, WeightsError>) -> String {
    result.expect_err("these weights cannot be used").to_string()
}

#[test]
fn the_bundled_weights_are_the_ones_the_catalogue_means() {
    let (bytes, sha256) = bundled();
    assert_eq!(verify(&bytes, sha256), Ok(()));
    let graph = lite0(1000);
    let checkpoint = Checkpoint::read(bytes).expect("the bundled file can be read");
    let parameters = Parameters::from_checkpoint(checkpoint, &graph, false, 0).expect("and fits");
    assert!(parameters.pretrained());
    let values = block_on(parameters.of(&graph)).unwrap();
    assert!(values.iter().all(|tensor| tensor.data.iter().all(|value| value.is_finite())));
}

#[test]
fn a_truncated_file_says_how_much_is_missing() {
    let (mut bytes, sha256) = bundled();
    bytes.truncate(4_000_000);
    let expected = "the weights file is incomplete: expected 9580672 bytes, got 4000000; download it again";
    assert_eq!(sentence(verify(&bytes, sha256)), expected);
    assert_eq!(sentence(Checkpoint::read(bytes.clone())), expected);
    bytes.truncate(1000);
    let expected =
        "the weights file is incomplete: it ends after 1000 bytes, within its header; download it again";
    assert_eq!(sentence(verify(&bytes, sha256)), expected);
    assert_eq!(sentence(Checkpoint::read(bytes)), expected);
    assert_eq!(sentence(verify(&[], sha256)), "the weights file is empty; download it again");
}

#[test]
fn an_altered_byte_is_noticed() {
    let (mut bytes, sha256) = bundled();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    let found = sentence(verify(&bytes, sha256));
    assert!(found.starts_with("the weights file was altered: its SHA-256 begins with "), "{found}");
    assert!(found.ends_with(&format!(", expected {}; download it again", &sha256[..8])), "{found}");
}

#[test]
fn a_web_page_or_another_format_is_not_taken_for_weights() {
    let page = b"<!DOCTYPE html>\n<html><title>404</title></html>".to_vec();
    let expected = "got a web page instead of weights (it begins with \"<!DOCTYPE html>\"); \
                    check the address of the weights file";
    assert_eq!(sentence(verify(&page, "00")), expected);
    assert_eq!(sentence(Checkpoint::read(page)), expected);
    let zip = b"PK\x03\x04 and so on".to_vec();
    let expected =
        "the weights file is incomplete: it ends after 14 bytes, without its directory; download it again";
    assert_eq!(sentence(Checkpoint::read(zip)), expected);
    let text = b"some other file".to_vec();
    let expected = "this is not a file of weights (it begins with \"some other file\"); choose a safetensors file, \
                    a PyTorch checkpoint or an ONNX file";
    assert_eq!(sentence(Checkpoint::read(text)), expected);
}

#[test]
fn weights_of_another_network_are_reported_completely() {
    let graph = models::find("resnet18").expect("in the catalogue").published(1).expect("the published one");
    let checkpoint = Checkpoint::read(bundled().0).expect("the bundled file can be read");
    let error = Parameters::from_checkpoint(checkpoint, &graph, false, 0).expect_err("another network");
    let expected = "these weights are for another network: \
        102 tensors are missing (bn1.bias, bn1.running_mean, bn1.running_var and 99 more); \
        247 tensors are unexpected (blocks.0.dw.bn.bias, blocks.0.dw.bn.running_mean, blocks.0.dw.bn.running_var \
        and 244 more); they fit EfficientNet-Lite0: choose that network, or the weights file of this one";
    assert_eq!(error.to_string(), expected);
    let WeightsError::Mismatch(mismatch) = error else { panic!("{error:?}") };
    assert_eq!((mismatch.missing.len(), mismatch.unexpected.len(), mismatch.misshapen.len()), (102, 247, 0));
    let list = format!("{mismatch:#}");
    let absent = |name: &&String| !list.contains(&format!("\n    {name}\n"));
    assert_eq!(mismatch.missing.iter().chain(&mismatch.unexpected).find(absent), None, "in {list}");
}

#[test]
fn every_kind_of_mismatch_is_in_one_report_and_counters_in_none() {
    let graph = models::find("lenet5").expect("in the catalogue").published(1).expect("the published one");
    let mut tensors: Vec<(&str, Vec<usize>)> =
        graph.params.iter().map(|param| (param.name.as_str(), param.dims.clone())).collect();
    tensors.retain(|(name, _)| *name != "conv1.bias");
    tensors.push(("conv4.weight", vec![2]));
    tensors.push(("bn1.num_batches_tracked", vec![]));
    let fc1 = tensors.iter_mut().find(|(name, _)| *name == "fc1.weight").expect("LeNet-5 has fc1");
    fc1.1 = vec![120, 84];
    let checkpoint = Checkpoint::read(file(&tensors)).expect("a file just written");
    let error = Parameters::from_checkpoint(checkpoint, &graph, false, 0).expect_err("three differences");
    let expected = "these weights are for another network: 1 tensor is missing (conv1.bias); \
        1 tensor is unexpected (conv4.weight); 1 tensor is of another shape \
        (fc1.weight: expects [84, 120], got [120, 84]); choose the weights file of this network";
    assert_eq!(error.to_string(), expected);
}

#[test]
fn other_classes_start_with_a_fresh_classifier_and_keep_the_rest() {
    let checkpoint = Checkpoint::read(bundled().0).expect("the bundled file can be read");
    let graph = lite0(3);
    let refused = Parameters::from_checkpoint(checkpoint.clone(), &graph, false, 1);
    let Err(WeightsError::Mismatch(mismatch)) = refused else { panic!("{refused:?}") };
    let names: Vec<_> = mismatch.misshapen.iter().map(|tensor| tensor.name.as_str()).collect();
    assert_eq!(
        (*mismatch.clone(), names),
        (
            Mismatch { misshapen: mismatch.misshapen.clone(), ..Mismatch::default() },
            vec!["classifier.bias", "classifier.weight"]
        )
    );
    let of = |seed| {
        let parameters = Parameters::from_checkpoint(checkpoint.clone(), &graph, true, seed);
        block_on(parameters.expect("other classes").of(&graph)).unwrap()
    };
    let (mixed, fresh) = (of(1), block_on(Parameters::initialised(1).of(&graph)).unwrap());
    for (i, param) in graph.params.iter().enumerate() {
        let is_fresh = mixed[i] == fresh[i];
        let constant = fresh[i].data.iter().all(|value| *value == fresh[i].data[0]);
        assert!(constant || is_fresh == param.name.starts_with("classifier"), "{}", param.name);
    }
    assert_ne!(mixed.last(), of(2).last(), "the seed decides the fresh classifier");
}

#[test]
fn half_precision_is_read_in_both_of_its_forms() {
    let f16: Vec<u8> = [0x3c00u16, 0xc000, 0x0001].iter().flat_map(|v| v.to_le_bytes()).collect();
    let bf16: Vec<u8> = [0x3f80u16, 0xc000, 0x4000].iter().flat_map(|v| v.to_le_bytes()).collect();
    let view = |dtype, bytes| TensorView::new(dtype, vec![3], bytes).expect("three values");
    let tensors = [
        ("half", view(Dtype::F16, &f16)),
        ("brain", view(Dtype::BF16, &bf16)),
        ("count", view(Dtype::I16, &f16)),
    ];
    let checkpoint =
        Checkpoint::read(serialize(tensors, None).expect("can be written")).expect("can be read");
    let values = |name| block_on(checkpoint.values(name));
    assert_eq!(values("half"), Ok(Some(vec![1.0, -2.0, 2f32.powi(-24)])));
    assert_eq!(values("brain"), Ok(Some(vec![1.0, -2.0, 2.0])));
    assert_eq!(values("count"), Ok(None));
}

#[test]
fn only_the_header_and_the_values_asked_for_are_read() {
    let bytes = file(&[("a.weight", vec![512, 1024]), ("b.weight", vec![512, 1024])]);
    let read = Rc::new(Cell::new(0));
    let storage = Storage::elsewhere(bytes.len() as u64, {
        let read = Rc::clone(&read);
        move |range: Range<u64>| {
            read.set(read.get() + range.end - range.start);
            std::future::ready(Ok(bytes[range.start as usize..range.end as usize].to_vec()))
        }
    });
    let checkpoint = block_on(Checkpoint::open(storage)).expect("a file just written");
    let header = read.get();
    assert!(header < 1 << 19, "{header} bytes for the header");
    let values = block_on(checkpoint.values("b.weight")).unwrap().expect("b.weight is in the file");
    assert_eq!(values[777], 777.0);
    assert_eq!(read.get() - header, 4 * 512 * 1024);
    let rows = block_on(checkpoint.rows("a.weight", 100..200)).unwrap().expect("a.weight is in the file");
    assert_eq!((rows.len(), rows[5]), (100 * 1024, 100.0 * 1024.0 + 5.0));
    assert_eq!(read.get() - header, 4 * (512 + 100) * 1024);
}

#[test]
fn several_files_are_read_as_one_unless_they_contradict_each_other() {
    let part = |tensors| Storage::memory(file(tensors));
    let [a, b] = [part(&[("a", vec![2])]), part(&[("b", vec![3])])];
    let whole = block_on(Checkpoint::open_all(vec![a.clone(), b])).expect("two halves");
    let names: Vec<_> = whole.names().collect();
    assert_eq!(names, [("a", &[2][..]), ("b", &[3][..])]);
    let error = sentence(block_on(Checkpoint::open_all(vec![a.clone(), a])));
    assert_eq!(error, "a is in two of the weights files; choose the files of one network");
}

#[test]
fn a_folded_convolution_computes_what_convolution_and_norm_did() {
    let spec = models::find("resnet18").expect("in the catalogue");
    let graph = spec.graph(Shape::new(1, 3, 32, 32), 4).expect("32 pixels are enough");
    let names: Vec<(&str, Vec<usize>)> =
        graph.params.iter().map(|p| (p.name.as_str(), p.dims.clone())).collect();
    let mut bytes = file(&names);
    // Values of 0.1 to 1.1 for everything, variances included.
    let start =
        bytes.len() - 4 * graph.params.iter().map(|p| p.dims.iter().product::<usize>()).sum::<usize>();
    for (i, value) in bytes[start..].chunks_exact_mut(4).enumerate() {
        value.copy_from_slice(&(0.1 + (i * 7919 % 1000) as f32 / 1000.0).to_le_bytes());
    }
    let checkpoint = Checkpoint::read(bytes).expect("a file just written");
    let parameters = Parameters::from_checkpoint(checkpoint, &graph, false, 0).expect("and fits");
    let bn1 = graph.find("bn1").expect("ResNet has bn1");
    let plan = headstart::plan::Plan::new(&graph, &[bn1]);
    let x = Tensor::new(graph.input_shape(), (0..3072).map(|i| (i % 17) as f32 / 8.0 - 1.0).collect());
    let whole = &graph.interpret(&x, &block_on(parameters.of(&graph)).unwrap())[bn1.0];
    let folded = plan.graph.interpret(&x, &block_on(parameters.of(&plan.graph)).unwrap());
    let folded = &folded[plan.outputs[0].0.0];
    let magnitude = whole.data.iter().fold(0.0f32, |a, b| a.max(b.abs()));
    let error = whole.data.iter().zip(&folded.data).fold(0.0f32, |a, (x, y)| a.max((x - y).abs()));
    assert!(error / magnitude < 1e-5, "{error} of {magnitude}");
}

proptest! {
    #[test]
    fn no_bytes_make_the_reader_panic(edits in prop::collection::vec((0usize..400, any::<u8>()), 1..6), cut in prop_oneof![0usize..200, Just(usize::MAX)]) {
        let mut bytes = file(&[("a.weight", vec![2, 3]), ("a.bias", vec![2])]);
        for (at, value) in edits {
            let at = at % bytes.len();
            bytes[at] = value;
        }
        bytes.truncate(cut);
        if let Err(error) = Checkpoint::read(bytes) {
            let text = error.to_string();
            prop_assert!(!text.contains('\n'), "{text}");
        }
    }

    #[test]
    fn no_header_makes_the_reader_allocate_what_it_promises(end in any::<u64>(), dims in prop::collection::vec(any::<u64>(), 0..5)) {
        let header = format!(r#"{{"a":{{"dtype":"F32","shape":{dims:?},"data_offsets":[0,{end}]}}}}"#);
        let mut bytes = (header.len() as u64).to_le_bytes().to_vec();
        bytes.extend(header.bytes());
        bytes.extend([0; 24]);
        if let Ok(checkpoint) = Checkpoint::read(bytes) {
            prop_assert_eq!(block_on(checkpoint.values("a")).unwrap().map(|values| values.len()), Some(6));
        }
    }
}
