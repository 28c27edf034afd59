//! Augmentation where a network runs: two kernels, from a picture as it is kept to what the network sees of it changed.
//!
//! Both backends apply what [`Row::draw`] draws, within the tolerance of the ops, and on the CPU bit for bit what
//! [`super::apply`] does before normalisation.

use super::row::{LENGTH, Row};
use crate::exec::{Backend, ExecError, Program};
use crate::graph::{Graph, Node, NodeId, Param};
use crate::image::{InputSpec, Order};
use crate::ops::{Input, Op, Recolour, Warp};
use crate::plan::Plan;
use crate::shape::Shape;
use crate::tensor::Tensor;

/// Changes pictures as they are drawn for.
pub struct Augmenter {
    program: Program,
    /// `[n, c, h, w]` of the frames in which the pictures lie.
    frames: Shape,
}

/// A picture that was made ready to be changed again and again: in the upper left of a frame.
#[derive(Clone, Debug, PartialEq)]
pub struct Framed {
    pub values: Vec<f32>,
    pub size: [usize; 2],
}

/// How many times as long as the longer side of what the network sees a frame is: crops lose little, and uploads stay short.
const FRAME: usize = 2;

impl Augmenter {
    /// For `batch` pictures at once in frames of `[height, width]`.
    pub async fn new(
        input: &InputSpec,
        frame: [usize; 2],
        batch: usize,
        backend: &Backend,
    ) -> Result<Self, ExecError> {
        let frames = Shape::new(batch, input.channels, frame[0], frame[1]);
        let graph = graph(input, frames);
        let plan = Plan::new(&graph, &[NodeId(graph.nodes.len() - 1)]);
        let lookup = async |param: &Param| -> Result<Tensor<f32>, ExecError> {
            unreachable!("{}: changing a picture has no parameters", param.name)
        };
        let program = backend.prepare_alone(plan, &lookup, &|_, _, _| {}).await?;
        Ok(Self { program, frames })
    }

    /// What the network sees of the pictures, `[n, c, h, w]`, with a row for each.
    pub async fn run(&mut self, pictures: &[f32], rows: &[Row]) -> Result<Vec<f32>, ExecError> {
        let rows: Vec<f32> = rows.iter().flat_map(Row::to_values).collect();
        Ok(self.program.run(&[pictures, &rows]).await?.swap_remove(0))
    }

    /// Pictures that it takes at once.
    pub fn batch(&self) -> usize {
        self.frames.n
    }
}

/// The frame for pictures of any size, before a network with that input.
pub fn frame(input: &InputSpec) -> [usize; 2] {
    [FRAME * input.height.max(input.width); 2]
}

/// The picture `[1, c, h, w]` in the upper left of a frame, smaller if it does not fit.
pub fn framed(x: Tensor<f32>, frame: [usize; 2]) -> Framed {
    let Shape { c, h, w, .. } = x.shape;
    let share = (frame[0] as f64 / h as f64).min(frame[1] as f64 / w as f64).min(1.0);
    let size = [(h, frame[0]), (w, frame[1])]
        .map(|(side, most)| ((side as f64 * share).round() as usize).clamp(1, most));
    let whole = super::geometry::Part { top: 0, left: 0, height: h, width: w };
    let x = if size == [h, w] { x } else { super::geometry::resized_crop(&x, whole, size) };
    let mut values = vec![0.0; c * frame[0] * frame[1]];
    let lines = values
        .chunks_exact_mut(frame[0] * frame[1])
        .flat_map(|plane| plane.chunks_exact_mut(frame[1]).take(size[0]));
    for (line, source) in lines.zip(x.data.chunks_exact(size[1])) {
        line[..size[1]].copy_from_slice(source);
    }
    Framed { values, size }
}

fn graph(input: &InputSpec, frames: Shape) -> Graph {
    let &InputSpec { height, width, mean, std, order, .. } = input;
    let rows = Shape::vector(frames.n, LENGTH);
    let seen = Shape { h: height, w: width, ..frames };
    let recolour = Recolour { mean, std, blue_first: order == Order::Bgr };
    let node = |name: &str, op, inputs: &[usize], shape| {
        let inputs = inputs.iter().copied().map(NodeId).collect();
        Node { name: name.into(), op, inputs, params: Vec::new(), shape }
    };
    let nodes = vec![
        node("pictures", Op::Input(Input { shape: frames }), &[], frames),
        node("changes", Op::Input(Input { shape: rows }), &[], rows),
        node("warp", Op::Warp(Warp { height, width }), &[0, 1], seen),
        node("recolour", Op::Recolour(recolour), &[2, 1], seen),
    ];
    Graph { nodes, ..Graph::default() }
}
