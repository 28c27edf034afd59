//! Buffers by liveness: a slot is free again after the last step that reads it.

use super::{Plan, Slot, Step};
use crate::graph::{Graph, NodeId};
use crate::ops::Op;

/// The steps of `graph` with the smallest free slot that fits, or the largest one grown, for every value.
pub(super) fn assign(graph: Graph, outputs: &[NodeId]) -> Plan {
    let source = sources(&graph);
    let last_reader = last_readers(&graph, &source, outputs);
    let mut slots: Vec<usize> = Vec::new();
    let mut free: Vec<Slot> = Vec::new();
    let mut slot_of: Vec<Slot> = Vec::with_capacity(graph.nodes.len());
    let mut steps = Vec::new();
    let mut inputs = Vec::new();
    for (i, node) in graph.nodes.iter().enumerate() {
        if node.op.is_identity() {
            slot_of.push(slot_of[source[i].0]);
        } else {
            let slot = take(&mut free, &mut slots, node.shape.len());
            slot_of.push(slot);
            if matches!(node.op, Op::Input(_)) {
                inputs.push(slot);
            } else {
                let read = node.inputs.iter().map(|id| slot_of[id.0]).collect();
                steps.push(Step { node: NodeId(i), inputs: read, output: slot });
            }
        }
        for (value, last) in last_reader.iter().enumerate() {
            if *last == Some(i) && source[value].0 == value {
                free.push(slot_of[value]);
            }
        }
    }
    let outputs = outputs.iter().map(|id| (*id, slot_of[id.0])).collect();
    Plan { graph, steps, slots, inputs, outputs, updates: Vec::new() }
}

/// The node whose step computes each node's value: itself, but for identities.
fn sources(graph: &Graph) -> Vec<NodeId> {
    let mut source: Vec<NodeId> = Vec::with_capacity(graph.nodes.len());
    for (i, node) in graph.nodes.iter().enumerate() {
        source.push(if node.op.is_identity() { source[node.inputs[0].0] } else { NodeId(i) });
    }
    source
}

/// The last node that reads each value; none for what must stay until the end.
fn last_readers(graph: &Graph, source: &[NodeId], outputs: &[NodeId]) -> Vec<Option<usize>> {
    let mut last: Vec<Option<usize>> = (0..graph.nodes.len()).map(Some).collect();
    for (i, node) in graph.nodes.iter().enumerate() {
        for input in &node.inputs {
            last[source[input.0].0] = Some(i);
        }
    }
    for output in outputs {
        last[source[output.0].0] = None;
    }
    last
}

fn take(free: &mut Vec<Slot>, slots: &mut Vec<usize>, len: usize) -> Slot {
    let fitting = (0..free.len()).filter(|i| slots[free[*i].0] >= len).min_by_key(|i| slots[free[*i].0]);
    let chosen = fitting.or_else(|| (0..free.len()).max_by_key(|i| slots[free[*i].0]));
    let slot = match chosen {
        Some(i) => free.swap_remove(i),
        None => {
            slots.push(0);
            Slot(slots.len() - 1)
        }
    };
    slots[slot.0] = slots[slot.0].max(len);
    slot
}
