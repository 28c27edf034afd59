//! The pretrained network recognises photos as it does in PyTorch. The photos may not be published, so these tests
//! say that they are skipped where the data folder is absent.

mod common;

use std::path::Path;

use common::golden::Golden;
use common::{backend, data};
use headstart::graph::Graph;
use headstart::image::preprocess;
use headstart::models;
use headstart::shape::Shape;
use headstart::tensor::Tensor;
use headstart::weights::convert::{Precision, convert};
use headstart::weights::{Checkpoint, Parameters};
use pollster::block_on;
use serde::Deserialize;

#[derive(Deserialize)]
struct Labels {
    /// Shares of the photos whose class is PyTorch's first choice, and among its first five.
    top1: f64,
    top5: f64,
    images: Vec<Label>,
}

#[derive(Deserialize)]
struct Label {
    file: String,
    class: usize,
}

#[test]
fn the_right_class_is_in_the_top_five_as_often_as_in_pytorch() {
    let Some(folder) = data::optional("imagenet-samples") else { return };
    let labels = std::fs::read_to_string(folder.join("labels.json")).expect("labels lie beside the photos");
    let labels: Labels = serde_json::from_str(&labels).expect("labels are as their README says");
    let (graph, exactly) = pretrained();
    let rounded = in_eight_bits(&graph, &exactly);
    for (weights, parameters) in [("as bundled", exactly), ("in eight bits", rounded)] {
        let (mut first, mut five) = (0, 0);
        for label in &labels.images {
            let logits = logits(&graph, &parameters, &folder.join(&label.file));
            let rank = logits.iter().filter(|&&logit| logit > logits[label.class]).count();
            first += usize::from(rank == 0);
            five += usize::from(rank < 5);
            if rank > 0 {
                println!("{}, {weights}: the right class is number {}", label.file, rank + 1);
            }
        }
        let count = labels.images.len();
        println!(
            "{weights}: of {count} photos, {first} have the right class first, {five} among the first five"
        );
        let as_often = |found: usize, share: f64| found as f64 >= share * count as f64;
        assert!(as_often(five, labels.top5), "{weights}, top 5: {five} of {count}, PyTorch {}", labels.top5);
        assert!(
            as_often(first, labels.top1),
            "{weights}, top 1: {first} of {count}, PyTorch {}",
            labels.top1
        );
    }
}

#[test]
fn every_logit_of_a_photo_is_pytorchs() {
    let golden = Golden::open("pretrained-efficientnet_lite0-224");
    let Some(photo) = data::optional("reference/goldfish-224.png") else { return };
    let (graph, parameters) = pretrained();
    let logits = logits(&graph, &parameters, &photo);
    let error =
        golden.logits.expect("the photo's logits").error(&Tensor::new(Shape::vector(1, 1000), logits));
    println!("pretrained EfficientNet-Lite0: logits differ by {error:.1e}");
    assert!(error <= 1e-3, "{error}");
}

fn pretrained() -> (Graph, Parameters) {
    let spec = models::find("efficientnet_lite0").expect("in the catalogue");
    let graph = spec.published(1).expect("the published geometry");
    let file = spec.weights.expect("Lite0 comes with weights").file;
    let bytes = std::fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("www").join(file));
    let checkpoint =
        Checkpoint::read(bytes.expect("weights lie in www")).expect("the bundled file can be read");
    let parameters = Parameters::from_checkpoint(checkpoint, &graph, false, 0).expect("and fits");
    (graph, parameters)
}

/// The same weights as `headstart convert --dtype int8` stores them.
fn in_eight_bits(graph: &Graph, parameters: &Parameters) -> Parameters {
    let file = Path::new(env!("CARGO_TARGET_TMPDIR")).join("pretrained.int8.safetensors");
    let note = "efficientnet_lite0 whole";
    block_on(convert(parameters, graph, Precision::Int8, note, &file, u64::MAX)).expect("there is room");
    let checkpoint = Checkpoint::read(std::fs::read(file).expect("just written")).expect("it can be read");
    Parameters::from_checkpoint(checkpoint, graph, false, 0).expect("it is the same network")
}

/// What the network says about the central 224 x 224 of a photo whose short side is at most 256.
fn logits(graph: &Graph, parameters: &Parameters, photo: &Path) -> Vec<f32> {
    let picture =
        image::open(photo).unwrap_or_else(|error| panic!("{}: {error}", photo.display())).to_rgba8();
    let (width, height) = (picture.width() as usize, picture.height() as usize);
    let mut input = models::find("efficientnet_lite0").expect("in the catalogue").input;
    input.resize_short = width.min(height);
    let x = preprocess(&picture, width, height, &input).expect("a photo");
    let logits = graph.taps.logits.expect("Lite0 has logits");
    backend::cpu(graph, &[logits], parameters, &Tensor::new(graph.input_shape(), x)).remove(0).data
}
