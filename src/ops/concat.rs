//! Inputs of equal height and width, one after another along the channels. Szegedy et al. 2014, figure 2.
//!
//! Two to four at a time, so that a kernel binds them all within WebGPU's limit; [`crate::net::Net::concat`] takes more.

use super::kernel::{each, shader, word};
use super::{Binding, Case, Kernel, Op, Operator, Real, Site, one};
use crate::gradient::{Backward, Grads};
use crate::graph::NodeId;
use crate::shape::{Shape, ShapeError};
use crate::tensor::Tensor;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Concat;

/// Some channels of all: what a concatenation hands back to one of its inputs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChannelSlice {
    pub first: usize,
    pub channels: usize,
}

impl Concat {
    /// Inputs of one concatenation at most.
    pub const MOST: usize = 4;
}

impl Operator for Concat {
    fn infer(&self, inputs: &[Shape]) -> Result<Shape, ShapeError> {
        if !(2..=Self::MOST).contains(&inputs.len()) {
            return Err(ShapeError::InputCount { expected: Self::MOST, found: inputs.len() });
        }
        let first = inputs[0];
        match inputs.iter().find(|x| Shape { c: first.c, ..**x } != first) {
            Some(&right) => Err(ShapeError::Unequal { left: first, right }),
            None => Ok(Shape { c: inputs.iter().map(|x| x.c).sum(), ..first }),
        }
    }

    fn reference<T: Real>(&self, x: &[&Tensor<T>], _p: &[&Tensor<T>]) -> Tensor<T> {
        let shapes: Vec<Shape> = x.iter().map(|x| x.shape).collect();
        let y = self.infer(&shapes).expect("the shape was inferred");
        let mut data = Vec::with_capacity(y.len());
        for n in 0..y.n {
            for x in x {
                data.extend_from_slice(&x.data[n * x.shape.image()..][..x.shape.image()]);
            }
        }
        Tensor::new(y, data)
    }

    fn vjp(&self, net: &mut Backward, node: NodeId, dy: NodeId) -> Option<Grads> {
        let channels: Vec<usize> = net.node(node).inputs.iter().map(|x| net.shape(*x).c).collect();
        let mut first = 0;
        let slices = channels.into_iter().enumerate().map(|(i, channels)| {
            let op = Op::ChannelSlice(ChannelSlice { first, channels });
            first += channels;
            Some(net.emit(node, &format!("input_gradient{i}"), op, &[dy], &[]))
        });
        Some(Grads { inputs: slices.collect(), params: Vec::new() })
    }

    fn variants(&self, at: &Site) -> Vec<Kernel> {
        // Where an input ends within a picture; those that do not exist are empty, and the first stands in for them.
        let ends = (0..Self::MOST).map(|i| at.inputs.iter().take(i + 1).map(Shape::image).sum());
        let inputs = (0..Self::MOST).map(|i| Binding::Input(if i < at.inputs.len() { i } else { 0 }));
        vec![Kernel {
            shader: shader!("concat"),
            overrides: Vec::new(),
            bindings: inputs.chain([Binding::Output]).collect(),
            dims: [at.output.len()].into_iter().chain(ends).map(word).collect(),
            grid: each(at.output.len(), at.limits),
        }]
    }

    fn tolerance(&self) -> f64 {
        0.0
    }

    fn cases() -> Vec<Case> {
        let case = |channels: &[usize], of: Shape| {
            let inputs: Vec<Shape> = channels.iter().map(|&c| Shape { c, ..of }).collect();
            Case::new(format!("concatenation of {channels:?} channels of {of}"), Op::Concat(Self), inputs)
        };
        vec![
            case(&[64, 128, 32, 32], Shape::new(2, 0, 7, 7)),
            case(&[3, 1, 5], Shape::new(1, 0, 4, 9)),
            case(&[2, 2], Shape::new(3, 0, 1, 1)),
        ]
    }
}

impl Operator for ChannelSlice {
    fn infer(&self, inputs: &[Shape]) -> Result<Shape, ShapeError> {
        let x = one(inputs)?;
        if self.first + self.channels > x.c {
            return Err(ShapeError::Channels { expected: self.first + self.channels, found: x.c });
        }
        Ok(Shape { c: self.channels, ..x })
    }

    fn reference<T: Real>(&self, x: &[&Tensor<T>], _p: &[&Tensor<T>]) -> Tensor<T> {
        let s = x[0].shape;
        let channels = self.first * s.plane()..(self.first + self.channels) * s.plane();
        let data = x[0].data.chunks(s.image()).flat_map(|image| &image[channels.clone()]).copied();
        Tensor::new(Shape { c: self.channels, ..s }, data.collect())
    }

    fn variants(&self, at: &Site) -> Vec<Kernel> {
        let (x, y) = (at.inputs[0], at.output);
        vec![Kernel {
            shader: shader!("channel_slice"),
            overrides: Vec::new(),
            bindings: vec![Binding::Input(0), Binding::Output],
            dims: [y.len(), y.image(), x.image(), self.first * x.plane()].map(word).to_vec(),
            grid: each(y.len(), at.limits),
        }]
    }

    fn tolerance(&self) -> f64 {
        0.0
    }

    fn cases() -> Vec<Case> {
        let case = |first, channels, x| {
            let op = Op::ChannelSlice(Self { first, channels });
            Case::new(format!("{channels} channels of {x} from {first} on"), op, [x])
        };
        vec![case(3, 4, Shape::new(2, 9, 5, 6)), case(0, 1, Shape::vector(3, 1))]
    }
}
