//! Fewer, larger operations: batch norm folded into the convolution before it, then residual and activation pulled
//! into its epilogue. A node that somebody looks at is never fused away.

use std::collections::BTreeSet;

use crate::graph::{Fold, FoldPart, Graph, Node, NodeId, Param, ParamId, Source};
use crate::ops::Op;

/// The fused graph of what `outputs` need, and where each of them is in it.
///
/// The fused node takes the name of the last node it stands for.
pub fn fuse(graph: &Graph, outputs: &[NodeId]) -> (Graph, Vec<NodeId>) {
    fuse_around(graph, outputs, &BTreeSet::new())
}

/// The same where parameters of those names change, so that nothing may be folded into them or them into anything.
pub(super) fn fuse_around(
    graph: &Graph,
    outputs: &[NodeId],
    trained: &BTreeSet<&str>,
) -> (Graph, Vec<NodeId>) {
    let (graph, kept) = graph.prune(outputs);
    let outputs: Vec<NodeId> = outputs.iter().map(|id| kept[id.0].expect("outputs are kept")).collect();
    let chains = Chains::find(&graph, &outputs, trained);

    let mut fused = Graph { params: graph.params.clone(), ..Graph::default() };
    let mut places = vec![None; graph.nodes.len()];
    let place = |places: &[Option<NodeId>], id: NodeId| places[id.0].expect("only ends of runs are read");
    for (i, node) in graph.nodes.iter().enumerate().filter(|(i, _)| !chains.absorbed[*i]) {
        let mut node = match &chains.ending[i][..] {
            [] => node.clone(),
            chain => build(&graph, chain, &mut fused.params),
        };
        node.inputs.iter_mut().for_each(|input| *input = place(&places, *input));
        places[i] = Some(NodeId(fused.nodes.len()));
        fused.nodes.push(node);
    }
    let outputs = outputs.iter().map(|id| place(&places, *id)).collect();
    (fused.without_unused_params(), outputs)
}

/// Runs of nodes that become one.
struct Chains {
    /// The run that ends with each node; nothing for all other nodes.
    ending: Vec<Vec<NodeId>>,
    /// Nodes inside a chain but not at its end.
    absorbed: Vec<bool>,
}

impl Chains {
    fn find(graph: &Graph, outputs: &[NodeId], trained: &BTreeSet<&str>) -> Self {
        let changes = |id: NodeId| {
            let mut names = graph.node(id).params.iter().map(|param| graph.param(*param).name.as_str());
            names.any(|name| trained.contains(name))
        };
        let readers = readers(graph);
        let count = graph.nodes.len();
        let mut chains = Self { ending: vec![Vec::new(); count], absorbed: vec![false; count] };
        for start in (0..count).map(NodeId) {
            let mut chain = vec![start];
            loop {
                let last = chain[chain.len() - 1];
                let [next] = readers[last.0][..] else { break };
                if outputs.contains(&last) || chains.is_taken(next) || !extends(graph, &chain, next) {
                    break;
                }
                if matches!(graph.node(next).op, Op::BatchNorm(_)) && (changes(start) || changes(next)) {
                    break;
                }
                chain.push(next);
            }
            if let [inner @ .., last] = &chain[..]
                && !inner.is_empty()
                && !chains.is_taken(start)
            {
                inner.iter().for_each(|id| chains.absorbed[id.0] = true);
                let last = last.0;
                chains.ending[last] = chain;
            }
        }
        chains
    }

    fn is_taken(&self, id: NodeId) -> bool {
        self.absorbed[id.0] || !self.ending[id.0].is_empty()
    }
}

/// Whether `next`, the only reader of the chain's last node, can join the chain.
fn extends(graph: &Graph, chain: &[NodeId], next: NodeId) -> bool {
    let has = |kind: fn(&Op) -> bool| chain.iter().any(|id| kind(&graph.node(*id).op));
    let is_norm = |op: &Op| matches!(op, Op::BatchNorm(_));
    let is_add = |op: &Op| matches!(op, Op::Add(_));
    let is_activation = |op: &Op| matches!(op, Op::Activation(_));
    if has(is_activation) {
        return false;
    }
    let inputs = &graph.node(next).inputs;
    match (&graph.node(chain[0]).op, &graph.node(next).op) {
        (Op::Conv2d(_), Op::BatchNorm(_)) => !has(is_norm) && !has(is_add),
        (Op::Conv2d(_), Op::Add(_)) => !has(is_add) && inputs[0] != inputs[1],
        (Op::Conv2d(_) | Op::Linear(_) | Op::Add(_), Op::Activation(_)) => true,
        _ => false,
    }
}

fn build(graph: &Graph, chain: &[NodeId], params: &mut Vec<Param>) -> Node {
    let first = graph.node(chain[0]);
    let last = graph.node(chain[chain.len() - 1]);
    let mut node = Node { name: last.name.clone(), shape: last.shape, ..first.clone() };
    for (before, id) in chain.iter().zip(&chain[1..]) {
        let next = graph.node(*id);
        match (&mut node.op, &next.op) {
            (Op::Conv2d(conv), Op::BatchNorm(norm)) => {
                node.params = fold(graph, first, next, norm.epsilon, params);
                conv.bias = true;
            }
            (Op::Conv2d(conv), Op::Add(_)) => {
                let residual = next.inputs.iter().find(|input| *input != before);
                node.inputs.push(*residual.expect("a sum of two different values"));
                conv.epilogue.residual = true;
            }
            (Op::Conv2d(conv), Op::Activation(f)) => conv.epilogue.activation = Some(*f),
            (Op::Linear(linear), Op::Activation(f)) => linear.activation = Some(*f),
            (Op::Add(add), Op::Activation(f)) => add.activation = Some(*f),
            (op, next) => unreachable!("{} does not fuse with {}", op.kind(), next.kind()),
        }
    }
    node
}

/// Adds the folded weight and bias to `params` and returns where they are.
fn fold(graph: &Graph, conv: &Node, norm: &Node, epsilon: f64, params: &mut Vec<Param>) -> Vec<ParamId> {
    let param = |id: &ParamId| graph.param(*id).clone();
    let weight = param(&conv.params[0]);
    let gamma_beta_mean_variance: [ParamId; 4] =
        norm.params.clone().try_into().expect("batch norm has four parameters");
    let fold = |part| Fold {
        part,
        weight: weight.clone(),
        bias: conv.params.get(1).map(param),
        norm: gamma_beta_mean_variance.each_ref().map(param),
        epsilon,
    };
    let mut add = |part, suffix: &str, dims: Vec<usize>| {
        let name = format!("{}+{}.{suffix}", conv.name, norm.name);
        params.push(Param { name, dims, init: weight.init, source: Source::Folded(Box::new(fold(part))) });
        ParamId(params.len() - 1)
    };
    vec![
        add(FoldPart::Weight, "weight", weight.dims.clone()),
        add(FoldPart::Bias, "bias", vec![weight.dims[0]]),
    ]
}

fn readers(graph: &Graph) -> Vec<Vec<NodeId>> {
    let mut readers = vec![Vec::new(); graph.nodes.len()];
    for (i, node) in graph.nodes.iter().enumerate() {
        node.inputs.iter().for_each(|input| readers[input.0].push(NodeId(i)));
    }
    readers
}
