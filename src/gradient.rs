//! Reverse mode: from a graph and a loss in it to a graph that also computes the loss's gradients.
//!
//! Every op knows how to hand the gradient of its output on to its inputs and parameters
//! ([`Operator::vjp`](crate::ops::Operator::vjp)), and does so with ordinary nodes. Walking the graph backwards and adding up what arrives at each
//! node is all that is left to do. Nothing here knows an op's formula, a plan or a device; what nobody asks for is
//! pruned when the graph is planned, such as the gradient of the pictures.

use thiserror::Error;

use crate::graph::{Graph, Node, NodeId, ParamId};
use crate::ops::{Activation, ActivationGradient, Add, ChannelSum, Constant, Op};
use crate::shape::Shape;

/// A graph that goes on into its own backward pass.
#[derive(Clone, Debug, PartialEq)]
pub struct Gradients {
    /// The graph differentiated, node for node, and the nodes of the backward pass after them.
    pub graph: Graph,
    /// The gradient of the loss with respect to each node of the graph; none where the loss does not depend on it.
    pub nodes: Vec<Option<NodeId>>,
    /// With respect to each parameter.
    pub params: Vec<Option<NodeId>>,
}

/// What an op adds to the gradients of its inputs and parameters, in their order; none where nothing flows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Grads {
    pub inputs: Vec<Option<NodeId>>,
    pub params: Vec<Option<NodeId>>,
}

/// The graph while its backward pass is being written.
#[derive(Debug)]
pub struct Backward {
    graph: Graph,
}

#[derive(Clone, Debug, Error, PartialEq)]
pub enum GradientError {
    #[error("{node}: a {kind} has no gradient; take the loss from a node before it")]
    NotDifferentiable { node: String, kind: &'static str },
    #[error("{node}: a loss is one number, this is {shape}")]
    NotANumber { node: String, shape: Shape },
}

/// Appends to `graph` the nodes that compute the gradient of `loss`, a node of one value, by everything it depends on.
pub fn differentiate(graph: Graph, loss: NodeId) -> Result<Gradients, GradientError> {
    let Node { name, shape, .. } = graph.node(loss);
    if shape.len() != 1 {
        return Err(GradientError::NotANumber { node: name.clone(), shape: *shape });
    }
    let one = Op::Constant(Constant { shape: *shape, value: 1.0 });
    let mut net = Backward { graph };
    let dy = net.emit(loss, "gradient", one, &[], &[]);
    pull_back(net.graph, loss, dy)
}

/// Appends to `graph` the nodes that hand `dy`, the gradient of something by the value of node `y`, back to everything
/// that `y` depends on.
pub fn pull_back(graph: Graph, y: NodeId, dy: NodeId) -> Result<Gradients, GradientError> {
    let (mut nodes, mut params) = (vec![None; graph.nodes.len()], vec![None; graph.params.len()]);
    let mut net = Backward { graph };
    nodes[y.0] = Some(dy);
    for id in (0..=y.0).rev().map(NodeId) {
        let Some(dy) = nodes[id.0] else { continue };
        let Node { op, inputs, params: own, .. } = net.node(id).clone();
        if matches!(op, Op::Input(_)) {
            continue;
        }
        let Some(grads) = op.vjp(&mut net, id, dy) else {
            let node = net.node(id).name.clone();
            return Err(GradientError::NotDifferentiable { node, kind: op.kind() });
        };
        for (input, gradient) in inputs.into_iter().zip(grads.inputs) {
            net.accumulate(&mut nodes[input.0], gradient);
        }
        for (param, gradient) in own.into_iter().zip(grads.params) {
            net.accumulate(&mut params[param.0], gradient);
        }
    }
    Ok(Gradients { graph: net.graph, nodes, params })
}

impl Grads {
    /// Of an op with one input and no parameters.
    pub fn of_input(dx: NodeId) -> Self {
        Self { inputs: vec![Some(dx)], params: Vec::new() }
    }
}

impl Backward {
    pub fn node(&self, id: NodeId) -> &Node {
        self.graph.node(id)
    }

    pub fn shape(&self, id: NodeId) -> Shape {
        self.node(id).shape
    }

    /// The node's input of that index.
    pub fn input(&self, node: NodeId, index: usize) -> NodeId {
        self.node(node).inputs[index]
    }

    /// The node's parameter of that index.
    pub fn param(&self, node: NodeId, index: usize) -> ParamId {
        self.node(node).params[index]
    }

    /// Adds a node of the backward pass of node `of`, called `what` after its name.
    ///
    /// # Panics
    /// If the op does not take these inputs: gradients have the shapes of what they belong to.
    pub fn emit(&mut self, of: NodeId, what: &str, op: Op, inputs: &[NodeId], params: &[ParamId]) -> NodeId {
        let shapes: Vec<Shape> = inputs.iter().map(|id| self.shape(*id)).collect();
        let name = format!("{}.{what}", self.node(of).name);
        let shape = op.infer(&shapes).unwrap_or_else(|error| panic!("{name}: {error}"));
        self.graph.nodes.push(Node { name, op, inputs: inputs.to_vec(), params: params.to_vec(), shape });
        NodeId(self.graph.nodes.len() - 1)
    }

    /// The gradient before the activation that `node` ends with, if it does.
    pub fn before(&mut self, activation: Option<Activation>, node: NodeId, dy: NodeId) -> NodeId {
        match activation {
            None => dy,
            Some(f) => {
                let op = Op::ActivationGradient(ActivationGradient { activation: f });
                self.emit(node, "activation_gradient", op, &[node, dy], &[])
            }
        }
    }

    /// The gradient of a bias that was added to every pixel of a channel.
    pub fn bias_gradient(&mut self, node: NodeId, dy: NodeId) -> NodeId {
        self.emit(node, "bias.gradient", Op::ChannelSum(ChannelSum), &[dy], &[])
    }

    /// `sum += gradient`, where both may be nothing yet.
    fn accumulate(&mut self, sum: &mut Option<NodeId>, gradient: Option<NodeId>) {
        *sum = match (*sum, gradient) {
            (Some(a), Some(b)) => Some(self.emit(b, "sum", Op::Add(Add::default()), &[a, b], &[])),
            (a, b) => a.or(b),
        };
    }
}
