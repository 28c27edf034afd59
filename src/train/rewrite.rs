//! From a network as it runs to the same network as it trains: batch norms by the batch's statistics, dropout by masks,
//! and a loss at the end.
//!
//! The result is a graph like any other, which is then differentiated and planned like any other.

use super::TrainError;
use super::settings::Options;
use crate::graph::{Graph, Node, NodeId, ParamId};
use crate::ops::{Add, BatchMoments, CorrectAnswers, CrossEntropy, Input, Mask, Normalise, Op, Scale};
use crate::shape::{Shape, ShapeError};

/// A graph with a loss. Its inputs are the pictures, or what a frozen part made of them; then the masks; then the
/// labels.
#[derive(Clone, Debug)]
pub struct TrainingGraph {
    pub graph: Graph,
    /// One number: the mean over the batch, auxiliary losses included.
    pub loss: NodeId,
    /// Number of right answers in the batch.
    pub correct: NodeId,
    /// Masks of dropout, in the order of the inputs, and the share of values that each sets to zero.
    pub masks: Vec<(NodeId, f32)>,
    pub running: Vec<Running>,
}

/// A running mean or variance and what it is an average of.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Running {
    pub param: ParamId,
    pub moments: NodeId,
    /// Index of the first channel's value in the moments.
    pub first: usize,
    pub momentum: f64,
    /// Makes a biased variance an unbiased one, which is what PyTorch averages.
    pub factor: f64,
}

impl TrainingGraph {
    /// Fails if the graph has no logits.
    pub fn new(graph: &Graph, options: &Options) -> Result<Self, TrainError> {
        let logits = graph.taps.logits.ok_or(TrainError::NoLogits)?;
        let mut rewrite = Rewrite {
            training: Self {
                graph: Graph { params: graph.params.clone(), ..Graph::default() },
                loss: NodeId(0),
                correct: NodeId(0),
                masks: Vec::new(),
                running: Vec::new(),
            },
            places: Vec::with_capacity(graph.nodes.len()),
        };
        for node in &graph.nodes {
            let place = rewrite.node(node, options)?;
            rewrite.places.push(place);
        }
        let Shape { n, c: classes, .. } = graph.node(logits).shape;
        let labels = rewrite.input("labels", Shape::vector(n, options.targets.len(classes)))?;
        let mut loss = rewrite.cross_entropy("loss", logits, labels, options)?;
        for (i, auxiliary) in graph.taps.auxiliary.iter().enumerate() {
            let name = format!("auxiliary_loss{i}");
            let other = rewrite.cross_entropy(&name, auxiliary.logits, labels, options)?;
            let scale = Op::Scale(Scale { factor: auxiliary.weight.into() });
            let other = rewrite.push(format!("{name}.weighted"), scale, &[other], &[])?;
            loss = rewrite.push(format!("{name}.sum"), Op::Add(Add::default()), &[loss, other], &[])?;
        }
        let inputs = [rewrite.places[logits.0], labels];
        let correct = rewrite.push("correct".into(), Op::CorrectAnswers(CorrectAnswers), &inputs, &[])?;
        Ok(Self { loss, correct, ..rewrite.training })
    }
}

struct Rewrite {
    training: TrainingGraph,
    /// Where the graph's nodes are in the new one.
    places: Vec<NodeId>,
}

impl Rewrite {
    /// Adds a node, or what it is in training, and returns where its value is.
    fn node(&mut self, node: &Node, options: &Options) -> Result<NodeId, TrainError> {
        let inputs: Vec<NodeId> = node.inputs.iter().map(|id| self.places[id.0]).collect();
        let name = node.name.clone();
        match &node.op {
            Op::Dropout(dropout) if options.dropout && dropout.probability > 0.0 => {
                let mask = self.input(&format!("{name}.mask"), node.shape)?;
                self.training.masks.push((mask, dropout.probability));
                self.push(name, Op::Mask(Mask), &[inputs[0], mask], &[])
            }
            Op::BatchNorm(norm) if options.batch_norm.by_batch() => {
                let [weight, bias, mean, variance] = node.params[..] else {
                    panic!("batch norm has four parameters")
                };
                let moments =
                    self.push(format!("{name}.moments"), Op::BatchMoments(BatchMoments), &inputs, &[])?;
                let count = (node.shape.n * node.shape.plane()) as f64;
                let running =
                    |param, first, factor| Running { param, moments, first, momentum: norm.momentum, factor };
                let unbiased = count / (count - 1.0).max(1.0);
                self.training.running.push(running(mean, 0, 1.0));
                self.training.running.push(running(variance, node.shape.c, unbiased));
                let op = Op::Normalise(Normalise { epsilon: norm.epsilon });
                self.push(name, op, &[inputs[0], moments], &[weight, bias])
            }
            op => self.push(name, op.clone(), &inputs, &node.params),
        }
    }

    fn cross_entropy(
        &mut self,
        name: &str,
        logits: NodeId,
        labels: NodeId,
        options: &Options,
    ) -> Result<NodeId, TrainError> {
        let op = Op::CrossEntropy(CrossEntropy { smoothing: options.label_smoothing });
        let logits = self.places[logits.0];
        self.push(name.into(), op, &[logits, labels], &[])
    }

    fn input(&mut self, name: &str, shape: Shape) -> Result<NodeId, TrainError> {
        self.push(name.into(), Op::Input(Input { shape }), &[], &[])
    }

    fn push(
        &mut self,
        name: String,
        op: Op,
        inputs: &[NodeId],
        params: &[ParamId],
    ) -> Result<NodeId, TrainError> {
        let graph = &mut self.training.graph;
        let shapes: Vec<Shape> = inputs.iter().map(|id| graph.node(*id).shape).collect();
        let shape =
            op.infer(&shapes).map_err(|error: ShapeError| TrainError::Shape { node: name.clone(), error })?;
        graph.nodes.push(Node { name, op, inputs: inputs.to_vec(), params: params.to_vec(), shape });
        Ok(NodeId(graph.nodes.len() - 1))
    }
}
