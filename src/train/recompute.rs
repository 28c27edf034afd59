//! Time for memory: what is cheap to compute from values that are kept anyway is not kept for the backward pass, but
//! computed again when that needs it. Chen et al. 2016, with the choice made by the ops.
//!
//! A convolution's output, say, is kept because batch norm's gradient reads it, and so the normalised, activated and
//! pooled values after it can go and come back. They come back by the same kernels from the same values, bit for bit.
//! The plan then finds by itself that a value which nobody reads any more leaves its slot.

use crate::gradient::Gradients;
use crate::graph::{Graph, Node, NodeId};
use crate::ops::Op;

/// A graph whose backward pass begins with node number `forward`, with a copy of what is computed again in front of its
/// first reader on the way back. Nodes before `forward` stay where they are.
pub fn recompute(gradients: Gradients, forward: usize) -> Gradients {
    let Gradients { graph, nodes: by_node, params: by_param } = &gradients;
    let again = recomputed(graph, forward);
    let (nodes, params) = (graph.nodes[..forward].to_vec(), graph.params.clone());
    let mut rewrite = Rewrite {
        source: graph,
        graph: Graph { nodes, params, ..Graph::default() },
        copies: vec![None; forward],
        again,
    };
    let mut places: Vec<NodeId> = (0..forward).map(NodeId).collect();
    for node in &graph.nodes[forward..] {
        let inputs = node.inputs.iter().map(|&input| match input.0 < forward {
            true => rewrite.value(input),
            false => places[input.0],
        });
        let node = Node { inputs: inputs.collect(), ..node.clone() };
        rewrite.graph.nodes.push(node);
        places.push(NodeId(rewrite.graph.nodes.len() - 1));
    }
    let moved = |ids: &[Option<NodeId>]| ids.iter().map(|id| Some(places[(*id)?.0])).collect();
    Gradients { graph: rewrite.graph, nodes: moved(by_node), params: moved(by_param) }
}

struct Rewrite<'a> {
    source: &'a Graph,
    graph: Graph,
    /// Of the nodes of the forward pass, as far as the backward pass has asked for them.
    copies: Vec<Option<NodeId>>,
    again: Vec<bool>,
}

impl Rewrite<'_> {
    /// Where the backward pass reads what a node of the forward pass computes.
    fn value(&mut self, id: NodeId) -> NodeId {
        if !self.again[id.0] {
            return id;
        }
        if let Some(copy) = self.copies[id.0] {
            return copy;
        }
        let node = self.source.node(id);
        let inputs = node.inputs.iter().map(|&input| self.value(input)).collect();
        let name = format!("{}.again", node.name);
        self.graph.nodes.push(Node { name, inputs, ..node.clone() });
        let copy = NodeId(self.graph.nodes.len() - 1);
        self.copies[id.0] = Some(copy);
        copy
    }
}

/// Which nodes of the forward pass are cheap functions of what is there on the way back: inputs, values that the backward
/// pass reads and that are not cheap themselves, and others of this kind.
fn recomputed(graph: &Graph, forward: usize) -> Vec<bool> {
    let mut read = vec![false; forward];
    let inputs = graph.nodes[forward..].iter().flat_map(|node| &node.inputs);
    inputs.filter(|input| input.0 < forward).for_each(|input| read[input.0] = true);
    let mut again: Vec<bool> = Vec::with_capacity(forward);
    for node in &graph.nodes[..forward] {
        let there = |id: &NodeId| again[id.0] || read[id.0] || matches!(graph.node(*id).op, Op::Input(_));
        again.push(is_cheap(&node.op) && node.inputs.iter().all(there));
    }
    again
}

/// Whether an op costs little beside a convolution. A sum does too, but a chain of shortcuts would lead from the last
/// value back to the first.
fn is_cheap(op: &Op) -> bool {
    op.is_identity()
        || matches!(
            op,
            Op::BatchNorm(_)
                | Op::Normalise(_)
                | Op::Activation(_)
                | Op::Mask(_)
                | Op::MaxPool(_)
                | Op::AvgPool(_)
                | Op::AdaptiveAvgPool(_)
                | Op::Concat(_)
        )
}
