//! Buffers by liveness: a slot is free again after the last step that reads it.

use std::ops::RangeInclusive;

use super::{Plan, Slot, Step};
use crate::graph::{Graph, NodeId};
use crate::ops::Op;

/// The steps of `graph` with a slot for every value. The largest values come first, each to the smallest slot that is free
/// for as long as somebody reads it, so that no slot ever grows. Pisarchyk and Lee 2020, greedy by size.
pub(super) fn assign(graph: Graph, outputs: &[NodeId]) -> Plan {
    let source = sources(&graph);
    let spans = spans(&graph, &source, outputs);
    let mut slots: Vec<usize> = Vec::new();
    let mut held: Vec<Vec<NodeId>> = Vec::new();
    let mut slot_of = vec![Slot(usize::MAX); graph.nodes.len()];
    while let Some(value) = largest(&graph, &slot_of) {
        let free =
            |values: &Vec<NodeId>| values.iter().all(|other| disjoint(&spans[value.0], &spans[other.0]));
        let slot = held.iter().rposition(free).unwrap_or_else(|| {
            slots.push(graph.node(value).shape.len());
            held.push(Vec::new());
            slots.len() - 1
        });
        held[slot].push(value);
        slot_of[value.0] = Slot(slot);
    }
    let (mut steps, mut inputs) = (Vec::new(), Vec::new());
    for (i, node) in graph.nodes.iter().enumerate() {
        if matches!(node.op, Op::Input(_)) {
            inputs.push(slot_of[i]);
        } else if !node.op.is_identity() {
            let read = node.inputs.iter().map(|id| slot_of[source[id.0].0]).collect();
            steps.push(Step { node: NodeId(i), inputs: read, output: slot_of[i] });
        }
    }
    let outputs = outputs.iter().map(|id| (*id, slot_of[source[id.0].0])).collect();
    Plan { graph, steps, slots, inputs, outputs, updates: Vec::new() }
}

/// The largest value without a slot, the first of equal ones. Identities have none of their own.
fn largest(graph: &Graph, slot_of: &[Slot]) -> Option<NodeId> {
    let waiting = |id: &usize| slot_of[*id] == Slot(usize::MAX) && !graph.nodes[*id].op.is_identity();
    let waiting = (0..graph.nodes.len()).rev().filter(waiting);
    waiting.max_by_key(|id| graph.nodes[*id].shape.len()).map(NodeId)
}

fn disjoint(one: &RangeInclusive<usize>, other: &RangeInclusive<usize>) -> bool {
    one.end() < other.start() || other.end() < one.start()
}

/// The node whose step computes each node's value: itself, but for identities.
fn sources(graph: &Graph) -> Vec<NodeId> {
    let mut source: Vec<NodeId> = Vec::with_capacity(graph.nodes.len());
    for (i, node) in graph.nodes.iter().enumerate() {
        source.push(if node.op.is_identity() { source[node.inputs[0].0] } else { NodeId(i) });
    }
    source
}

/// From the node that computes each value to the last that reads it: inputs are there from the beginning, outputs stay until
/// the end.
fn spans(graph: &Graph, source: &[NodeId], outputs: &[NodeId]) -> Vec<RangeInclusive<usize>> {
    let mut last: Vec<usize> = (0..graph.nodes.len()).collect();
    for (i, node) in graph.nodes.iter().enumerate() {
        node.inputs.iter().for_each(|input| last[source[input.0].0] = i);
    }
    outputs.iter().for_each(|output| last[source[output.0].0] = usize::MAX);
    let first = |i: usize| if matches!(graph.nodes[i].op, Op::Input(_)) { 0 } else { i };
    last.into_iter().enumerate().map(|(i, last)| first(i)..=last).collect()
}
