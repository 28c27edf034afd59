//! The networks are built as published: sizes, depths, cuts, trunks, and the table of them in the README.

mod common;

use common::golden::Golden;
use headstart::analysis;
use headstart::graph::Graph;
use headstart::models::{self, CATALOGUE, ModelSpec};
use headstart::net::Part;
use headstart::ops::Op;
use headstart::shape::Shape;
use headstart::table;
use headstart::weights::{Checkpoint, Parameters};
use pollster::block_on;

fn find(id: &str) -> &'static ModelSpec {
    models::find(id).unwrap_or_else(|| panic!("there is no {id}"))
}

#[test]
fn sizes_and_costs_are_those_that_torchvision_publishes() {
    // Parameters, and multiply-accumulates in billions, of its weights' documentation.
    let published = [
        ("alexnet", 61_100_840, 0.714),
        ("vgg11", 132_863_336, 7.609),
        ("vgg11_bn", 132_868_840, 7.609),
        ("vgg13", 133_047_848, 11.308),
        ("vgg13_bn", 133_053_736, 11.308),
        ("vgg16", 138_357_544, 15.47),
        ("vgg16_bn", 138_365_992, 15.47),
        ("vgg19", 143_667_240, 19.632),
        ("vgg19_bn", 143_678_248, 19.632),
        ("googlenet", 6_624_904, 1.498),
        ("resnet18", 11_689_512, 1.814),
        ("resnet34", 21_797_672, 3.664),
        ("resnet50", 25_557_032, 4.089),
        ("resnet101", 44_549_160, 7.801),
        ("resnet152", 60_192_808, 11.514),
    ];
    for (id, parameters, billions) in published {
        let cost = analysis::total(&find(id).published(1).unwrap());
        assert_eq!(cost.parameters, parameters, "{id}");
        assert!((cost.macs as f64 / 1e9 - billions).abs() < 0.001, "{id}: {} for {billions}", cost.macs);
    }
}

#[test]
fn the_papers_own_networks_have_the_size_of_their_replicas() {
    // Caffe's bvlc_alexnet and bvlc_googlenet.
    for (id, parameters) in [("alexnet_2012", 60_965_224), ("googlenet_2014", 6_998_552)] {
        assert_eq!(analysis::total(&find(id).published(1).unwrap()).parameters, parameters, "{id}");
    }
}

#[test]
fn papers_and_graphs_agree_on_sizes_and_depths() {
    for spec in &CATALOGUE {
        let graph = spec.published(1).unwrap();
        let cost = analysis::total(&graph);
        let near = |paper: Option<u64>, ours: u64| paper.is_none_or(|p| ours.abs_diff(p) * 12 <= p);
        // LeNet's paper counts connections of a sparser network, biases and subsampling included.
        assert!(
            near(spec.figures.parameters, cost.parameters),
            "{}: {} parameters",
            spec.id,
            cost.parameters
        );
        assert!(
            spec.family == "LeNet" || near(spec.figures.macs, cost.macs),
            "{}: {} MACs",
            spec.id,
            cost.macs
        );
        if spec.family != "LeNet" {
            assert_eq!(depth(&graph), spec.depth, "{}: layers with weights", spec.id);
        }
    }
}

#[test]
fn receptive_fields_are_the_published_ones() {
    // Araujo, Norris and Sim, Computing Receptive Fields of Convolutional Neural Networks, 2019. Their bottlenecks have
    // the stride on the first convolution; on the second one, as here, it comes a step later in three stages.
    let later = 2 * (4 + 8 + 16);
    let published = [
        ("alexnet", 195),
        ("vgg16", 212),
        ("resnet50", 483 - later),
        ("resnet101", 1027 - later),
        ("resnet152", 1507 - later),
    ];
    for (id, expected) in published {
        assert_eq!(table::receptive_field(&find(id).published(1).unwrap()), expected, "{id}");
    }
}

/// Layers with weights on the longest way from the image to the logits.
fn depth(graph: &Graph) -> usize {
    let mut depths: Vec<usize> = Vec::new();
    for node in &graph.nodes {
        let weighs = matches!(node.op, Op::Conv2d(_) | Op::Linear(_));
        let before = node.inputs.iter().map(|input| depths[input.0]).max().unwrap_or(0);
        depths.push(before + usize::from(weighs));
    }
    depths[graph.taps.logits.expect("a whole network").0]
}

#[test]
fn every_network_can_be_cut_at_every_stage_whole_or_as_its_trunk() {
    for spec in &CATALOGUE {
        for graph in [spec.published(1).unwrap(), spec.trunk(spec.shape(1)).unwrap()] {
            let stages = &graph.taps.stages;
            assert!(
                stages.windows(2).all(|pair| pair[0].node < pair[1].node),
                "{}: in data-flow order",
                spec.id
            );
            assert!(
                stages.last().is_some_and(|last| last.node <= graph.taps.features.unwrap()),
                "{}",
                spec.id
            );
            for stage in stages {
                graph.split(stage.node).unwrap_or_else(|error| panic!("{}: {error}", spec.id));
                graph.find(&stage.name).unwrap_or_else(|error| panic!("{}: {error}", spec.id));
                assert!(stage.title.len() <= 50, "{}: {:?} is too long for a block", spec.id, stage.title);
            }
        }
    }
}

#[test]
fn a_trunk_has_no_linear_layer_and_ends_with_an_average_of_its_maps() {
    let lengths = [
        ("lenet5", 120),
        ("alexnet", 256),
        ("alexnet_2012", 256),
        ("vgg16", 512),
        ("googlenet", 1024),
        ("googlenet_2014", 1024),
        ("resnet34", 512),
        ("resnet50", 2048),
        ("plain34", 512),
        ("efficientnet_lite0", 1280),
    ];
    for (id, length) in lengths {
        let trunk = find(id).trunk(find(id).shape(3)).unwrap();
        assert!(!trunk.nodes.iter().any(|node| matches!(node.op, Op::Linear(_))), "{id}");
        assert_eq!(trunk.node(trunk.taps.features.unwrap()).shape, Shape::vector(3, length), "{id}");
        assert_eq!(trunk.taps.logits, None, "{id}");
    }
}

#[test]
fn networks_for_any_picture_are_built_at_any_size() {
    for spec in CATALOGUE.iter().filter(|spec| spec.family != "LeNet") {
        for (h, w) in [(96, 96), (224, 224), (131, 257), (320, 96)] {
            let trunk = spec.trunk(Shape::new(1, 3, h, w));
            assert!(trunk.is_ok(), "{} at {h} x {w}: {:?}", spec.id, trunk.err());
            let whole = spec.graph(Shape::new(1, 3, h, w), 10).unwrap();
            assert_eq!(whole.node(whole.taps.logits.unwrap()).shape, Shape::vector(1, 10), "{}", spec.id);
        }
    }
}

#[test]
fn a_checkpoint_of_the_whole_network_fits_its_trunk() {
    for id in ["forward-alexnet-224", "forward-googlenet-224", "forward-resnet18-224"] {
        let golden = Golden::open(id);
        let spec = find(&golden.case.model);
        let trunk = spec.trunk(spec.shape(1)).unwrap();
        let parameters = golden.parameters(&trunk);
        let first = block_on(parameters.values(&trunk.params[0])).unwrap();
        assert_eq!(first.shape, Shape::from_dims(&trunk.params[0].dims), "{id}");
    }
}

#[test]
fn the_auxiliary_heads_of_googlenet_train_with_it_and_are_known_in_its_checkpoints() {
    let spec = find("googlenet");
    let training = spec.part(spec.shape(2), Part::Training { classes: 1000 }).unwrap();
    // torchvision's googlenet(aux_logits=True).
    assert_eq!(analysis::total(&training).parameters, 13_004_888);
    let heads: Vec<_> = training.taps.auxiliary.iter().map(|a| (training.node(a.logits), a.weight)).collect();
    let heads: Vec<_> =
        heads.iter().map(|(node, weight)| (node.name.as_str(), node.shape, *weight)).collect();
    let shape = Shape::vector(2, 1000);
    assert_eq!(heads, [("aux1.fc2", shape, 0.3), ("aux2.fc2", shape, 0.3)]);

    let checkpoint = Checkpoint::read(empty_file_of(&training)).unwrap();
    for part in [Part::Whole { classes: 1000 }, Part::Trunk] {
        let graph = spec.part(spec.shape(1), part).unwrap();
        let fits = Parameters::from_checkpoint(checkpoint.clone(), &graph, false, 0);
        assert!(fits.is_ok(), "{part:?}: {:#}", fits.unwrap_err());
        assert!(graph.taps.auxiliary.is_empty(), "{part:?}");
    }
}

/// A safetensors file with the names and dimensions of a network's parameters, all zero.
fn empty_file_of(graph: &Graph) -> Vec<u8> {
    let tensors = graph.params.iter().map(|param| (param.name.clone(), param.dims.clone()));
    let zeros = vec![0; 4 * tensors.clone().map(|(_, dims)| dims.iter().product()).max().unwrap_or(0)];
    let views = tensors.map(|(name, dims)| {
        let bytes = &zeros[..4 * dims.iter().product::<usize>()];
        (name, safetensors::tensor::TensorView::new(safetensors::Dtype::F32, dims, bytes).unwrap())
    });
    safetensors::serialize(views, None).unwrap()
}

#[test]
fn the_table_in_the_readme_is_up_to_date() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/README.md");
    let readme = std::fs::read_to_string(path).unwrap();
    let renewed = table::renewed(&readme).expect("the README has the table's markers");
    assert!(
        readme == renewed,
        "run `cargo run -- table --into README.md`; it should be\n{}",
        table::markdown()
    );
}
