//! The networks are the published ones: with the same weights they give PyTorch's numbers, layer by layer.

mod common;

use std::sync::Mutex;

use common::backend::{self, Run};
use common::golden::Golden;
use common::hash::{fnv1a, hashed};
use headstart::analysis;
use headstart::graph::{Graph, NodeId};
use headstart::ops::case::normalised_error;

/// Largest difference from PyTorch over the largest magnitude. Its own f32 is within 3e-6 of its f64 here.
const TOLERANCE: f64 = 1e-3;

/// Every network of which the reference has all activations.
const FORWARD: [&str; 13] = [
    "forward-lenet5-32",
    "forward-alexnet-224",
    "forward-vgg11-224",
    "forward-vgg16-224",
    "forward-vgg16_bn-224",
    "forward-vgg19-224",
    "forward-googlenet-224",
    "forward-resnet18-224",
    "forward-resnet34-224",
    "forward-resnet50-224",
    "forward-resnet101-224",
    "forward-resnet152-224",
    "forward-efficientnet_lite0-224",
];

/// Small pictures: where VGG's and AlexNet's adaptive pooling makes more of the maps than there is.
const SMALL: [&str; 6] = [
    "train-lenet5-32",
    "train-alexnet-64",
    "train-vgg11-64",
    "train-resnet18-64-frozenbn",
    "train-googlenet-64-frozenbn",
    "train-efficientnet_lite0-64-frozenbn",
];

/// Half a gigabyte of weights each: one at a time.
static HUGE: Mutex<()> = Mutex::new(());

#[test]
fn hashed_tensors_have_the_same_bits_as_in_python() {
    for id in FORWARD {
        let golden = Golden::open(id);
        for (key, expected) in &golden.hash_check {
            if key == "fnv1a(\"input\")" {
                assert_eq!(expected.as_u64(), Some(u64::from(fnv1a(b"input"))));
                continue;
            }
            let name = key.trim_end_matches("[0:8]");
            let (mid, half) = if name == "input" {
                (golden.input.mid, golden.input.half)
            } else {
                let param =
                    golden.params.iter().find(|param| param.name == name).expect("a checked parameter");
                param.mid.zip(param.half).expect("hashed weights")
            };
            let expected: Vec<f32> = serde_json::from_value(expected.clone()).expect("eight numbers");
            assert_eq!(hashed(golden.case.seed, name, 8, mid, half), expected, "{id}: {key}");
        }
    }
}

#[test]
fn networks_have_the_published_names_counts_and_costs() {
    for id in FORWARD {
        let golden = Golden::open(id);
        let graph = golden.graph();
        let expected: Vec<_> = golden.params.iter().map(|p| (p.name.as_str(), p.dims.as_slice())).collect();
        let found: Vec<_> = graph.params.iter().map(|p| (p.name.as_str(), p.dims.as_slice())).collect();
        assert_eq!(found, expected, "{id}: names and dimensions, in PyTorch's order");
        let cost = analysis::total(&graph);
        assert_eq!(cost.parameters, golden.param_count, "{id}: parameters");
        let macs = cost.macs / golden.case.shape[0] as u64;
        assert_eq!(Some(macs), golden.macs_per_image, "{id}: multiply-accumulates");
    }
}

#[test]
fn lenet5_gives_pytorchs_numbers_by_definition() {
    every_value_is_pytorchs("forward-lenet5-32", "reference", backend::reference);
}

/// A test for each network, so that they run beside each other and a failure names its own.
macro_rules! on_the_cpu {
    ($($test:ident: $id:literal),* $(,)?) => {
        $(
            #[test]
            fn $test() {
                every_value_is_pytorchs($id, "cpu", backend::cpu);
            }
        )*
    };
}

on_the_cpu! {
    lenet5_gives_pytorchs_numbers_on_the_cpu: "forward-lenet5-32",
    alexnet_gives_pytorchs_numbers_on_the_cpu: "forward-alexnet-224",
    vgg11_gives_pytorchs_numbers_on_the_cpu: "forward-vgg11-224",
    vgg16_gives_pytorchs_numbers_on_the_cpu: "forward-vgg16-224",
    vgg16_bn_gives_pytorchs_numbers_on_the_cpu: "forward-vgg16_bn-224",
    vgg19_gives_pytorchs_numbers_on_the_cpu: "forward-vgg19-224",
    googlenet_gives_pytorchs_numbers_on_the_cpu: "forward-googlenet-224",
    resnet18_gives_pytorchs_numbers_on_the_cpu: "forward-resnet18-224",
    resnet34_gives_pytorchs_numbers_on_the_cpu: "forward-resnet34-224",
    resnet50_gives_pytorchs_numbers_on_the_cpu: "forward-resnet50-224",
    resnet101_gives_pytorchs_numbers_on_the_cpu: "forward-resnet101-224",
    resnet152_gives_pytorchs_numbers_on_the_cpu: "forward-resnet152-224",
    efficientnet_lite0_gives_pytorchs_numbers_on_the_cpu: "forward-efficientnet_lite0-224",
}

#[test]
fn small_pictures_give_pytorchs_logits_on_the_cpu() {
    SMALL.into_iter().for_each(|id| logits_are_pytorchs(id, "cpu", backend::cpu));
}

#[test]
fn small_pictures_give_pytorchs_logits_on_the_gpu() {
    SMALL.into_iter().for_each(|id| logits_are_pytorchs(id, "gpu", backend::gpu));
}

#[test]
fn lenet5_gives_pytorchs_numbers_on_the_gpu() {
    every_value_is_pytorchs("forward-lenet5-32", "gpu", backend::gpu);
}

#[test]
fn resnet18_gives_pytorchs_numbers_on_the_gpu() {
    every_value_is_pytorchs("forward-resnet18-224", "gpu", backend::gpu);
}

#[test]
fn efficientnet_lite0_gives_pytorchs_numbers_on_the_gpu() {
    every_value_is_pytorchs("forward-efficientnet_lite0-224", "gpu", backend::gpu);
}

/// Two plans: one that keeps everything the reference knows, and one of the logits alone, fused as far as it goes.
fn every_value_is_pytorchs(id: &str, backend: &str, run: Run) {
    let golden = Golden::open(id);
    let huge = golden.param_count > 100_000_000;
    let _one_at_a_time = huge.then(|| HUGE.lock());
    let graph = golden.graph();
    let parameters = golden.parameters(&graph);
    let pictures = golden.pictures();
    let features = graph.taps.features.expect("every network marks its features");
    let expected = golden.logits.as_ref().expect("a forward case");
    let mut known: Vec<(&str, NodeId, _)> = golden
        .activations
        .iter()
        .map(|(name, values)| (name.as_str(), graph.find(name).expect("torchvision's names"), values))
        .collect();
    known.push(("features", features, golden.features.as_ref().expect("a forward case")));
    known.push(("logits", logits(&graph), expected));

    let nodes: Vec<NodeId> = known.iter().map(|(_, node, _)| *node).collect();
    let kept = run(&graph, &nodes, &parameters, &pictures);
    let mut errors: Vec<(&str, f64)> =
        known.iter().zip(&kept).map(|((name, _, values), found)| (*name, values.error(found))).collect();
    // Looking at values between them keeps few layers of those apart that have no batch norm.
    if !huge {
        let fused = run(&graph, &[logits(&graph)], &parameters, &pictures);
        errors.push(("fused logits", expected.error(&fused[0])));
    }
    let worst = errors.iter().fold(("nothing", 0.0), |worst, e| if e.1 <= worst.1 { worst } else { *e });
    println!("{id} on {backend}: worst of {} values is {} with {:.1e}", errors.len(), worst.0, worst.1);
    assert!(worst.1 <= TOLERANCE, "{id} on {backend}: {errors:#?}");
}

fn logits_are_pytorchs(id: &str, backend: &str, run: Run) {
    let golden = Golden::open(id);
    let _one_at_a_time = (golden.param_count > 100_000_000).then(|| HUGE.lock());
    let graph = golden.graph();
    let found = run(&graph, &[logits(&graph)], &golden.parameters(&graph), &golden.pictures()).remove(0);
    let expected = golden.logits_step0.expect("a training case").concat();
    let error = normalised_error(&found.data, &expected);
    println!("{id} on {backend}: logits differ by {error:.1e}");
    assert!(error <= TOLERANCE, "{id} on {backend}: {error:e}, {:?} for {expected:?}", found.data);
}

fn logits(graph: &Graph) -> NodeId {
    graph.taps.logits.expect("every whole network marks its logits")
}
