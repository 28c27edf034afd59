//! A network as data: nodes in an order in which inputs precede users, and the parameters they name.
//!
//! A graph knows shapes and names, no values and no device. [`Graph::split`] at the cut is what transfer learning
//! is made of: everything before it is frozen, everything after it is trained.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::ops::Range;

use thiserror::Error;

use crate::ops::{Init, Input, Op, ParamSpec, Real};
use crate::shape::{Shape, ShapeError};
use crate::tensor::Tensor;

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Graph {
    pub nodes: Vec<Node>,
    pub params: Vec<Param>,
    /// Dotted names of blocks, `layer1.0` for instance, and the nodes that hold their output.
    pub blocks: BTreeMap<String, NodeId>,
    pub taps: Taps,
    /// Parameters of the published network that this part of it does not read: a checkpoint may hold them.
    pub unread: BTreeSet<String>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Node {
    /// Dotted and unique, torchvision's module name where it has one.
    pub name: String,
    pub op: Op,
    pub inputs: Vec<NodeId>,
    pub params: Vec<ParamId>,
    pub shape: Shape,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Param {
    /// torchvision's name, `layer1.0.conv1.weight` for instance.
    pub name: String,
    /// Dimensions as the checkpoint has them; see [`Shape::from_dims`].
    pub dims: Vec<usize>,
    pub init: Init,
    pub source: Source,
}

impl Param {
    /// A parameter read from the checkpoint under `name`.
    pub fn new(name: String, spec: ParamSpec) -> Self {
        Self { name, dims: spec.dims, init: spec.init, source: Source::Checkpoint }
    }

    /// Some rows along the first dimension as a parameter of their own, named `fc.weight[0..512]`.
    pub fn rows(&self, rows: Range<usize>) -> Self {
        let dims = [&[rows.len()], &self.dims[1..]].concat();
        let name = format!("{}[{}..{}]", self.name, rows.start, rows.end);
        Self { name, dims, init: self.init, source: Source::Rows { of: Box::new(self.clone()), rows } }
    }

    /// The weight that a batch norm was folded into, as it was, and what its output channels are multiplied by.
    pub fn unfolded(&self) -> Option<[Self; 2]> {
        let Source::Folded(fold) = &self.source else { return None };
        let factors = Self {
            name: format!("{}'s factors", self.name),
            dims: vec![self.dims[0]],
            init: self.init,
            source: Source::Folded(Box::new(Fold { part: FoldPart::Factors, ..(**fold).clone() })),
        };
        (fold.part == FoldPart::Weight).then(|| [fold.weight.clone(), factors])
    }
}

/// Where a parameter's values come from.
#[derive(Clone, Debug, PartialEq)]
pub enum Source {
    /// The tensor of that name in the checkpoint, or the initialisation where there is none.
    Checkpoint,
    /// A convolution and the batch norm after it, as one convolution.
    Folded(Box<Fold>),
    /// Some of the rows, along the first dimension, of a parameter too large to be taken at once.
    Rows { of: Box<Param>, rows: Range<usize> },
}

/// What a folded weight or bias is computed from:
/// `weight * gamma / sqrt(variance + epsilon)` and `beta + (bias - mean) * gamma / sqrt(variance + epsilon)`.
#[derive(Clone, Debug, PartialEq)]
pub struct Fold {
    pub part: FoldPart,
    pub weight: Param,
    pub bias: Option<Param>,
    /// weight (gamma), bias (beta), running mean, running variance.
    pub norm: [Param; 4],
    pub epsilon: f64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FoldPart {
    Weight,
    Bias,
    /// What the weight's output channels are multiplied by: `gamma / sqrt(variance + epsilon)`.
    Factors,
}

/// The places where a graph may be cut, in data-flow order.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Taps {
    pub stages: Vec<Stage>,
    /// The embedding: the input of the last linear layer, or what a trunk ends with.
    pub features: Option<NodeId>,
    pub logits: Option<NodeId>,
    /// Heads in the middle of a network that help it to train.
    pub auxiliary: Vec<Auxiliary>,
}

/// Logits from the middle of a network, whose loss is added to that of its last ones. Szegedy et al. 2014, section 5.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Auxiliary {
    pub logits: NodeId,
    /// What its loss is multiplied with.
    pub weight: f32,
}

/// A run of layers that the papers treat as one: `layer2`, say. A cut may follow it.
#[derive(Clone, Debug, PartialEq)]
pub struct Stage {
    pub name: String,
    /// What a reader is shown: "layer 2: two residual blocks".
    pub title: String,
    pub node: NodeId,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct NodeId(pub usize);

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ParamId(pub usize);

#[derive(Clone, Debug, Error, PartialEq)]
pub enum GraphError {
    #[error("there is no node named {name}; {}", nearest(suggestions))]
    UnknownNode { name: String, suggestions: Vec<String> },
    #[error("the network cannot be cut at {cut}: {user} also reads {source_node} from before the cut")]
    CrossesCut { cut: String, user: String, source_node: String },
    #[error("{node}: {error}")]
    Shape { node: String, error: ShapeError },
}

impl Graph {
    /// One op on inputs of the given shapes. Its parameters are named by their suffix alone.
    pub fn of_op(op: &Op, inputs: &[Shape]) -> Result<Self, ShapeError> {
        let mut graph = Self::default();
        for (i, &shape) in inputs.iter().enumerate() {
            let op = Op::Input(Input { shape });
            graph.nodes.push(Node { name: format!("input{i}"), op, inputs: vec![], params: vec![], shape });
        }
        let shape = op.infer(inputs)?;
        let specs = op.params(inputs).into_iter();
        graph.params = specs.map(|spec| Param::new(spec.suffix.into(), spec)).collect();
        graph.nodes.push(Node {
            name: "op".into(),
            op: op.clone(),
            inputs: (0..inputs.len()).map(NodeId).collect(),
            params: (0..graph.params.len()).map(ParamId).collect(),
            shape,
        });
        Ok(graph)
    }

    pub fn node(&self, id: NodeId) -> &Node {
        &self.nodes[id.0]
    }

    pub fn param(&self, id: ParamId) -> &Param {
        &self.params[id.0]
    }

    /// The input node's shape.
    ///
    /// # Panics
    /// If the graph has no input.
    pub fn input_shape(&self) -> Shape {
        let input = self.nodes.iter().find(|node| matches!(node.op, Op::Input(_)));
        input.expect("a graph starts with an input").shape
    }

    /// The node of that dotted name, or the output of the block of that name.
    pub fn find(&self, name: &str) -> Result<NodeId, GraphError> {
        let exact = self.nodes.iter().position(|node| node.name == name).map(NodeId);
        exact.or_else(|| self.blocks.get(name).copied()).ok_or_else(|| {
            let start = name.split('.').next().unwrap_or(name);
            let names = self.blocks.keys().chain(self.nodes.iter().map(|node| &node.name));
            let suggestions = names.filter(|n| n.starts_with(start)).take(5).cloned().collect();
            GraphError::UnknownNode { name: name.into(), suggestions }
        })
    }

    /// The innermost block that a node is a part of, `layer1.0` for `layer1.0.conv1`.
    pub fn block(&self, id: NodeId) -> Option<&str> {
        let name = &self.node(id).name;
        let paths = name.rmatch_indices('.').map(|(end, _)| &name[..end]);
        paths.into_iter().find(|path| self.blocks.contains_key(*path))
    }

    /// Number of readers of each node.
    pub fn users(&self) -> Vec<usize> {
        let mut users = vec![0; self.nodes.len()];
        for input in self.nodes.iter().flat_map(|node| &node.inputs) {
            users[input.0] += 1;
        }
        users
    }

    /// The part of the graph that `outputs` depend on, and where each node went that is in it.
    pub fn prune(&self, outputs: &[NodeId]) -> (Graph, Vec<Option<NodeId>>) {
        let mut needed = vec![false; self.nodes.len()];
        for output in outputs {
            needed[output.0] = true;
        }
        for (i, node) in self.nodes.iter().enumerate().rev() {
            if needed[i] {
                node.inputs.iter().for_each(|input| needed[input.0] = true);
            }
        }
        self.keep(|id| needed[id.0].then(|| self.node(id).clone()))
    }

    /// Cuts at a node: `prefix` ends with it, `suffix` starts with an input of its shape in its place.
    ///
    /// Fails if anything after the cut also reads something before it, such as a shortcut around the cut.
    pub fn split(&self, cut: NodeId) -> Result<(Graph, Graph), GraphError> {
        let (prefix, places) = self.prune(&[cut]);
        let inside = |id: NodeId| places[id.0].is_some();
        for node in &self.nodes {
            let after = node.inputs.iter().any(|input| *input == cut || !inside(*input));
            let crossing = node.inputs.iter().find(|input| **input != cut && inside(**input));
            if let (true, Some(source)) = (after, crossing) {
                return Err(GraphError::CrossesCut {
                    cut: self.node(cut).name.clone(),
                    user: node.name.clone(),
                    source_node: self.node(*source).name.clone(),
                });
            }
        }
        let (suffix, _) = self.keep(|id| {
            let node = self.node(id);
            if id == cut {
                let op = Op::Input(Input { shape: node.shape });
                return Some(Node { op, inputs: Vec::new(), params: Vec::new(), ..node.clone() });
            }
            (!inside(id)).then(|| node.clone())
        });
        Ok((prefix, suffix))
    }

    /// A graph of the nodes for which `choose` answers, renumbered, with the parameters they use.
    fn keep(&self, choose: impl Fn(NodeId) -> Option<Node>) -> (Graph, Vec<Option<NodeId>>) {
        let mut graph = Graph::default();
        let (mut nodes, mut params) = (vec![None; self.nodes.len()], vec![None; self.params.len()]);
        for id in (0..self.nodes.len()).map(NodeId) {
            let Some(mut node) = choose(id) else { continue };
            let kept = "what a kept node reads is kept";
            node.inputs.iter_mut().for_each(|input| *input = nodes[input.0].expect(kept));
            for param in &mut node.params {
                *param = *params[param.0].get_or_insert_with(|| {
                    graph.params.push(self.param(*param).clone());
                    ParamId(graph.params.len() - 1)
                });
            }
            nodes[id.0] = Some(NodeId(graph.nodes.len()));
            graph.nodes.push(node);
        }
        let kept = |id: NodeId| nodes[id.0];
        for (name, id) in &self.blocks {
            if let Some(node) = kept(*id) {
                graph.blocks.insert(name.clone(), node);
            }
        }
        let (stages, auxiliary) = (self.taps.stages.iter(), self.taps.auxiliary.iter());
        graph.taps = Taps {
            stages: stages.filter_map(|s| Some(Stage { node: kept(s.node)?, ..s.clone() })).collect(),
            features: self.taps.features.and_then(kept),
            logits: self.taps.logits.and_then(kept),
            auxiliary: auxiliary.filter_map(|a| Some(Auxiliary { logits: kept(a.logits)?, ..*a })).collect(),
        };
        (graph, nodes)
    }

    /// The same graph with only those parameters that a node names.
    pub fn without_unused_params(mut self) -> Graph {
        let mut params = Vec::new();
        let mut places = vec![None; self.params.len()];
        for id in self.nodes.iter_mut().flat_map(|node| &mut node.params) {
            *id = *places[id.0].get_or_insert_with(|| {
                params.push(self.params[id.0].clone());
                ParamId(params.len() - 1)
            });
        }
        self.params = params;
        self
    }

    /// Every node's value by the ops' definitions, in node order: slow, and right by construction.
    ///
    /// # Panics
    /// If `params` are not this graph's, or `x` is not of the input's shape.
    pub fn interpret<T: Real>(&self, x: &Tensor<T>, params: &[Tensor<T>]) -> Vec<Tensor<T>> {
        self.interpret_inputs(&[x], params)
    }

    /// The same for a graph with any number of inputs, in node order.
    pub fn interpret_inputs<T: Real>(&self, x: &[&Tensor<T>], params: &[Tensor<T>]) -> Vec<Tensor<T>> {
        assert_eq!(params.len(), self.params.len(), "one tensor for every parameter");
        let mut values: Vec<Tensor<T>> = Vec::with_capacity(self.nodes.len());
        let mut given = x.iter();
        for node in &self.nodes {
            let value = if let Op::Input(input) = &node.op {
                let x = *given.next().expect("a value for every input");
                assert_eq!(x.shape, input.shape, "the input's shape");
                x.clone()
            } else {
                let inputs: Vec<_> = node.inputs.iter().map(|id| &values[id.0]).collect();
                let weights: Vec<_> = node.params.iter().map(|id| &params[id.0]).collect();
                node.op.reference(&inputs, &weights)
            };
            values.push(value);
        }
        values
    }
}

/// The architecture table: one line a node, with shape and parameters.
impl fmt::Display for Graph {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{:<28} {:<14} {:>20} {:>12}", "name", "layer", "output", "parameters")?;
        for node in &self.nodes {
            let count: usize =
                node.params.iter().map(|id| self.param(*id).dims.iter().product::<usize>()).sum();
            let (kind, shape) = (node.op.kind(), node.shape.to_string());
            writeln!(f, "{:<28} {:<14} {:>20} {:>12}", node.name, kind, shape, count)?;
        }
        Ok(())
    }
}

fn nearest(suggestions: &[String]) -> String {
    if suggestions.is_empty() {
        "network() lists the names there are".into()
    } else {
        format!("did you mean {}?", suggestions.join(", "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::models;

    fn resnet18() -> Graph {
        models::find("resnet18").unwrap().graph(Shape::new(1, 3, 32, 32), 10).unwrap()
    }

    #[test]
    fn a_split_network_computes_what_the_whole_one_does() {
        let whole = models::find("lenet5").unwrap().graph(Shape::new(2, 1, 32, 32), 10).unwrap();
        let cut = whole.find("pool2").unwrap();
        let (prefix, suffix) = whole.split(cut).unwrap();
        let values = |graph: &Graph| -> Vec<Tensor<f32>> {
            let value = |p: &Param| {
                let index = whole.params.iter().position(|q| q.name == p.name).unwrap();
                let shape = Shape::from_dims(&p.dims);
                Tensor::new(
                    shape,
                    (0..shape.len()).map(|i| ((i * 7 + index) % 13) as f32 / 50.0 - 0.1).collect(),
                )
            };
            graph.params.iter().map(value).collect()
        };
        let x = Tensor::filled(Shape::new(2, 1, 32, 32), 0.5f32);
        let at_once = whole.interpret(&x, &values(&whole));
        let features = prefix.interpret(&x, &values(&prefix)).pop().unwrap();
        let in_two = suffix.interpret(&features, &values(&suffix));
        assert_eq!(at_once.last(), in_two.last());
        assert_eq!(prefix.params.len() + suffix.params.len(), whole.params.len());
    }

    #[test]
    fn a_cut_around_which_a_shortcut_runs_is_refused() {
        let graph = resnet18();
        let error = graph.split(graph.find("layer1.0.conv1").unwrap()).unwrap_err();
        assert!(matches!(error, GraphError::CrossesCut { .. }), "{error}");
        assert!(graph.split(graph.find("layer1").unwrap()).is_ok());
    }

    #[test]
    fn an_unknown_name_suggests_neighbours() {
        let error = resnet18().find("layer1.7").unwrap_err().to_string();
        assert!(error.contains("layer1.0"), "{error}");
    }
}
