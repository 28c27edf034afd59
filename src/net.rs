//! The builder in which networks are written: layers get dotted names, shapes are inferred as they are added, and
//! the first error is kept until [`Net::finish`], so that a model file reads like its paper's table.

use std::collections::BTreeSet;

use thiserror::Error;

use crate::graph::{Auxiliary, Graph, GraphError, Node, NodeId, Param, ParamId, Stage};
use crate::ops::{
    Activation, AdaptiveAvgPool, Add, AvgPool, BatchNorm, Concat, Conv2d, Dropout, Flatten, GlobalAvgPool,
    Input, Linear, Lrn, MaxPool, Op, ParamSpec,
};
use crate::shape::{Shape, Window};

#[derive(Debug, Default)]
pub struct Net {
    graph: Graph,
    scopes: Vec<String>,
    /// Names of the nodes so far.
    names: BTreeSet<String>,
    error: Option<NetError>,
}

/// How much of a network is built.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Part {
    /// From the image to the logits of so many classes.
    Whole { classes: usize },
    /// The convolutions alone, up to the features: all that transfer learning needs.
    Trunk,
    /// The whole network and what exists only while it trains: auxiliary heads.
    Training { classes: usize },
}

impl Part {
    /// Number of classes told apart; none for a trunk.
    pub const fn classes(self) -> Option<usize> {
        match self {
            Self::Whole { classes } | Self::Training { classes } => Some(classes),
            Self::Trunk => None,
        }
    }
}

#[derive(Clone, Debug, Error, PartialEq)]
pub enum NetError {
    #[error(transparent)]
    Graph(#[from] GraphError),
    #[error("two layers are named {name}")]
    DuplicateName { name: String },
    #[error("the network does not say where its {what} are")]
    MissingTap { what: &'static str },
}

impl Net {
    /// A network that sees pictures of `shape`.
    pub fn new(shape: Shape) -> (Self, NodeId) {
        let mut net = Self::default();
        let input = net.add("image", Op::Input(Input { shape }), &[]);
        (net, input)
    }

    pub fn shape(&self, x: NodeId) -> Shape {
        self.graph.node(x).shape
    }

    /// The dotted name of a node.
    pub fn name(&self, x: NodeId) -> String {
        self.graph.node(x).name.clone()
    }

    pub fn conv2d(&mut self, name: &str, x: NodeId, conv: Conv2d) -> NodeId {
        self.add(name, Op::Conv2d(conv), &[x])
    }

    pub fn linear(&mut self, name: &str, x: NodeId, features: usize) -> NodeId {
        self.add(name, Op::Linear(Linear::new(features)), &[x])
    }

    /// An epsilon alone is batch norm with PyTorch's momentum.
    pub fn batch_norm(&mut self, name: &str, x: NodeId, norm: impl Into<BatchNorm>) -> NodeId {
        self.add(name, Op::BatchNorm(norm.into()), &[x])
    }

    pub fn activation(&mut self, name: &str, x: NodeId, activation: Activation) -> NodeId {
        self.add(name, Op::Activation(activation), &[x])
    }

    pub fn max_pool(&mut self, name: &str, x: NodeId, window: Window) -> NodeId {
        self.add(name, Op::MaxPool(MaxPool { window }), &[x])
    }

    pub fn avg_pool(&mut self, name: &str, x: NodeId, window: Window) -> NodeId {
        self.add(name, Op::AvgPool(AvgPool { window }), &[x])
    }

    /// So many bins of each map, vertically and horizontally, whatever the map's size.
    pub fn adaptive_avg_pool(&mut self, name: &str, x: NodeId, bins: [usize; 2]) -> NodeId {
        self.add(name, Op::AdaptiveAvgPool(AdaptiveAvgPool { bins }), &[x])
    }

    pub fn global_avg_pool(&mut self, name: &str, x: NodeId) -> NodeId {
        self.add(name, Op::GlobalAvgPool(GlobalAvgPool), &[x])
    }

    pub fn sum(&mut self, name: &str, a: NodeId, b: NodeId) -> NodeId {
        self.add(name, Op::Add(Add::default()), &[a, b])
    }

    pub fn lrn(&mut self, name: &str, x: NodeId, lrn: Lrn) -> NodeId {
        self.add(name, Op::Lrn(lrn), &[x])
    }

    /// Any number of inputs, one after another along the channels: a tree of concatenations where one does not take
    /// them all, so that no value is moved more often than the tree is high.
    pub fn concat(&mut self, name: &str, x: &[NodeId]) -> NodeId {
        if let [x] = x {
            return *x;
        }
        if x.len() <= Concat::MOST {
            return self.add(name, Op::Concat(Concat), x);
        }
        let parts = x.chunks(x.len().div_ceil(Concat::MOST)).enumerate();
        let parts: Vec<NodeId> = parts.map(|(i, part)| self.concat(&format!("{name}.{i}"), part)).collect();
        self.concat(name, &parts)
    }

    pub fn flatten(&mut self, name: &str, x: NodeId) -> NodeId {
        self.add(name, Op::Flatten(Flatten), &[x])
    }

    pub fn dropout(&mut self, name: &str, x: NodeId, probability: f32) -> NodeId {
        self.add(name, Op::Dropout(Dropout { probability }), &[x])
    }

    /// Layers under a common dotted name; the block's name stands for what it returns.
    pub fn block(&mut self, name: &str, build: impl FnOnce(&mut Self) -> NodeId) -> NodeId {
        self.open(name);
        let output = build(self);
        self.close(output);
        output
    }

    fn open(&mut self, name: &str) {
        self.scopes.push(name.into());
    }

    fn close(&mut self, output: NodeId) {
        let path = self.scopes.join(".");
        self.scopes.pop();
        self.graph.blocks.insert(path, output);
    }

    /// A block after which the network may be cut, with the title that a reader is shown.
    pub fn stage(&mut self, name: &str, title: &str, build: impl FnOnce(&mut Self) -> NodeId) -> NodeId {
        let node = self.block(name, build);
        self.mark_stage(name, title, node)
    }

    /// Lets a layer, or a run of layers without a name of their own, be a stage.
    pub fn mark_stage(&mut self, name: &str, title: &str, node: NodeId) -> NodeId {
        self.graph.taps.stages.push(Stage { name: name.into(), title: title.into(), node });
        node
    }

    pub fn features(&mut self, x: NodeId) -> NodeId {
        self.graph.taps.features = Some(x);
        x
    }

    pub fn logits(&mut self, x: NodeId) -> NodeId {
        self.graph.taps.logits = Some(x);
        x
    }

    /// Marks the logits of an auxiliary head; its loss counts `weight` times.
    pub fn auxiliary(&mut self, x: NodeId, weight: f32) {
        self.graph.taps.auxiliary.push(Auxiliary { logits: x, weight });
    }

    /// The graph, or the first thing that was wrong with it. Whoever has classes has logits.
    pub fn finish(self, part: Part) -> Result<Graph, NetError> {
        let taps = &self.graph.taps;
        match self.error {
            Some(error) => Err(error),
            None if taps.features.is_none() => Err(NetError::MissingTap { what: "features" }),
            None if taps.logits.is_none() && part.classes().is_some() => {
                Err(NetError::MissingTap { what: "logits" })
            }
            None => Ok(self.graph),
        }
    }

    fn add(&mut self, name: &str, op: Op, inputs: &[NodeId]) -> NodeId {
        let last = NodeId(self.graph.nodes.len().saturating_sub(1));
        if self.error.is_some() {
            return last;
        }
        let name = self.scopes.iter().map(String::as_str).chain([name]).collect::<Vec<_>>().join(".");
        if !self.names.insert(name.clone()) {
            self.error = Some(NetError::DuplicateName { name });
            return last;
        }
        let shapes: Vec<Shape> = inputs.iter().map(|id| self.shape(*id)).collect();
        // Parameters are measured too: a class count makes a last layer of any size.
        let measured = op.infer(&shapes).and_then(Shape::checked).and_then(|shape| {
            let params = op.params(&shapes).into_iter();
            params.map(|spec| Shape::from_dims(&spec.dims).checked()).collect::<Result<Vec<_>, _>>()?;
            Ok(shape)
        });
        let shape = match measured {
            Ok(shape) => shape,
            Err(error) => {
                self.error = Some(GraphError::Shape { node: name, error }.into());
                // Later layers still need a node to refer to; the error makes sure that none is ever run.
                if self.graph.nodes.is_empty() {
                    let input = Op::Input(Input { shape: Shape::vector(1, 1) });
                    self.push("image".into(), input, &[], Shape::vector(1, 1), &[]);
                }
                return last;
            }
        };
        let named = |spec: ParamSpec| Param::new(format!("{name}.{}", spec.suffix), spec);
        let params: Vec<Param> = op.params(&shapes).into_iter().map(named).collect();
        self.push(name, op, inputs, shape, &params)
    }

    fn push(&mut self, name: String, op: Op, inputs: &[NodeId], shape: Shape, params: &[Param]) -> NodeId {
        let first = self.graph.params.len();
        self.graph.params.extend_from_slice(params);
        let params = (first..self.graph.params.len()).map(ParamId).collect();
        self.graph.nodes.push(Node { name, op, inputs: inputs.to_vec(), params, shape });
        NodeId(self.graph.nodes.len() - 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_error_is_kept_with_its_dotted_path() {
        let (mut net, image) = Net::new(Shape::new(1, 3, 8, 8));
        let x = net.block("stem", |net| net.conv2d("conv", image, Conv2d::new(4, Window::square(9, 1, 0))));
        let x = net.linear("fc", x, 10);
        net.features(x);
        net.logits(x);
        let error = net.finish(Part::Whole { classes: 10 }).unwrap_err().to_string();
        assert!(error.starts_with("stem.conv: the 9 pixel kernel"), "{error}");
    }

    #[test]
    fn a_network_beyond_memory_is_an_error() {
        let error = crate::models::find("resnet18").unwrap().graph(Shape::new(1, 3, 1 << 28, 1 << 28), 10);
        assert!(error.unwrap_err().to_string().starts_with("image: [1, 3,"));
        let error = crate::models::find("lenet5").unwrap().graph(Shape::new(1, 1, 32, 32), 1 << 30);
        assert!(error.unwrap_err().to_string().starts_with("fc2: "));
    }

    #[test]
    fn any_number_of_inputs_can_be_concatenated() {
        for count in [1, 2, 4, 5, 17, 33] {
            let (mut net, image) = Net::new(Shape::new(1, 3, 2, 2));
            let x = net.concat("concat", &vec![image; count]);
            assert_eq!(net.shape(x), Shape::new(1, 3 * count, 2, 2));
            net.features(x);
            assert_eq!(net.finish(Part::Trunk).map(|_| ()), Ok(()), "{count} inputs");
        }
    }

    #[test]
    fn two_layers_of_one_name_are_an_error() {
        let (mut net, image) = Net::new(Shape::new(1, 3, 8, 8));
        let x = net.activation("relu", image, Activation::Relu);
        net.activation("relu", x, Activation::Relu);
        assert_eq!(net.finish(Part::Trunk).unwrap_err(), NetError::DuplicateName { name: "relu".into() });
    }
}
