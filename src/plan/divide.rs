//! Linear layers too large for one piece of memory become several, each with some rows of the weights, and their results
//! are put together again.
//!
//! VGG's first fully connected layer has 392 MiB of weights and AlexNet's 144, while a device binds 128 at once, and
//! whoever brings weights to a backend holds a piece of them in every form it passes through. Rows lie side by side in a
//! file, so a piece is read on its own.

use crate::graph::{Graph, Node, NodeId, Param, ParamId};
use crate::ops::{Concat, Linear, Op};
use crate::shape::Shape;

/// The graph with no linear layer of more than `most` bytes of weights, unless a single row has more, and where
/// `outputs` are in it.
pub(crate) fn divide(graph: Graph, outputs: &[NodeId], most: usize) -> (Graph, Vec<NodeId>) {
    let mut divided = Graph { params: graph.params.clone(), ..Graph::default() };
    let mut places: Vec<NodeId> = Vec::with_capacity(graph.nodes.len());
    for node in &graph.nodes {
        let inputs = node.inputs.iter().map(|input| places[input.0]).collect();
        let node = Node { inputs, ..node.clone() };
        match node.op {
            Op::Linear(linear) if rows_at_once(&graph, &node, most) < linear.features => {
                let rows = rows_at_once(&graph, &node, most);
                pieces(&mut divided, &node, linear, rows);
            }
            _ => divided.nodes.push(node),
        }
        places.push(NodeId(divided.nodes.len() - 1));
    }
    let outputs = outputs.iter().map(|id| places[id.0]).collect();
    (divided.without_unused_params(), outputs)
}

/// Rows of a linear layer's weight that stay within `most` bytes, in whole blocks as kernels take them.
fn rows_at_once(graph: &Graph, node: &Node, most: usize) -> usize {
    let rows = most / (4 * graph.param(node.params[0]).dims[1]);
    if rows < BLOCK { rows.max(1) } else { rows / BLOCK * BLOCK }
}

/// Outputs that kernels make together.
const BLOCK: usize = 4;

/// Adds the layer in pieces of at most `rows` rows and what puts them together; the last of them has the layer's name.
fn pieces(graph: &mut Graph, node: &Node, linear: Linear, rows: usize) {
    // Of equal size, so that none is too small to keep a device busy.
    let equal = linear.features.div_ceil(linear.features.div_ceil(rows));
    let step = if rows < BLOCK { equal } else { equal.next_multiple_of(BLOCK) };
    let mut parts = Vec::new();
    for start in (0..linear.features).step_by(step) {
        let rows = start..linear.features.min(start + step);
        let params: Vec<Param> = node.params.iter().map(|id| graph.param(*id).rows(rows.clone())).collect();
        let first = graph.params.len();
        graph.params.extend(params);
        graph.nodes.push(Node {
            name: format!("{}[{}..{}]", node.name, rows.start, rows.end),
            op: Op::Linear(Linear { features: rows.len(), ..linear }),
            inputs: node.inputs.clone(),
            params: (first..graph.params.len()).map(ParamId).collect(),
            shape: Shape { c: rows.len(), ..node.shape },
        });
        parts.push(NodeId(graph.nodes.len() - 1));
    }
    while parts.len() > 1 {
        let groups = parts.chunks(Concat::MOST).map(|group| concat(graph, node, group)).collect();
        parts = groups;
    }
}

/// Adds the parts one after another; a single one stays as it is.
fn concat(graph: &mut Graph, whole: &Node, parts: &[NodeId]) -> NodeId {
    if let [part] = parts {
        return *part;
    }
    let c = parts.iter().map(|id| graph.node(*id).shape.c).sum();
    let shape = Shape { c, ..whole.shape };
    let name = match shape == whole.shape {
        true => whole.name.clone(),
        false => format!("{} and the {} after", graph.node(parts[0]).name, parts.len() - 1),
    };
    let op = Op::Concat(Concat);
    graph.nodes.push(Node { name, op, inputs: parts.to_vec(), params: Vec::new(), shape });
    NodeId(graph.nodes.len() - 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graph::Source;
    use crate::plan::Plan;
    use crate::tensor::Tensor;

    #[test]
    fn pieces_are_within_the_limit_and_compute_the_same() {
        let op = Op::Linear(Linear::new(150));
        let graph = Graph::of_op(&op, &[Shape::vector(2, 40)]).unwrap();
        let value = |i: usize| (i * 31 % 17) as f64 / 40.0 - 0.2;
        let x = Tensor::new(Shape::vector(2, 40), (0..80).map(value).collect());
        let param = |p: &Param| Shape::from_dims(&p.dims);
        let whole: Vec<Tensor<f64>> = graph
            .params
            .iter()
            .map(|p| Tensor::new(param(p), (0..param(p).len()).map(value).collect()))
            .collect();
        let expected = graph.interpret(&x, &whole).pop().unwrap();
        for most in [1, 160, 1000, 5000, 12_000, 24_000] {
            let (divided, outputs) = divide(graph.clone(), &[NodeId(1)], most);
            let values = divided.params.iter().map(|p| match &p.source {
                Source::Rows { of, rows } => {
                    let of = &whole[graph.params.iter().position(|q| q.name == of.name).unwrap()];
                    Tensor::new(
                        param(p),
                        of.data[rows.start * of.shape.image()..rows.end * of.shape.image()].to_vec(),
                    )
                }
                _ => whole[graph.params.iter().position(|q| q.name == p.name).unwrap()].clone(),
            });
            let values: Vec<_> = values.collect();
            assert_eq!(divided.interpret(&x, &values)[outputs[0].0], expected, "at most {most} bytes");
            assert_eq!(divided.node(outputs[0]).name, "op");
            let largest = divided.params.iter().map(|p| 4 * param(p).len()).max().unwrap();
            assert!(largest <= most.max(160), "{largest} bytes, at most {most}");
        }
    }

    #[test]
    fn a_layer_of_vgg_fits_every_device() {
        let op = Op::Linear(Linear::new(4096));
        let plan = Plan::of_op(&op, &[Shape::vector(1, 25_088)]).unwrap();
        let largest = plan.graph.params.iter().map(|p| 4 * p.dims.iter().product::<usize>()).max();
        assert!(largest.unwrap() <= 128 << 20, "{largest:?} bytes");
    }
}
