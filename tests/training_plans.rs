//! Claims about the plans of training steps: layers in pieces, and values that are computed again instead of kept.

use headstart::exec::cpu::Cpu;
use headstart::exec::gpu::Gpu;
use headstart::exec::{Backend, ExecError};
use headstart::graph::{Graph, Param};
use headstart::models;
use headstart::net::Part;
use headstart::ops::case::normalised_error;
use headstart::shape::Shape;
use headstart::train::{Optimizer, Options, Snapshot, Targets, Trainer, TrainingPlan};
use headstart::weights::Parameters;
use pollster::block_on;

fn gpu() -> Backend {
    Backend::Gpu(block_on(Gpu::new(None)).unwrap_or_else(|error| panic!("{error}")))
}

fn graph(id: &str, n: usize, side: usize) -> Graph {
    let spec = models::find(id).expect("a known network");
    let channels = spec.input.channels;
    spec.part(Shape::new(n, channels, side, side), Part::Training { classes: 10 })
        .expect("a possible network")
}

fn trainer(graph: &Graph, options: &Options, backend: &Backend) -> Trainer {
    let parameters = Parameters::initialised(4);
    let lookup = async |param: &Param| {
        parameters.values(param).await.map_err(|error| ExecError::Weights(error.to_string()))
    };
    block_on(Trainer::new(graph, None, options.clone(), backend, &lookup, &|_, _, _| {})).expect("it fits")
}

/// The losses of some steps, then every first gradient, and what is left in the end.
fn path(trainer: &mut Trainer, graph: &Graph, steps: usize) -> (Vec<f32>, Vec<Vec<f32>>, Snapshot) {
    let shape = graph.input_shape();
    let x: Vec<f32> = (0..shape.len()).map(|i| (i as f32 * 0.37).sin()).collect();
    let labels: Vec<u32> = (0..shape.n as u32).map(|i| 3 * i % 10).collect();
    let names: Vec<String> = trainer.names().map(|(name, _)| name.to_string()).collect();
    let (mut losses, mut gradients) = (Vec::new(), Vec::new());
    for step in 0..steps {
        losses.push(block_on(trainer.step(&x, &labels)).expect("the batch fits"));
        if step == 0 {
            let trained = names.iter().filter(|name| !name.contains("running"));
            gradients = trained.map(|name| block_on(trainer.gradient(name)).expect("a gradient")).collect();
        }
    }
    (losses, gradients, block_on(trainer.snapshot()).expect("a snapshot"))
}

#[test]
fn a_linear_layer_in_pieces_trains_as_in_one() {
    let graph = graph("lenet5", 4, 32);
    let whole = Options { optimizer: Optimizer::ADAM, learning_rate: 1e-3, ..Options::default() };
    let pieces = Options { largest_weight: 10_000, clip_norm: Some(0.5), ..whole.clone() };
    let whole = Options { clip_norm: Some(0.5), ..whole };
    let plan = TrainingPlan::new(&graph, &pieces, false).expect("a network with logits").plan;
    let largest = plan.graph.params.iter().filter(|param| param.name.starts_with("fc"));
    let largest = largest.map(|param| 4 * param.dims.iter().product::<usize>()).max();
    assert!(largest.is_some_and(|bytes| bytes <= 10_000), "{largest:?} bytes");
    for backend in [Backend::Cpu(Cpu::new()), gpu()] {
        let mut one = trainer(&graph, &whole, &backend);
        let (losses, gradients, left) = path(&mut one, &graph, 3);
        let mut other = trainer(&graph, &pieces, &backend);
        let (in_pieces, other_gradients, other_left) = path(&mut other, &graph, 3);
        let near = |a: &[f32], b: &[f32], what: &str| {
            let wide: Vec<f64> = b.iter().map(|&v| f64::from(v)).collect();
            let error = normalised_error(a, &wide);
            assert!(error < 1e-4, "{what}: error {error:e}");
        };
        near(&in_pieces, &losses, "losses");
        assert_eq!(gradients.len(), other_gradients.len());
        gradients.iter().zip(&other_gradients).for_each(|(a, b)| near(a, b, "a gradient"));
        for (kept, other) in left.tensors.iter().zip(&other_left.tensors) {
            assert_eq!((&kept.name, &kept.dims), (&other.name, &other.dims));
            near(&kept.values, &other.values, &kept.name);
            kept.states.iter().zip(&other.states).for_each(|(a, b)| near(a, b, &kept.name));
        }
        // A run goes on in pieces from a snapshot of one that had none.
        other.restore(&left).expect("a snapshot of this network");
        let (on, _, _) = path(&mut one, &graph, 2);
        let (on_in_pieces, _, _) = path(&mut other, &graph, 2);
        near(&on_in_pieces, &on, "losses after a snapshot");
    }
}

#[test]
fn a_distribution_that_is_certain_of_one_class_is_that_class() {
    let graph = graph("lenet5", 4, 32);
    let shape = graph.input_shape();
    let x: Vec<f32> = (0..shape.len()).map(|i| (i as f32 * 0.37).sin()).collect();
    let labels = [3, 0, 9, 3];
    let certain: Vec<f32> = labels
        .iter()
        .flat_map(|&label| (0..10).map(move |class| f32::from(u8::from(class == label))))
        .collect();
    for smoothing in [0.0, 0.1] {
        for backend in [Backend::Cpu(Cpu::new()), gpu()] {
            let classes = Options { label_smoothing: smoothing, ..Options::default() };
            let distributions = Options { targets: Targets::Distributions, ..classes.clone() };
            let mut one = trainer(&graph, &classes, &backend);
            let mut other = trainer(&graph, &distributions, &backend);
            for step in 0..2 {
                let expected = block_on(one.step(&x, &labels)).expect("the batch fits");
                let found = block_on(other.step_towards(&x, &certain)).expect("the batch fits");
                assert_eq!(found, expected, "smoothing {smoothing}, loss of step {step}");
            }
            let sums = [&mut one, &mut other].map(|trainer| block_on(trainer.take_sums()).expect("its sums"));
            assert_eq!(sums[0], sums[1], "smoothing {smoothing}");
            let [one, other] =
                [&mut one, &mut other].map(|trainer| block_on(trainer.snapshot()).expect("one"));
            assert!(one == other, "smoothing {smoothing}: other weights");
        }
    }
}

#[test]
fn what_is_no_distribution_is_not_learned_from() {
    let graph = graph("lenet5", 2, 32);
    let x = vec![0.0; graph.input_shape().len()];
    let options = Options { targets: Targets::Distributions, ..Options::default() };
    let mut trainer = trainer(&graph, &options, &Backend::Cpu(Cpu::new()));
    let uniform = vec![0.1; 20];
    block_on(trainer.step_towards(&x, &uniform)).expect("two distributions over ten classes");
    let mut said = |labels: &[f32]| block_on(trainer.step_towards(&x, labels)).unwrap_err().to_string();
    let changed = |index: usize, value: f32| {
        let mut labels = uniform.clone();
        labels[index] = value;
        labels
    };
    for (labels, part) in [
        (changed(13, 0.9), "the label of picture 1 is no distribution over 10 classes"),
        (changed(0, -0.1), "the label of picture 0 is no distribution"),
        (changed(0, f32::NAN), "the label of picture 0 is no distribution"),
        (uniform[..10].to_vec(), "a batch has 2 pictures and as many labels, got 1"),
        (uniform[..19].to_vec(), "a batch has 2 pictures and as many labels, got 1"),
        ([&uniform[..], &[1.0]].concat(), "the label of picture 2 is no distribution"),
    ] {
        let sentence = said(&labels);
        assert!(sentence.contains(part), "{sentence:?} does not say {part:?}");
    }
    let sentence = block_on(trainer.step(&x, &[0, 1])).unwrap_err().to_string();
    assert!(sentence.contains("a distribution over the classes for each picture, not a class"), "{sentence}");
}

#[test]
fn the_largest_layers_of_the_course_fit_every_device_in_training() {
    for id in ["alexnet", "vgg16"] {
        let graph = graph(id, 2, 224);
        let plan = TrainingPlan::new(&graph, &Options::default(), false).expect("a network with logits").plan;
        let params = plan.graph.params.iter().map(|param| param.dims.iter().product::<usize>());
        let largest = 4 * params.chain(plan.slots.iter().copied()).max().expect("it has some");
        assert!(largest <= 128 << 20, "{id}: a buffer of {largest} bytes");
    }
}

#[test]
fn what_is_computed_again_changes_no_bit() {
    let cases = [("lenet5", 32), ("resnet18", 32), ("googlenet", 64), ("vgg_cifar10", 32)];
    for (id, side) in cases {
        let graph = graph(id, 2, side);
        let kept = Options { clip_norm: Some(1.0), ..Options::default() };
        let again = Options { recompute: true, ..kept.clone() };
        let backend = Backend::Cpu(Cpu::new());
        let expected = path(&mut trainer(&graph, &kept, &backend), &graph, 2);
        let found = path(&mut trainer(&graph, &again, &backend), &graph, 2);
        assert_eq!(found.0, expected.0, "{id}: losses");
        assert!(found.1 == expected.1 && found.2 == expected.2, "{id}: other gradients or weights");
    }
}

#[test]
fn what_is_computed_again_takes_less_memory() {
    // Share of the activations' bytes that is left at most.
    let cases =
        [("resnet18", 0.87), ("vgg11", 0.95), ("vgg16_bn", 0.73), ("resnet50", 0.85), ("googlenet", 0.7)];
    for (id, most) in cases {
        let graph = graph(id, 32, 224);
        let bytes = |recompute| {
            let options = Options { recompute, ..Options::default() };
            TrainingPlan::new(&graph, &options, false).expect("a network with logits").plan.activation_bytes()
        };
        let (kept, again) = (bytes(false), bytes(true));
        println!("{id}: {} MB instead of {}", again / 1_000_000, kept / 1_000_000);
        assert!(again as f64 <= most * kept as f64, "{id}: {again} bytes instead of {kept}");
    }
}
