//! Every way there is to run a network, with one signature.

use headstart::exec::Lookup;
use headstart::exec::cpu::Cpu;
use headstart::exec::gpu::Gpu;
use headstart::graph::{Graph, NodeId};
use headstart::plan::Plan;
use headstart::tensor::Tensor;
use headstart::weights::Parameters;

/// The values of some nodes for one batch of pictures.
pub type Run = fn(&Graph, &[NodeId], &Parameters, &Tensor<f32>) -> Vec<Tensor<f32>>;

/// The plan's graph by the ops' definitions: slow.
pub fn reference(
    graph: &Graph,
    nodes: &[NodeId],
    parameters: &Parameters,
    x: &Tensor<f32>,
) -> Vec<Tensor<f32>> {
    let plan = Plan::new(graph, nodes);
    let values = plan.graph.interpret(x, &parameters.of(&plan.graph));
    plan.outputs.iter().map(|(node, _)| values[node.0].clone()).collect()
}

pub fn cpu(graph: &Graph, nodes: &[NodeId], parameters: &Parameters, x: &Tensor<f32>) -> Vec<Tensor<f32>> {
    planned(graph, nodes, parameters, |plan, lookup| {
        let mut program = Cpu::new().prepare(plan, lookup).expect("every parameter has values");
        program.run(&[&x.data]).expect("the pictures have the input's shape")
    })
}

pub fn gpu(graph: &Graph, nodes: &[NodeId], parameters: &Parameters, x: &Tensor<f32>) -> Vec<Tensor<f32>> {
    let gpu = pollster::block_on(Gpu::new(None)).unwrap_or_else(|error| panic!("{error}"));
    println!("on {}", gpu.adapter().name);
    planned(graph, nodes, parameters, |plan, lookup| {
        pollster::block_on(async {
            let mut program = gpu.prepare(plan, lookup, &|_, _, _| {}).await.expect("the plan fits");
            program.run(&[&x.data]).await.expect("the pictures have the input's shape")
        })
    })
}

fn planned(
    graph: &Graph,
    nodes: &[NodeId],
    parameters: &Parameters,
    run: impl FnOnce(Plan, &Lookup<'_>) -> Vec<Vec<f32>>,
) -> Vec<Tensor<f32>> {
    let plan = Plan::new(graph, nodes);
    let shapes: Vec<_> = plan.outputs.iter().map(|(node, _)| plan.graph.node(*node).shape).collect();
    let values = run(plan, &|param| Ok(parameters.values(param)));
    shapes.into_iter().zip(values).map(|(shape, values)| Tensor::new(shape, values)).collect()
}
