//! What a step of training does to parameters: on the graphics device what the definition says, and the same again for
//! the same seed.

use headstart::exec::gpu::Gpu;
use headstart::exec::{Backend, Stored, cpu::Cpu};
use headstart::graph::{Graph, NodeId, Param, ParamId};
use headstart::models;
use headstart::network::{LoadOptions, Network};
use headstart::ops::case::normalised_error;
use headstart::ops::{Linear, Op};
use headstart::plan::{Moment, Plan, Rule, Update};
use headstart::shape::Shape;
use headstart::tensor::Tensor;
use headstart::train::{Optimizer, Options, Snapshot, Trainer};
use headstart::weights::{Checkpoint, Parameters};
use pollster::block_on;

fn gpu() -> Backend {
    Backend::Gpu(block_on(Gpu::new(None)).unwrap_or_else(|error| panic!("{error}")))
}

/// A layer whose weight is updated by its output as if that were a gradient, scaled by the first input's only value.
fn plan(rule: Rule) -> Plan {
    let mut graph = Graph::of_op(&Op::Linear(Linear::new(7)), &[Shape::vector(3, 5)]).unwrap();
    let y = NodeId(1);
    let scale = Op::Input(headstart::ops::Input { shape: Shape::vector(1, 1) });
    graph.nodes.push(headstart::graph::Node {
        name: "scale".into(),
        op: scale,
        inputs: vec![],
        params: vec![],
        shape: Shape::vector(1, 1),
    });
    graph.params[1].dims = vec![7];
    let update = Update { param: ParamId(1), gradient: y, scale: Some(NodeId(2)), rule };
    Plan::training(&graph, &[y], &[update])
}

fn path(backend: &Backend, rule: Rule) -> (Vec<f32>, Vec<f32>) {
    block_on(async {
        let lookup = async |param: &Param| {
            let shape = Shape::from_dims(&param.dims);
            let value = |i: usize| (i as f32 * 0.37).sin();
            Ok(Tensor::new(shape, (0..shape.len()).map(value).collect()))
        };
        let mut program = backend.prepare(plan(rule), &lookup, &|_, _, _| {}).await.unwrap();
        let x: Vec<f32> = (0..15).map(|i| (i as f32 * 0.7).cos()).collect();
        for step in 1..=4 {
            let at = Moment { step, learning_rate: 0.1 / f64::from(step) };
            program.train(&[&x, &[0.5]], at, step == 4).await.unwrap();
        }
        let state = match rule.states() {
            0 => Vec::new(),
            states => program.read(Stored::State(0, states - 1)).await.unwrap(),
        };
        (program.read(Stored::Parameter(0)).await.unwrap(), state)
    })
}

#[test]
fn every_rule_gives_the_same_path_on_both_backends() {
    let (cpu, gpu) = (Backend::Cpu(Cpu::new()), gpu());
    let wide = |values: &[f32]| values.iter().map(|&v| f64::from(v)).collect::<Vec<_>>();
    for rule in Rule::examples() {
        let ((expected, memory), (found, remembered)) = (path(&cpu, rule), path(&gpu, rule));
        let error = normalised_error(&found, &wide(&expected));
        let memory = normalised_error(&remembered, &wide(&memory));
        assert!(
            error < 1e-6 && memory < 1e-6,
            "{rule:?}: {found:?} instead of {expected:?}, memory {memory}"
        );
    }
}

fn adam() -> Options {
    Options { optimizer: Optimizer::ADAM, learning_rate: 1e-3, ..Options::default() }
}

fn curve(seed: u64, options: Options) -> Vec<f32> {
    block_on(async {
        let graph = models::find("lenet5").unwrap().graph(Shape::new(8, 1, 32, 32), 10).unwrap();
        let parameters = Parameters::initialised(seed);
        let lookup = async |param: &Param| Ok(parameters.values(param).await.expect("nothing to read"));
        let backend = Backend::Cpu(Cpu::new());
        let mut trainer =
            Trainer::new(&graph, None, options, &backend, &lookup, &|_, _, _| {}).await.unwrap();
        let x: Vec<f32> = (0..8 * 1024).map(|i| (i as f32 * 0.11).sin()).collect();
        let mut losses = Vec::new();
        for _ in 0..5 {
            losses.push(trainer.step(&x, &[0, 1, 2, 3, 4, 5, 6, 7]).await.unwrap());
        }
        let sums = trainer.take_sums().await.unwrap();
        let sum: f32 = losses.iter().sum();
        assert!((sums.loss - f64::from(sum)).abs() < 1e-4, "{sums:?}, the losses {losses:?}");
        assert_eq!(trainer.take_sums().await.unwrap().loss, 0.0);
        losses
    })
}

#[test]
fn the_same_seed_gives_the_same_curve_bit_for_bit() {
    let losses = curve(5, adam());
    assert_eq!(losses, curve(5, adam()));
    assert_ne!(losses, curve(6, adam()));
    assert!(losses[4] < losses[0], "{losses:?}");
}

#[test]
fn a_run_goes_on_from_a_snapshot_as_if_nothing_had_happened() {
    block_on(async {
        let graph = models::find("lenet5").unwrap().graph(Shape::new(4, 1, 32, 32), 10).unwrap();
        let cut = graph.find("pool1").unwrap();
        let lookup = async |param: &Param| {
            Ok(Parameters::initialised(1).values(param).await.expect("nothing to read"))
        };
        let x: Vec<f32> = (0..4 * 1024).map(|i| (i as f32 * 0.13).sin()).collect();
        let labels = [3, 1, 4, 1];
        for backend in [Backend::Cpu(Cpu::new()), gpu()] {
            let fresh = async || {
                Trainer::new(&graph, Some(cut), Options::default(), &backend, &lookup, &|_, _, _| {})
                    .await
                    .unwrap()
            };
            let (mut one, mut other) = (fresh().await, fresh().await);
            let names: Vec<&str> = one.names().map(|(name, _)| name).collect();
            assert_eq!(names[0], "conv2.weight", "what is before the cut is not trained");
            one.step(&x, &labels).await.unwrap();
            other.restore(&one.snapshot().await.unwrap()).unwrap();
            for _ in 0..3 {
                assert_eq!(one.step(&x, &labels).await.unwrap(), other.step(&x, &labels).await.unwrap());
            }
            let mut snapshot = one.snapshot().await.unwrap();
            snapshot.tensors.remove(1);
            let error = other.restore(&snapshot).unwrap_err().to_string();
            assert!(error.contains("conv2.bias"), "{error}");
        }
    });
}

#[test]
fn gradients_shorter_than_the_limit_stay_as_they_are() {
    let losses = |clip_norm| curve(5, Options { clip_norm, ..adam() });
    assert_eq!(losses(None), losses(Some(1e6)));
    assert_ne!(losses(None), losses(Some(1e-7)), "a tiny norm drowns in what Adam adds to the root");
}

#[test]
fn a_network_in_training_answers_as_the_weights_that_it_saves() {
    block_on(async {
        let spec = models::find("resnet20").unwrap();
        let network = Network::new(spec, None, LoadOptions::default()).await.unwrap();
        let trainable = network.trainable();
        let x: Vec<f32> = (0..2 * 3 * 1024).map(|i| (i as f32 * 0.17).sin()).collect();
        for backend in [Backend::Cpu(Cpu::new()), gpu()] {
            let graph = trainable.graph(2).unwrap();
            let cut = trainable.cut(&graph, "layer2").unwrap();
            let lookup = async |param: &Param| Ok(trainable.parameters.values(param).await.unwrap());
            let options = Options { learning_rate: 0.1, ..Options::default() };
            let trainer = Trainer::new(&graph, Some(cut), options, &backend, &lookup, &|_, _, _| {});
            let mut trainer = trainer.await.unwrap();
            let mut before = Vec::new();
            for step in 0..2 {
                trainer.step(&x, &[3, 7]).await.unwrap();
                let bytes = trainer.snapshot().await.unwrap().to_bytes();
                let snapshot = Snapshot::from_bytes(&bytes).unwrap();
                let mut answering = trainable.answering(&snapshot, 2, &backend).await.unwrap();
                let found = answering.run(&[&x]).await.unwrap().remove(0);
                assert_ne!(found, before, "step {step} changes the answers");
                let file = trainable.weights(&snapshot).await.unwrap().to_bytes();
                let file = Checkpoint::read(file).unwrap();
                let mut saved = Network::new(spec, Some(file), LoadOptions::default()).await.unwrap();
                let logits = saved.logits().unwrap();
                let expected =
                    saved.run(&Backend::Cpu(Cpu::new()), &[logits], &x, 2).await.unwrap().remove(0);
                let wide: Vec<f64> = expected.iter().map(|&v| f64::from(v)).collect();
                let error = normalised_error(&found, &wide);
                assert!(error < 1e-5, "step {step}: {found:?} instead of {expected:?}");
                before = found;
            }
        }
    });
}
