//! The networks are the published ones: with the same weights they give PyTorch's numbers, layer by layer.

mod common;

use common::backend::{self, Run};
use common::golden::Golden;
use common::hash::{fnv1a, hashed};
use headstart::analysis;
use headstart::graph::NodeId;

/// Largest difference from PyTorch over the largest magnitude. Its own f32 is within 1e-6 of its f64 here.
const TOLERANCE: f64 = 1e-3;

#[test]
fn hashed_tensors_have_the_same_bits_as_in_python() {
    for id in ["forward-lenet5-32", "forward-resnet18-224", "forward-efficientnet_lite0-224"] {
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
    for id in ["forward-lenet5-32", "forward-resnet18-224", "forward-efficientnet_lite0-224"] {
        let golden = Golden::open(id);
        let graph = golden.graph();
        let mut expected: Vec<_> =
            golden.params.iter().map(|p| (p.name.as_str(), p.dims.as_slice())).collect();
        let mut found: Vec<_> = graph.params.iter().map(|p| (p.name.as_str(), p.dims.as_slice())).collect();
        expected.sort_unstable();
        found.sort_unstable();
        assert_eq!(found, expected, "{id}: names and dimensions");
        let cost = analysis::total(&graph);
        assert_eq!(cost.parameters, golden.param_count, "{id}: parameters");
        assert_eq!(
            cost.macs / golden.case.shape[0] as u64,
            golden.macs_per_image,
            "{id}: multiply-accumulates"
        );
    }
}

#[test]
fn lenet5_gives_pytorchs_numbers_by_definition() {
    every_value_is_pytorchs("forward-lenet5-32", "reference", backend::reference);
}

#[test]
fn lenet5_gives_pytorchs_numbers_on_the_cpu() {
    every_value_is_pytorchs("forward-lenet5-32", "cpu", backend::cpu);
}

#[test]
fn resnet18_gives_pytorchs_numbers_on_the_cpu() {
    every_value_is_pytorchs("forward-resnet18-224", "cpu", backend::cpu);
}

#[test]
fn efficientnet_lite0_gives_pytorchs_numbers_on_the_cpu() {
    every_value_is_pytorchs("forward-efficientnet_lite0-224", "cpu", backend::cpu);
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
    let graph = golden.graph();
    let parameters = golden.parameters(&graph);
    let pictures = golden.pictures();
    let tap = |node: Option<NodeId>| node.expect("every network marks its features and logits");
    let (logits, features) = (tap(graph.taps.logits), tap(graph.taps.features));
    let mut known: Vec<(&str, NodeId, _)> = golden
        .activations
        .iter()
        .map(|(name, values)| (name.as_str(), graph.find(name).expect("torchvision's names"), values))
        .collect();
    known.push(("features", features, &golden.features));
    known.push(("logits", logits, &golden.logits));

    let nodes: Vec<NodeId> = known.iter().map(|(_, node, _)| *node).collect();
    let kept = run(&graph, &nodes, &parameters, &pictures);
    let fused = run(&graph, &[logits], &parameters, &pictures);
    let errors = known.iter().zip(&kept).map(|((name, _, values), found)| (*name, values.error(found)));
    let errors: Vec<(&str, f64)> = errors.chain([("fused logits", golden.logits.error(&fused[0]))]).collect();
    let worst = errors.iter().fold(("nothing", 0.0), |worst, e| if e.1 <= worst.1 { worst } else { *e });
    println!("{id} on {backend}: worst of {} values is {} with {:.1e}", errors.len(), worst.0, worst.1);
    assert!(worst.1 <= TOLERANCE, "{id} on {backend}: {errors:#?}");
}
