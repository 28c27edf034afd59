//! Every op and every variant of its kernels on whatever graphics adapter there is, against the definition in double
//! precision; and whole networks against the CPU backend.

use std::collections::HashMap;
use std::sync::OnceLock;

use headstart::exec::cpu::Cpu;
use headstart::exec::gpu::Gpu;
use headstart::exec::{ExecError, Phase};
use headstart::graph::{Graph, Param};
use headstart::models;
use headstart::ops::case::{Case, normalised_error};
use headstart::ops::kernel::{Kernel, Limits, Site};
use headstart::ops::{Activation, AvgPool, Conv2d, Epilogue, Linear, MaxPool, Op};
use headstart::plan::Plan;
use headstart::shape::{Padding, Shape, Window};
use headstart::tensor::Tensor;
use headstart::weights::Parameters;
use pollster::block_on;
use proptest::prelude::*;

/// The one device of all tests of this file.
fn gpu() -> &'static Gpu {
    static GPU: OnceLock<Gpu> = OnceLock::new();
    GPU.get_or_init(|| {
        let gpu = block_on(Gpu::new(None)).unwrap_or_else(|error| panic!("{error}"));
        println!("graphics adapter: {}", gpu.adapter().name);
        gpu
    })
}

#[test]
fn every_variant_of_every_case_agrees_with_the_definition() {
    for case in Op::cases() {
        check(&case).unwrap();
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn any_convolution_agrees_with_the_definition(
        (n, h, w) in (1usize..4, 1usize..20, 1usize..20),
        (group_in, group_out, groups) in (1usize..20, 1usize..40, 1usize..3),
        (kh, kw, sh, sw) in (1usize..6, 1usize..6, 1usize..4, 1usize..4),
        (top, left, bottom, right) in (0usize..3, 0usize..3, 0usize..3, 0usize..3),
        fused in any::<bool>(),
    ) {
        let padding = Padding { top, left, bottom, right };
        let window = Window { kernel: [kh, kw], stride: [sh, sw], padding, ceil: false };
        let op = Conv2d::new(group_out * groups, window).with_bias().with_groups(groups);
        check_convolution(op, Shape::new(n, group_in * groups, h, w), fused)?;
    }

    #[test]
    fn any_depthwise_convolution_agrees_with_the_definition(
        (n, c, h, w) in (1usize..3, 2usize..6, 1usize..40, 1usize..40),
        (kernel, stride, padding) in (prop::sample::select(vec![3usize, 5]), 1usize..3, 0usize..4),
        fused in any::<bool>(),
    ) {
        let window = Window::square(kernel, stride, padding);
        check_convolution(Conv2d::new(c, window).with_bias().with_groups(c), Shape::new(n, c, h, w), fused)?;
    }

    #[test]
    fn any_pooling_agrees_with_the_definition(
        (n, c, h, w) in (1usize..3, 1usize..4, 1usize..24, 1usize..24),
        (kernel, stride, padding, ceil) in (1usize..5, 1usize..4, 0usize..3, any::<bool>()),
    ) {
        prop_assume!(padding * 2 <= kernel && kernel <= h.min(w) + 2 * padding);
        let window = Window { ceil, ..Window::square(kernel, stride, padding) };
        for op in [Op::MaxPool(MaxPool { window }), Op::AvgPool(AvgPool { window })] {
            check(&Case::new("", op, [Shape::new(n, c, h, w)])).map_err(TestCaseError::fail)?;
        }
    }

    #[test]
    fn any_linear_layer_agrees_with_the_definition(n in 1usize..5, c in 1usize..300, o in 1usize..300) {
        let op = Op::Linear(Linear { features: o, activation: Some(Activation::Relu) });
        check(&Case::new("", op, [Shape::vector(n, c)])).map_err(TestCaseError::fail)?;
    }
}

#[test]
fn networks_agree_with_the_cpu_backend_at_any_batch() {
    for (id, size) in [("lenet5", 32), ("resnet18", 64), ("efficientnet_lite0", 64)] {
        for batch in [1, 2] {
            let plan = network(id, batch, size);
            let x = picture(plan.input_shapes().map(|s| s.len()).sum());
            let expected = block_on(Cpu::new().prepare(plan.clone(), &weights)).unwrap().run(&[&x]).unwrap();
            gpu().forget();
            let mut program = block_on(gpu().prepare(plan, &weights, &|_, _, _| {})).unwrap();
            let found = block_on(program.run(&[&x])).unwrap();
            assert_eq!(
                found,
                block_on(program.run(&[&x])).unwrap(),
                "{id}: a second run gives the same values"
            );
            assert_eq!(found.len(), expected.len());
            for (found, expected) in found.iter().zip(&expected) {
                let expected: Vec<f64> = expected.iter().map(|&v| f64::from(v)).collect();
                let error = normalised_error(found, &expected);
                assert!(error < 1e-4 && expected.iter().any(|v| *v != 0.0), "{id}, batch {batch}: {error:e}");
            }
        }
    }
}

#[test]
fn linear_layers_in_pieces_give_the_same_values() {
    for batch in [1, 5] {
        let graph = models::find("lenet5").unwrap().published(batch).unwrap();
        let outputs = [graph.taps.logits.unwrap()];
        let parameters = Parameters::initialised(1);
        let lookup = async |param: &Param| Ok(parameters.values(param).await.unwrap());
        let [whole, divided] = [usize::MAX, 5000].map(|most| {
            let plan = Plan::within(&graph, &outputs, most);
            let (count, x) = (plan.steps.len(), picture(batch * 1024));
            let gpu = block_on(Gpu::new(None)).unwrap();
            let mut program = block_on(gpu.prepare(plan, &lookup, &|_, _, _| {})).unwrap();
            (count, block_on(program.run(&[&x])).unwrap().swap_remove(0))
        });
        assert!(divided.0 > whole.0 + 6, "{} and {} steps", divided.0, whole.0);
        let expected: Vec<f64> = whole.1.iter().map(|&v| f64::from(v)).collect();
        let error = normalised_error(&divided.1, &expected);
        assert!(error < 1e-5, "batch {batch}: error {error:e}");
    }
}

#[test]
fn every_trunk_agrees_with_the_cpu_backend_on_a_small_picture() {
    let gpu = block_on(Gpu::new(None)).unwrap();
    for spec in &models::CATALOGUE {
        // The smallest pictures of which their pooling leaves anything, or nearly so.
        let size = match spec.family {
            "AlexNet" => 67,
            "GoogLeNet" => 64,
            _ => 32,
        };
        let graph = spec.trunk(Shape::new(1, spec.input.channels, size, size)).unwrap();
        let nodes: Vec<_> = graph.taps.stages.iter().map(|stage| stage.node).collect();
        let plan = Plan::new(&graph, &nodes);
        let x = picture(graph.input_shape().len());
        let expected = block_on(Cpu::new().prepare(plan.clone(), &weights)).unwrap().run(&[&x]).unwrap();
        gpu.forget();
        let found = block_on(async {
            let mut program = gpu.prepare(plan, &weights, &|_, _, _| {}).await.unwrap();
            program.run(&[&x]).await.unwrap()
        });
        for ((stage, found), expected) in graph.taps.stages.iter().zip(&found).zip(&expected) {
            let expected: Vec<f64> = expected.iter().map(|&v| f64::from(v)).collect();
            let error = normalised_error(found, &expected);
            assert!(
                error < 1e-4 && expected.iter().any(|v| *v != 0.0),
                "{}, {}: {error:e}",
                spec.id,
                stage.name
            );
        }
    }
}

#[test]
fn progress_counts_to_the_end_of_every_phase_and_choices_are_remembered() {
    let gpu = block_on(Gpu::new(None)).unwrap();
    let last = std::cell::RefCell::new(HashMap::new());
    let progress = |phase: Phase, done, of| {
        last.borrow_mut().insert(format!("{phase:?}"), (done, of));
    };
    block_on(gpu.prepare(network("lenet5", 1, 32), &weights, &progress)).unwrap();
    for (phase, (done, of)) in last.borrow().iter() {
        assert_eq!(done, of, "{phase}");
    }
    assert!(last.borrow().contains_key("Tune"));

    // On a busy machine patience ends before everything is measured; the next preparations measure the rest.
    for _ in 0..network("lenet5", 1, 32).steps.len() {
        block_on(gpu.prepare(network("lenet5", 1, 32), &weights, &progress)).unwrap();
    }
    let again = block_on(Gpu::new(Some(&gpu.tuning()))).unwrap();
    let refuse = |phase: Phase, _, _| assert_ne!(phase, Phase::Tune, "everything was measured before");
    block_on(again.prepare(network("lenet5", 1, 32), &weights, &refuse)).unwrap();
}

#[test]
fn a_lost_device_is_an_error_and_says_so_to_who_listens() {
    let gpu = block_on(Gpu::new(None)).unwrap();
    let mut program = block_on(gpu.prepare(network("lenet5", 1, 32), &weights, &|_, _, _| {})).unwrap();
    let lost = gpu.lost();
    gpu.destroy();
    assert!(gpu.is_lost());
    assert!(!block_on(lost).is_empty());
    let error = block_on(program.run(&[&picture(1024)])).unwrap_err();
    assert!(matches!(error, ExecError::DeviceLost(_)), "{error}");
}

#[test]
fn a_layer_beyond_the_limits_is_refused_by_name() {
    let features = (gpu().limits().binding_bytes / 4 / 1000) as usize + 1;
    let op = Op::Conv2d(Conv2d::new(features, Window::point()));
    let plan = Plan::of_op(&op, &[Shape::vector(1, 1000)]).unwrap();
    let refuse = async |_: &Param| -> Result<_, ExecError> { panic!("too large to be looked up") };
    let error = block_on(gpu().prepare(plan, &refuse, &|_, _, _| {})).err().expect("an error");
    assert!(matches!(&error, ExecError::TooLarge { node, .. } if node == "op"), "{error}");
}

fn network(id: &str, batch: usize, size: usize) -> Plan {
    let spec = models::find(id).unwrap();
    let graph: Graph = spec.graph(Shape::new(batch, spec.input.channels, size, size), 10).unwrap();
    let taps = &graph.taps;
    Plan::new(&graph, &[taps.stages[0].node, taps.logits.unwrap()])
}

fn picture(len: usize) -> Vec<f32> {
    (0..len as u32).map(|i| i.wrapping_mul(2_654_435_761) as f32 / 2_147_483_648.0 - 1.0).collect()
}

/// Made-up weights that keep activations near one.
async fn weights(param: &Param) -> Result<Tensor<f32>, ExecError> {
    let shape = Shape::from_dims(&param.dims);
    let size = (6.0 / shape.image() as f32).sqrt();
    let value = |i: usize| ((i as u32).wrapping_mul(2_246_822_519) as f32 / 4_294_967_296.0 - 0.5) * size;
    Ok(Tensor::new(shape, (0..shape.len()).map(value).collect()))
}

fn check_convolution(op: Conv2d, x: Shape, fused: bool) -> Result<(), TestCaseError> {
    let Ok(y) = Op::Conv2d(op).infer(&[x]) else {
        return Err(TestCaseError::reject("the kernel does not fit"));
    };
    let epilogue = Epilogue { residual: fused, activation: fused.then_some(Activation::Relu6) };
    let inputs = if fused { vec![x, y] } else { vec![x] };
    let case = Case::new("", Op::Conv2d(Conv2d { epilogue, ..op }), inputs).in_half();
    check(&case).map_err(TestCaseError::fail)
}

/// Runs all variants of a case; the error names the one that disagrees with the definition.
fn check(case: &Case) -> Result<(), String> {
    let plan = Plan::of_op(&case.op, &case.inputs).map_err(|error| error.to_string())?;
    let output = plan.graph.node(plan.outputs[0].0).shape;
    let variants = case.op.variants(&Site { inputs: &case.inputs, output, limits: Limits::DEFAULT });
    assert_eq!(variants.is_empty(), case.op.is_identity(), "{}: an op has a kernel", case.name);
    let twins = variants.iter().filter_map(|kernel| kernel.in_half().filter(|_| case.half)).collect();
    let variants = [variants, twins].concat();
    let specs = case.op.params(&case.inputs);
    let params: HashMap<&str, Tensor<f32>> =
        specs.iter().map(|spec| spec.suffix).zip(case.param_values()).collect();
    let run = |kernels: Vec<Kernel>| -> Result<Vec<f32>, ExecError> {
        let lookup = async |param: &Param| Ok(params[param.name.as_str()].clone());
        // Every test has its own parameters of the same names, so that nothing may be shared.
        let mut program = block_on(gpu().prepare_unshared(plan.clone(), kernels, &lookup))?;
        let inputs = case.input_values();
        let inputs: Vec<&[f32]> = inputs.iter().map(|x| &x.data[..]).collect();
        Ok(block_on(program.run(&inputs))?.swap_remove(0))
    };
    let choices: Vec<Vec<Kernel>> =
        if variants.is_empty() { vec![vec![]] } else { variants.into_iter().map(|v| vec![v]).collect() };
    for kernels in choices {
        let name = kernels.first().map_or("nothing to run", |kernel| kernel.shader.name);
        let y = run(kernels).map_err(|error| format!("{} by {name}: {error}", case.name))?;
        let (error, tolerance) = (case.error(&Tensor::new(output, y)), case.op.tolerance());
        if error > tolerance {
            return Err(format!("{} by {name}: error {error:e}, tolerance {tolerance:e}", case.name));
        }
    }
    Ok(())
}
