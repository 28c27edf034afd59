//! Weights that half precision holds exactly stay so on a graphics device: half the memory, the same values.

use std::cell::RefCell;
use std::path::Path;
use std::time::Instant;

use headstart::exec::ExecError;
use headstart::exec::cpu::Cpu;
use headstart::exec::gpu::{Gpu, Program};
use headstart::graph::{Graph, Param};
use headstart::models;
use headstart::ops::case::{Case, normalised_error};
use headstart::ops::{Activation, Linear, Op};
use headstart::plan::Plan;
use headstart::shape::Shape;
use headstart::tensor::Tensor;
use headstart::weights::convert::{Precision, convert};
use headstart::weights::{Checkpoint, Parameters};
use pollster::block_on;

#[test]
fn networks_stored_in_half_precision_take_half_the_memory_and_give_the_same_values() {
    // Those of the page, whose batch norms are folded; others, with weights that a seed gives.
    for (id, size) in [("efficientnet_lite0", 64), ("resnet18", 64), ("alexnet_2012", 67)] {
        let (graph, parameters) = stored_in_half(id, size);
        let plan = || Plan::new(&graph, &[graph.taps.stages.last().unwrap().node]);
        let exactly = async |param: &Param| Ok(parameters.values(param).await.unwrap());
        // The same but for one value, the last that is looked at.
        let not_quite = async |param: &Param| -> Result<Tensor<f32>, ExecError> {
            let mut values = parameters.values(param).await.unwrap();
            let last = values.data.last_mut().unwrap();
            *last += *last * 1e-6 + 1e-9;
            Ok(values)
        };
        let x: Vec<f32> = (0..graph.input_shape().len()).map(|i| (i as f32 * 12.9898).sin()).collect();
        let expected = block_on(Cpu::new().prepare(plan(), &exactly)).unwrap().run(&[&x]).unwrap();
        let expected: Vec<f64> = expected[0].iter().map(|&v| f64::from(v)).collect();
        // The second takes the kernels that the first found to be the fastest.
        let mut tuning = None;
        let [full, half] = [false, true].map(|half| {
            let gpu = block_on(Gpu::new(tuning.as_deref())).unwrap_or_else(|error| panic!("{error}"));
            let program = match half {
                true => block_on(gpu.prepare(plan(), &exactly, &|_, _, _| {})),
                false => block_on(gpu.prepare(plan(), &not_quite, &|_, _, _| {})),
            };
            let mut program = program.unwrap();
            let y = block_on(program.run(&[&x])).unwrap();
            let error = normalised_error(&y[0], &expected);
            assert!(error < 1e-4, "{id}, half {half}: error {error:e}");
            tuning = Some(gpu.tuning());
            (program, gpu.parameter_bytes())
        });
        let (programs, [half, full]) = ([half.0, full.0], [half.1, full.1]);
        println!("{id} at {size}: {:.2} of the time in half precision", ratio(programs, &x));
        println!("{id}: {half} bytes in half precision, {full} in full");
        assert!(half as f64 <= 0.56 * full as f64, "{id}: {half} bytes in half precision, {full} in full");
    }
}

#[test]
fn a_weight_is_looked_up_once_whether_half_precision_holds_it_or_not() {
    let op = Op::Linear(Linear { features: 1100, activation: Some(Activation::Relu) });
    let case = Case::new("1000 to 1100", op, [Shape::vector(2, 1000)]);
    for case in [case.clone().in_half(), case] {
        let gpu = block_on(Gpu::new(None)).unwrap();
        let params: Vec<(&str, Tensor<f32>)> =
            case.op.params(&case.inputs).iter().map(|spec| spec.suffix).zip(case.param_values()).collect();
        let asked = RefCell::new(Vec::new());
        let lookup = async |param: &Param| {
            asked.borrow_mut().push(param.name.clone());
            Ok(params.iter().find(|(suffix, _)| *suffix == param.name).unwrap().1.clone())
        };
        let plan = || Plan::of_op(&case.op, &case.inputs).unwrap();
        let x = case.input_values().swap_remove(0);
        for _ in 0..2 {
            let mut program = block_on(gpu.prepare(plan(), &lookup, &|_, _, _| {})).unwrap();
            let y = block_on(program.run(&[&x.data])).unwrap().swap_remove(0);
            let error = case.error(&Tensor::new(Shape::vector(2, 1100), y));
            assert!(error < 1e-5, "{}: error {error:e}", case.name);
        }
        assert_eq!(*asked.borrow(), ["weight", "bias"], "{}: each is looked up once", case.name);
    }
}

/// How long the first of two programs takes, in units of the second: the fastest of a few runs of each, in turns.
fn ratio(mut programs: [Program; 2], x: &[f32]) -> f64 {
    let mut fastest = [f64::INFINITY; 2];
    for _ in 0..10 {
        for (program, fastest) in programs.iter_mut().zip(&mut fastest) {
            let start = Instant::now();
            block_on(program.run(&[x])).unwrap();
            *fastest = fastest.min(start.elapsed().as_secs_f64());
        }
    }
    fastest[0] / fastest[1]
}

/// A trunk for one small picture, and its weights in a file of half precision.
fn stored_in_half(id: &str, size: usize) -> (Graph, Parameters) {
    let spec = models::find(id).unwrap();
    let graph = spec.trunk(Shape::new(1, 3, size, size)).unwrap();
    let bundled = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("www/models/{id}.f16.safetensors"));
    let file = match bundled.exists() {
        true => bundled,
        false => {
            let file = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{id}.half.safetensors"));
            let fresh = Parameters::initialised(1);
            block_on(convert(&fresh, &graph, Precision::F16, id, &file, u64::MAX)).unwrap();
            file
        }
    };
    let checkpoint = Checkpoint::read(std::fs::read(file).unwrap()).unwrap();
    let parameters = Parameters::from_checkpoint(checkpoint, &graph, false, 0).unwrap();
    (graph, parameters)
}
