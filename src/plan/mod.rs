//! From a graph to a list of steps over reused slots: pure data, no device.
//!
//! [`fuse`] folds batch norms into convolutions and pulls residuals and activations into the operation before them;
//! linear layers larger than a device binds are divided; then every value gets a slot for as long as somebody still
//! reads it.

mod divide;
mod fuse;
mod slots;

pub use fuse::fuse;

use crate::graph::{Graph, NodeId};
use crate::ops::Op;
use crate::shape::{Shape, ShapeError};

/// What a backend runs.
#[derive(Clone, Debug, PartialEq)]
pub struct Plan {
    /// The graph after fusion; its parameters are what a backend asks the weights for.
    pub graph: Graph,
    /// In order of execution. Identities (flatten, dropout) and the input need no step.
    pub steps: Vec<Step>,
    /// Length of every slot in values. A slot is a whole buffer: WebGPU refuses one buffer bound for reading and
    /// for writing in one dispatch, even for disjoint ranges.
    pub slots: Vec<usize>,
    /// Where the values of each input node go before the first step, in node order. A network has one, the picture.
    pub inputs: Vec<Slot>,
    /// The values asked for, in the order in which they were asked.
    pub outputs: Vec<(NodeId, Slot)>,
}

/// One operation: node `node` of the plan's graph, reading `inputs` and writing `output`, never the same slot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    pub node: NodeId,
    pub inputs: Vec<Slot>,
    pub output: Slot,
}

/// Index into [`Plan::slots`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Slot(pub usize);

/// Bytes of one linear layer's weights at most: a quarter of what every device binds, because they pass through
/// WebAssembly's memory in two or three forms, and that memory never shrinks again.
const LARGEST_WEIGHT: usize = 32 << 20;

impl Plan {
    /// Plans what `outputs` need; nothing is fused across them, so that each can be looked at.
    pub fn new(graph: &Graph, outputs: &[NodeId]) -> Self {
        Self::within(graph, outputs, LARGEST_WEIGHT)
    }

    /// As [`Plan::new`], with linear layers of at most so many bytes of weights.
    pub fn within(graph: &Graph, outputs: &[NodeId], largest_weight: usize) -> Self {
        let (graph, outputs) = fuse(graph, outputs);
        let (graph, outputs) = divide::divide(graph, &outputs, largest_weight);
        slots::assign(graph, &outputs)
    }

    /// Plans one op on its own, every input given from outside: what a backend is tested with.
    pub fn of_op(op: &Op, inputs: &[Shape]) -> Result<Self, ShapeError> {
        let graph = Graph::of_op(op, inputs)?;
        let output = NodeId(graph.nodes.len() - 1);
        Ok(Self::new(&graph, &[output]))
    }

    /// Shapes of the inputs, in the order in which a backend takes their values.
    pub fn input_shapes(&self) -> impl Iterator<Item = Shape> + '_ {
        self.graph.nodes.iter().filter(|node| matches!(node.op, Op::Input(_))).map(|node| node.shape)
    }

    /// Bytes of activations that a backend holds at once.
    pub fn activation_bytes(&self) -> usize {
        4 * self.slots.iter().sum::<usize>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::models;
    use crate::tensor::Tensor;

    fn plan(id: &str) -> (Graph, Plan) {
        let graph = models::find(id).unwrap().published(1).unwrap();
        let plan = Plan::new(&graph, &[graph.taps.logits.unwrap()]);
        (graph, plan)
    }

    #[test]
    fn resnet18_needs_three_slots_of_under_5_megabytes() {
        let (_, plan) = plan("resnet18");
        assert_eq!(plan.slots.len(), 3, "{:?}", plan.slots);
        assert!(plan.activation_bytes() < 6_000_000, "{} bytes", plan.activation_bytes());
    }

    #[test]
    fn nothing_but_convolutions_pools_and_linear_layers_is_left() {
        for id in ["resnet18", "efficientnet_lite0"] {
            let (_, plan) = plan(id);
            for step in &plan.steps {
                let node = plan.graph.node(step.node);
                let lean =
                    matches!(node.op, Op::Conv2d(_) | Op::MaxPool(_) | Op::GlobalAvgPool(_) | Op::Linear(_));
                assert!(lean, "{id}: {} is still a {}", node.name, node.op.kind());
            }
        }
        assert_eq!(plan("resnet18").1.steps.len(), 20 + 1 + 1 + 1);
    }

    #[test]
    fn no_step_writes_a_slot_that_somebody_still_reads() {
        for spec in models::CATALOGUE {
            let graph = spec.published(1).unwrap();
            let kept: Vec<_> = graph.taps.stages.iter().map(|s| s.node).chain(graph.taps.logits).collect();
            let plan = Plan::new(&graph, &kept);
            // Which node each slot holds, replayed.
            let mut holds = vec![None; plan.slots.len()];
            holds[plan.inputs[0].0] = Some(NodeId(0));
            for step in &plan.steps {
                let node = plan.graph.node(step.node);
                for (input, slot) in node.inputs.iter().zip(&step.inputs) {
                    let mut source = *input;
                    while plan.graph.node(source).op.is_identity() {
                        source = plan.graph.node(source).inputs[0];
                    }
                    assert_eq!(holds[slot.0], Some(source), "{}: {} was overwritten", spec.id, node.name);
                    assert_ne!(*slot, step.output, "{}: {} writes what it reads", spec.id, node.name);
                }
                assert!(plan.slots[step.output.0] >= node.shape.len());
                holds[step.output.0] = Some(step.node);
            }
            assert_eq!(plan.outputs.len(), kept.len());
        }
    }

    #[test]
    fn an_output_that_somebody_looks_at_is_not_fused_away() {
        let graph = models::find("resnet18").unwrap().graph(Shape::new(1, 3, 32, 32), 10).unwrap();
        let bn1 = graph.find("layer1.0.bn1").unwrap();
        let plan = Plan::new(&graph, &[bn1, graph.taps.logits.unwrap()]);
        assert_eq!(plan.graph.node(plan.outputs[0].0).name, "layer1.0.bn1");
        assert_eq!(plan.graph.node(plan.outputs[0].0).shape, graph.node(bn1).shape);
    }

    #[test]
    fn fusing_without_norms_keeps_every_value() {
        let graph = models::find("lenet5").unwrap().published(2).unwrap();
        let (fused, outputs) = fuse(&graph, &[graph.taps.logits.unwrap()]);
        assert!(fused.nodes.len() < graph.nodes.len());
        let params: Vec<Tensor<f64>> = graph
            .params
            .iter()
            .map(|p| {
                let shape = Shape::from_dims(&p.dims);
                Tensor::new(shape, (0..shape.len()).map(|i| (i * 31 % 17) as f64 / 40.0 - 0.2).collect())
            })
            .collect();
        let x = Tensor::new(graph.input_shape(), (0..2048).map(|i| (i % 29) as f64 / 15.0 - 1.0).collect());
        let whole = graph.interpret(&x, &params);
        assert_eq!(fused.interpret(&x, &params)[outputs[0].0], *whole.last().unwrap());
    }
}
