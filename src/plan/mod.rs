//! From a graph to a list of steps over reused slots: pure data, no device.
//!
//! [`fuse`] folds batch norms into convolutions and pulls residuals and activations into the operation before them;
//! linear layers larger than a device binds are divided (in training before they are differentiated); then every value gets a slot for as long as somebody still
//! reads it.

mod divide;
mod fuse;
mod slots;
mod update;

pub(crate) use divide::divide;
pub use fuse::fuse;
pub use update::{Moment, Rule, Update};

use std::collections::BTreeSet;

use crate::graph::{Graph, NodeId, ParamId};
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
    /// What happens to parameters after the last step, in training; the slots they read live to the end.
    pub updates: Vec<PlannedUpdate>,
}

/// An [`Update`] of a parameter of the plan's graph.
#[derive(Clone, Debug, PartialEq)]
pub struct PlannedUpdate {
    pub param: ParamId,
    pub gradient: (NodeId, Slot),
    pub scale: Option<Slot>,
    pub rule: Rule,
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

/// Bytes of one linear layer's weights at most: an eighth of what every device binds, because they pass through
/// WebAssembly's memory in two or three forms, and that memory never shrinks again.
const LARGEST_WEIGHT: usize = 16 << 20;

impl Plan {
    /// Plans what `outputs` need; nothing is fused across them, so that each can be looked at.
    pub fn new(graph: &Graph, outputs: &[NodeId]) -> Self {
        Self::within(graph, outputs, LARGEST_WEIGHT)
    }

    /// As [`Plan::new`], with linear layers of at most so many bytes of weights.
    pub fn within(graph: &Graph, outputs: &[NodeId], largest_weight: usize) -> Self {
        let (graph, outputs) = fuse(graph, outputs);
        let (graph, outputs) = divide(graph, &outputs, largest_weight);
        slots::assign(graph, &outputs)
    }

    /// Plans a step of training: what `outputs` and the gradients need, and then the updates.
    ///
    /// # Panics
    /// If an update is of a parameter that the graph does not have.
    pub fn training(graph: &Graph, outputs: &[NodeId], updates: &[Update]) -> Self {
        let trained: BTreeSet<&str> = updates.iter().map(|u| graph.param(u.param).name.as_str()).collect();
        let read = updates.iter().flat_map(|update| [update.gradient].into_iter().chain(update.scale));
        let kept: Vec<NodeId> = outputs.iter().copied().chain(read).collect();
        let (mut fused, kept) = fuse::fuse_around(graph, &kept, &trained);
        let params = updates.iter().map(|update| {
            let param = graph.param(update.param);
            fused.params.iter().position(|p| p.name == param.name).unwrap_or_else(|| {
                fused.params.push(param.clone());
                fused.params.len() - 1
            })
        });
        let params: Vec<ParamId> = params.map(ParamId).collect();
        let mut plan = slots::assign(fused, &kept);
        let mut read = plan.outputs.split_off(outputs.len()).into_iter();
        let mut next = || read.next().expect("a slot for every node that an update reads");
        let planned = updates.iter().zip(params).map(|(update, param)| PlannedUpdate {
            param,
            gradient: next(),
            scale: update.scale.map(|_| next().1),
            rule: update.rule,
        });
        plan.updates = planned.collect();
        plan
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

    /// Bytes of everything that a backend holds: activations, parameters, and what updates remember of earlier steps.
    pub fn bytes(&self) -> usize {
        let len = |param: &ParamId| self.graph.param(*param).dims.iter().product::<usize>();
        let params: usize = (0..self.graph.params.len()).map(|i| len(&ParamId(i))).sum();
        let states: usize = self.updates.iter().map(|u| u.rule.states() * len(&u.param)).sum();
        self.activation_bytes() + 4 * (params + states)
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
    fn no_batch_norm_sum_or_activation_is_left_in_any_network() {
        for spec in &models::CATALOGUE {
            let (_, plan) = plan(spec.id);
            for step in &plan.steps {
                let node = plan.graph.node(step.node);
                let fused = matches!(node.op, Op::BatchNorm(_) | Op::Add(_) | Op::Activation(_));
                assert!(!fused, "{}: {} is still a {}", spec.id, node.name, node.op.kind());
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
