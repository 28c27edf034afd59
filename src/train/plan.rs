//! A step of training as a plan: forward, backward, the norm of the gradients where they are clipped, and the updates.

use super::recompute::recompute;
use super::rewrite::{Running, TrainingGraph};
use super::{Options, SUMS, TrainError};
use crate::gradient::differentiate;
use crate::graph::{Auxiliary, Graph, Node, NodeId, Param, ParamId, Source};
use crate::ops::{ClipScale, Init, Op, SquareSums};
use crate::plan::{Plan, Rule, Update, divide};
use crate::shape::Shape;

/// The graph's training step: what a [`Trainer`](super::Trainer) runs.
#[derive(Clone, Debug)]
pub struct TrainingPlan {
    pub plan: Plan,
    /// Of dropout: shapes, and the share of values that each sets to zero.
    pub(super) masks: Vec<(Shape, f32)>,
}

impl TrainingPlan {
    /// Plans a step for everything in `graph` after its input: the outputs are the loss and, if asked for, the
    /// gradient of the input.
    pub fn new(graph: &Graph, options: &Options, input_gradient: bool) -> Result<Self, TrainError> {
        let graph = divided(graph, options.largest_weight);
        let TrainingGraph { graph, loss, correct, masks, running } = TrainingGraph::new(&graph, options)?;
        let masks = masks.into_iter().map(|(node, p)| (graph.node(node).shape, p)).collect();
        let forward = graph.nodes.len();
        let mut gradients = differentiate(graph, loss)?;
        if options.recompute {
            gradients = recompute(gradients, forward);
        }
        let found: Vec<NodeId> = gradients.params.iter().copied().flatten().collect();
        let scale = options.clip_norm.map(|most| clip(&mut gradients.graph, &found, most));
        let update = |param: usize, gradient: NodeId, scale: Option<NodeId>, rule: Rule| Update {
            param: ParamId(param),
            gradient,
            scale,
            rule,
        };
        let params = gradients.params.iter().enumerate();
        let mut updates: Vec<Update> = params
            .filter_map(|(i, gradient)| {
                Some(update(i, (*gradient)?, scale, options.rule(&gradients.graph.params[i].name)))
            })
            .collect();
        for &Running { param, moments, first, momentum, factor } in &running {
            updates.push(update(param.0, moments, None, Rule::Average { momentum, factor, first }));
        }
        for (name, node) in SUMS.into_iter().zip([loss, correct]) {
            let param = gradients.graph.params.len();
            let (name, init, source) = (name.to_string(), Init::Constant(0.0), Source::Checkpoint);
            gradients.graph.params.push(Param { name, dims: vec![1], init, source });
            updates.push(update(param, node, None, Rule::Accumulate));
        }
        let image = gradients.nodes[0].filter(|_| input_gradient);
        let outputs: Vec<NodeId> = [loss].into_iter().chain(image).collect();
        Ok(Self { plan: Plan::training(&gradients.graph, &outputs, &updates), masks })
    }
}

/// The graph with its large linear layers in pieces, and where its logits then are.
fn divided(graph: &Graph, most: usize) -> Graph {
    let heads = graph.taps.auxiliary.iter().map(|auxiliary| auxiliary.logits);
    let heads: Vec<NodeId> = graph.taps.logits.into_iter().chain(heads).collect();
    let (mut divided, places) = divide(graph.clone(), &heads, most);
    let mut places = places.into_iter();
    divided.taps.logits = graph.taps.logits.and_then(|_| places.next());
    let moved = graph.taps.auxiliary.iter().zip(places);
    divided.taps.auxiliary = moved.map(|(auxiliary, logits)| Auxiliary { logits, ..*auxiliary }).collect();
    divided
}

/// Adds what computes the factor by which all `gradients` are multiplied.
fn clip(graph: &mut Graph, gradients: &[NodeId], most: f64) -> NodeId {
    let mut push = |name: String, op: Op, inputs: Vec<NodeId>| {
        let shapes: Vec<Shape> = inputs.iter().map(|id| graph.node(*id).shape).collect();
        let shape = op.infer(&shapes).expect("sums of squares take any shape");
        graph.nodes.push(Node { name, op, inputs, params: Vec::new(), shape });
        NodeId(graph.nodes.len() - 1)
    };
    let mut sums = None;
    for (i, &gradient) in gradients.iter().enumerate() {
        let inputs = [gradient].into_iter().chain(sums).collect();
        sums = Some(push(format!("squares{i}"), Op::SquareSums(SquareSums), inputs));
    }
    let sums = sums.expect("a loss depends on some parameter");
    push("clip".into(), Op::ClipScale(ClipScale { most }), vec![sums])
}
