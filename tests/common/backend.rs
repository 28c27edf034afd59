//! Every way there is to run a network, with one signature.

use headstart::exec::Backend;
use headstart::exec::cpu::Cpu;
use headstart::exec::gpu::Gpu;
use headstart::graph::{Graph, NodeId, Param};
use headstart::plan::Plan;
use headstart::tensor::Tensor;
use headstart::weights::Parameters;
use pollster::block_on;

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
    let params = block_on(parameters.of(&plan.graph)).expect("the file can be read");
    let values = plan.graph.interpret(x, &params);
    plan.outputs.iter().map(|(node, _)| values[node.0].clone()).collect()
}

pub fn cpu(graph: &Graph, nodes: &[NodeId], parameters: &Parameters, x: &Tensor<f32>) -> Vec<Tensor<f32>> {
    block_on(run(&Backend::Cpu(Cpu::new()), graph, nodes, parameters, x))
}

pub fn gpu(graph: &Graph, nodes: &[NodeId], parameters: &Parameters, x: &Tensor<f32>) -> Vec<Tensor<f32>> {
    let gpu = block_on(Gpu::new(None)).unwrap_or_else(|error| panic!("{error}"));
    println!("on {}", gpu.adapter().name);
    block_on(run(&Backend::Gpu(gpu), graph, nodes, parameters, x))
}

async fn run(
    backend: &Backend,
    graph: &Graph,
    nodes: &[NodeId],
    parameters: &Parameters,
    x: &Tensor<f32>,
) -> Vec<Tensor<f32>> {
    let plan = Plan::new(graph, nodes);
    let shapes: Vec<_> = plan.outputs.iter().map(|(node, _)| plan.graph.node(*node).shape).collect();
    let lookup = async |param: &Param| Ok(parameters.values(param).await.expect("the file can be read"));
    let mut program = backend.prepare(plan, &lookup, &|_, _, _| {}).await.expect("the plan fits");
    let values = program.run(&[&x.data]).await.expect("the pictures have the input's shape");
    shapes.into_iter().zip(values).map(|(shape, values)| Tensor::new(shape, values)).collect()
}
