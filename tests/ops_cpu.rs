//! Every op on the CPU backend against its definition in double precision, and whole networks against themselves.

use std::collections::HashMap;

use headstart::exec::cpu::{Cpu, Program};
use headstart::ops::case::{Case, normalised_error};
use headstart::ops::{Activation, Conv2d, Epilogue, MaxPool, Op, Operator};
use headstart::plan::Plan;
use headstart::shape::{Padding, Shape, Window};
use headstart::tensor::Tensor;
use headstart::weights::Parameters;
use headstart::{graph::Graph, graph::Param, models};
use pollster::block_on;
use proptest::prelude::*;

#[test]
fn every_case_agrees_with_the_definition() {
    for case in Op::cases() {
        let (error, tolerance) = (error(&case), case.op.tolerance());
        assert!(error <= tolerance, "{}: error {error:e}, tolerance {tolerance:e}", case.name);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn any_convolution_agrees_with_the_definition(
        (n, h, w) in (1usize..4, 1usize..20, 1usize..20),
        (group_in, group_out, groups) in (1usize..9, 1usize..9, 1usize..4),
        (kh, kw, sh, sw) in (1usize..6, 1usize..6, 1usize..4, 1usize..4),
        (top, left, bottom, right) in (0usize..3, 0usize..3, 0usize..3, 0usize..3),
        (residual, activation) in (any::<bool>(), 0usize..5),
    ) {
        let padding = Padding { top, left, bottom, right };
        let window = Window { kernel: [kh, kw], stride: [sh, sw], padding, ceil: false };
        let x = Shape::new(n, group_in * groups, h, w);
        check_convolution(Conv2d::new(group_out * groups, window).with_bias().with_groups(groups), x, residual, activation)?;
    }

    #[test]
    fn any_depthwise_convolution_agrees_with_the_definition(
        (n, c, h, w) in (1usize..3, 2usize..6, 3usize..40, 3usize..40),
        (kernel, stride, padding) in (prop::sample::select(vec![3usize, 5]), 1usize..3, 0usize..4),
        (residual, activation) in (any::<bool>(), 0usize..5),
    ) {
        let window = Window::square(kernel, stride, padding);
        check_convolution(Conv2d::new(c, window).with_bias().with_groups(c), Shape::new(n, c, h, w), residual, activation)?;
    }

    #[test]
    fn any_3x3_convolution_agrees_with_the_definition(
        (n, c, o, h, w) in (1usize..3, 1usize..40, 1usize..40, 1usize..30, 1usize..30),
        (padding, residual, activation) in (0usize..3, any::<bool>(), 0usize..5),
    ) {
        let window = Window::square(3, 1, padding);
        check_convolution(Conv2d::new(o, window), Shape::new(n, c, h, w), residual, activation)?;
    }

    #[test]
    fn any_pooling_agrees_with_the_definition(
        (n, c, h, w) in (1usize..3, 1usize..4, 1usize..24, 1usize..24),
        (kernel, stride, padding, ceil) in (1usize..5, 1usize..4, 0usize..3, any::<bool>()),
    ) {
        prop_assume!(padding * 2 <= kernel && kernel <= h.min(w) + 2 * padding);
        let op = MaxPool { window: Window { ceil, ..Window::square(kernel, stride, padding) } };
        let case = Case::new("", Op::MaxPool(op), [Shape::new(n, c, h, w)]);
        prop_assert_eq!(error(&case), 0.0);
    }
}

#[test]
fn a_program_for_another_batch_shares_the_packed_weights_and_agrees() {
    for (id, size) in [("lenet5", 32), ("resnet18", 64), ("efficientnet_lite0", 64)] {
        let backend = Cpu::new();
        let mut one = network(&backend, id, 1, size, true);
        let mut three = network(&backend, id, 3, size, false);
        let x: Vec<f32> = (0..three.plan().input_shapes().map(|s| s.len()).sum())
            .map(|i| (i as u32).wrapping_mul(2_654_435_761) as f32 / 2_147_483_648.0 - 1.0)
            .collect();
        let together = three.run(&[&x]).unwrap().swap_remove(0);
        let apart: Vec<f32> =
            x.chunks(x.len() / 3).flat_map(|x| one.run(&[x]).unwrap().swap_remove(0)).collect();
        let expected: Vec<f64> = apart.iter().map(|&v| f64::from(v)).collect();
        let error = normalised_error(&together, &expected);
        assert!(error < 1e-4 && expected.iter().any(|v| *v != 0.0), "{id}: error {error:e}");
    }
}

#[test]
fn linear_layers_in_pieces_give_the_same_values() {
    for batch in [1, 5] {
        let graph = models::find("lenet5").unwrap().published(batch).unwrap();
        let parameters = Parameters::initialised(1);
        let lookup = async |param: &Param| Ok(parameters.values(param).await.unwrap());
        let x: Vec<f32> = (0..batch * 1024).map(|i| (i % 37) as f32 / 18.0 - 1.0).collect();
        let run = |most| {
            let plan = Plan::within(&graph, &[graph.taps.logits.unwrap()], most);
            let mut program = block_on(Cpu::new().prepare(plan, &lookup)).unwrap();
            program.run(&[&x]).unwrap().swap_remove(0)
        };
        let expected: Vec<f64> = run(usize::MAX).into_iter().map(f64::from).collect();
        for most in [100, 1000, 5000] {
            let error = normalised_error(&run(most), &expected);
            assert!(error < 1e-5, "batch {batch}, at most {most} bytes: error {error:e}");
        }
    }
}

#[test]
fn inputs_of_the_wrong_length_are_refused_in_one_sentence() {
    let mut program = network(&Cpu::new(), "lenet5", 1, 32, true);
    let error = program.run(&[&[0.0; 7]]).unwrap_err().to_string();
    assert!(error.contains("1024") && error.contains('7'), "{error}");
}

/// A network with made-up weights; without `weights` it has to find them packed.
fn network(backend: &Cpu, id: &str, batch: usize, size: usize, weights: bool) -> Program {
    let spec = models::find(id).unwrap();
    let graph: Graph = spec.graph(Shape::new(batch, spec.input.channels, size, size), 10).unwrap();
    let plan = Plan::new(&graph, &[graph.taps.logits.unwrap()]);
    let lookup = async |param: &Param| {
        assert!(weights, "{} was asked for again", param.name);
        let shape = Shape::from_dims(&param.dims);
        let size = (6.0 / shape.image() as f32).sqrt();
        let value = |i: usize| ((i as u32).wrapping_mul(2_246_822_519) as f32 / 4_294_967_296.0 - 0.5) * size;
        Ok(Tensor::new(shape, (0..shape.len()).map(value).collect()))
    };
    block_on(backend.prepare(plan, &lookup)).unwrap()
}

fn check_convolution(op: Conv2d, x: Shape, residual: bool, activation: usize) -> Result<(), TestCaseError> {
    let Ok(y) = op.infer(&[x]) else { return Err(TestCaseError::reject("the kernel does not fit")) };
    let epilogue = Epilogue { residual, activation: Activation::ALL.get(activation).copied() };
    let op = Op::Conv2d(Conv2d { epilogue, ..op });
    let inputs = if residual { vec![x, y] } else { vec![x] };
    let case = Case::new("", op, inputs);
    let error = error(&case);
    prop_assert!(error <= case.op.tolerance(), "error {:e}", error);
    Ok(())
}

/// The case's error on the CPU backend.
fn error(case: &Case) -> f64 {
    let plan = Plan::of_op(&case.op, &case.inputs).unwrap();
    let shape = plan.graph.node(plan.outputs[0].0).shape;
    let specs = case.op.params(&case.inputs);
    let params: HashMap<&str, Tensor<f32>> =
        specs.iter().map(|spec| spec.suffix).zip(case.param_values()).collect();
    let lookup = async |param: &Param| Ok(params[param.name.as_str()].clone());
    let mut program = block_on(Cpu::new().prepare(plan, &lookup)).unwrap();
    let inputs = case.input_values();
    let inputs: Vec<&[f32]> = inputs.iter().map(|x| &x.data[..]).collect();
    case.error(&Tensor::new(shape, program.run(&inputs).unwrap().swap_remove(0)))
}
