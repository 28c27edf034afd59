//! A GPU kernel as data: which shader, with which choices compiled in, reading and writing what, on how large a grid.
//!
//! Ops describe kernels; a device runs them. Nothing here touches a device, and a device that runs a [`Kernel`]
//! knows no op. `shaders/README.md` says the same from the shader's side.

use super::half;
use crate::ops::Activation;
use crate::shape::Shape;
use crate::tensor::Tensor;

/// One dispatch of one shader.
#[derive(Clone, Debug, PartialEq)]
pub struct Kernel {
    pub shader: Shader,
    /// Values of the shader's `override` constants: choices that change the code, and tile sizes.
    pub overrides: Vec<(&'static str, f64)>,
    /// What binding 0, 1, 2... of group 0 hold; the uniform with `dims` comes after the last one.
    pub bindings: Vec<Binding>,
    /// The words of the shader's `Dims`: numbers that differ from layer to layer.
    pub dims: Vec<u32>,
    /// Workgroups along x, y and z.
    pub grid: [u32; 3],
}

/// A file of `shaders/`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Shader {
    pub name: &'static str,
    pub source: &'static str,
}

/// The shader of that file name, without its ending.
macro_rules! shader {
    ($name:literal) => {
        $crate::ops::kernel::Shader {
            name: $name,
            source: include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/shaders/", $name, ".wgsl")),
        }
    };
}
pub(crate) use shader;

/// What a shader finds at one binding: always a whole storage buffer. A binding that an override disables still
/// exists, and something else that the kernel reads stands in for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Binding {
    /// The op's input of that index, read-only.
    Input(usize),
    /// The op's parameter of that index, read-only, in that order of values.
    Param(usize, Layout),
    /// What an update remembers, read and written.
    State(usize),
    /// The op's result, or the parameter that an update changes; always the last storage buffer.
    Output,
}

/// The order in which a kernel wants a parameter's values.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Layout {
    /// As the checkpoint has them.
    AsIs,
    /// `[o, ...]` as a matrix `[..., o]`, with zeros after the last output up to the next multiple.
    Transposed { outputs: usize },
    /// `[o, c, kh, kw]` as `[kh, kw, c, o]`, with zeros after the last input and output
    /// channel up to the next multiple of these.
    OutputsLast { inputs: usize, outputs: usize },
    /// `[o, c, kh, kw]` as `[kh, kw, o, c]` with the kernel turned by half a turn: the weight of the convolution that
    /// hands gradients back, in that convolution's `OutputsLast`. Its inputs are this one's outputs.
    Mirrored { inputs: usize, outputs: usize },
    /// As the checkpoint has them, in half precision, two to a word.
    Half,
    /// As [`Layout::Transposed`], in half precision, two to a word; the multiple is even.
    TransposedHalf { outputs: usize },
    /// As [`Layout::OutputsLast`], in half precision, two to a word; the multiple of outputs is even.
    OutputsLastHalf { inputs: usize, outputs: usize },
    /// No values of the weight, but what each of its output channels is multiplied by: ones, unless they were stored
    /// apart from it.
    Factors,
}

impl Layout {
    /// Number of 32-bit words of a tensor of `shape` in this order.
    pub fn len(self, shape: Shape) -> usize {
        match self {
            Self::AsIs => shape.len(),
            Self::Half => shape.len().div_ceil(2),
            Self::TransposedHalf { outputs } => Self::Transposed { outputs }.len(shape) / 2,
            Self::OutputsLastHalf { inputs, outputs } => Self::OutputsLast { inputs, outputs }.len(shape) / 2,
            Self::Factors => shape.n,
            Self::Transposed { outputs } => shape.with_batch(shape.n.next_multiple_of(outputs)).len(),
            Self::OutputsLast { inputs, outputs } => {
                let (o, c) = (shape.n.next_multiple_of(outputs), shape.c.next_multiple_of(inputs));
                Shape { n: o, c, ..shape }.len()
            }
            Self::Mirrored { inputs, outputs } => {
                Self::OutputsLast { inputs, outputs }.len(Shape { n: shape.c, c: shape.n, ..shape })
            }
        }
    }

    /// Channels, taps, and channels and outputs with padding, of a weight of `shape` in this order.
    fn sizes(self, shape: Shape) -> Option<[usize; 4]> {
        let (inputs, outputs, c, taps) = match self {
            Self::AsIs
            | Self::Half
            | Self::TransposedHalf { .. }
            | Self::OutputsLastHalf { .. }
            | Self::Factors => return None,
            // As if every tap were a channel.
            Self::Transposed { outputs } => (1, outputs, shape.image(), 1),
            Self::OutputsLast { inputs, outputs } => (inputs, outputs, shape.c, shape.plane()),
            Self::Mirrored { inputs, outputs } => {
                return Self::OutputsLast { inputs, outputs }.sizes(Shape {
                    n: shape.c,
                    c: shape.n,
                    ..shape
                });
            }
        };
        Some([c, taps, c.next_multiple_of(inputs), shape.n.next_multiple_of(outputs)])
    }

    /// The kernel that brings a trained parameter of `shape`, its input, into this order; none where nothing is to be
    /// done. Trained parameters are never in half precision.
    pub fn kernel(self, shape: Shape, limits: Limits) -> Option<Kernel> {
        let [_, taps, rows, row] = self.sizes(shape)?;
        let len = self.len(shape);
        Some(Kernel {
            shader: shader!("repack"),
            overrides: vec![switch("MIRRORED", matches!(self, Self::Mirrored { .. }))],
            bindings: vec![Binding::Input(0), Binding::Output],
            dims: [len, shape.n, shape.image() / taps, taps, rows, row].map(word).to_vec(),
            grid: each(len, limits),
        })
    }

    /// The words of the values in this order.
    pub fn apply(self, tensor: Tensor<f32>) -> Vec<f32> {
        match self {
            Self::Half => return half::pack(&tensor.data),
            Self::TransposedHalf { outputs } => {
                return half::pack(&Self::Transposed { outputs }.apply(tensor));
            }
            Self::OutputsLastHalf { inputs, outputs } => {
                return half::pack(&Self::OutputsLast { inputs, outputs }.apply(tensor));
            }
            Self::Factors => return vec![1.0; tensor.shape.n],
            _ => {}
        }
        let Some([c, taps, rows, row]) = self.sizes(tensor.shape) else { return tensor.data };
        let mut values = vec![0.0; self.len(tensor.shape)];
        if matches!(self, Self::Mirrored { .. }) {
            for (o, of_output) in tensor.data.chunks(tensor.shape.image()).enumerate() {
                for (channel, of_channel) in of_output.chunks(taps).enumerate() {
                    for (tap, &value) in of_channel.iter().rev().enumerate() {
                        values[(tap * rows + o) * row + channel] = value;
                    }
                }
            }
            return values;
        }
        for (o, of_output) in tensor.data.chunks(c * taps).enumerate() {
            for (channel, of_channel) in of_output.chunks(taps).enumerate() {
                for (tap, &value) in of_channel.iter().enumerate() {
                    values[(tap * rows + channel) * row + o] = value;
                }
            }
        }
        values
    }
}

/// Where a kernel is to run: the op's shapes and what the device allows.
#[derive(Clone, Copy, Debug)]
pub struct Site<'a> {
    pub inputs: &'a [Shape],
    pub output: Shape,
    pub limits: Limits,
}

/// What a device allows, in WebGPU's words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of one storage binding.
    pub binding_bytes: u64,
    /// Workgroups along one dimension of a grid.
    pub workgroups: u32,
    /// Bytes of workgroup memory.
    pub workgroup_bytes: u32,
    /// Invocations of one workgroup.
    pub invocations: u32,
}

impl Limits {
    /// What every WebGPU device allows.
    pub const DEFAULT: Self =
        Self { binding_bytes: 128 << 20, workgroups: 65_535, workgroup_bytes: 16 << 10, invocations: 256 };
}

impl Default for Limits {
    fn default() -> Self {
        Self::DEFAULT
    }
}

/// The class of problems for which one measurement of the variants speaks, and a small problem of that class.
#[derive(Clone, Debug, PartialEq)]
pub struct Class {
    pub name: String,
    pub op: super::Op,
    pub inputs: Vec<Shape>,
}

/// A grid of `workgroups` along x, folded into x and y where one dimension does not hold them. The shader finds its
/// index as `workgroup.y * count.x + workgroup.x` and ignores what lies beyond the end.
pub fn fold(workgroups: usize, limits: Limits) -> [u32; 3] {
    let rows = workgroups.div_ceil(limits.workgroups as usize).max(1);
    [word(workgroups.div_ceil(rows).max(1)), word(rows), 1]
}

/// Linear grids of shaders with 64 invocations a workgroup, one for each of `count` results.
pub fn each(count: usize, limits: Limits) -> [u32; 3] {
    fold(count.div_ceil(64), limits)
}

/// `size` up to the next power of four, and no more than `most`: the steps in which classes tell sizes apart.
pub fn magnitude(size: usize, most: usize) -> usize {
    let mut step = 1;
    while step < size.min(most) {
        step *= 4;
    }
    step.min(most)
}

/// A number of the size that shaders count in.
///
/// # Panics
/// If it does not fit into 32 bits; no buffer is that large.
pub fn word(value: usize) -> u32 {
    u32::try_from(value).expect("shaders count in 32 bits")
}

/// The shaders' number for an activation, in the override `ACTIVATION`.
pub fn code(activation: Option<Activation>) -> (&'static str, f64) {
    let code = match activation {
        None => 0.0,
        Some(Activation::Relu) => 1.0,
        Some(Activation::Relu6) => 2.0,
        Some(Activation::Tanh) => 3.0,
        Some(Activation::Sigmoid) => 4.0,
    };
    ("ACTIVATION", code)
}

/// An override that switches a part of a shader on or off.
pub fn switch(name: &'static str, on: bool) -> (&'static str, f64) {
    (name, f64::from(u8::from(on)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn outputs_last_transposes_and_pads() {
        let w = Tensor::new(Shape::new(3, 2, 1, 2), (0..12).map(|i| i as f32).collect());
        let values = Layout::OutputsLast { inputs: 1, outputs: 4 }.apply(w);
        assert_eq!(values[..8], [0.0, 4.0, 8.0, 0.0, 2.0, 6.0, 10.0, 0.0]);
        assert_eq!(values[8..], [1.0, 5.0, 9.0, 0.0, 3.0, 7.0, 11.0, 0.0]);
        let w = Tensor::new(Shape::new(1, 1, 1, 2), vec![1.0, 2.0]);
        assert_eq!(Layout::OutputsLast { inputs: 2, outputs: 1 }.apply(w), [1.0, 0.0, 2.0, 0.0]);
    }

    #[test]
    fn mirrored_exchanges_channels_and_turns_the_kernel() {
        let w = Tensor::new(Shape::new(2, 3, 1, 2), (0..12).map(|i| i as f32).collect());
        let values = Layout::Mirrored { inputs: 1, outputs: 4 }.apply(w);
        assert_eq!(values[..8], [1.0, 3.0, 5.0, 0.0, 7.0, 9.0, 11.0, 0.0]);
        assert_eq!(values[8..], [0.0, 2.0, 4.0, 0.0, 6.0, 8.0, 10.0, 0.0]);
    }

    #[test]
    fn transposed_keeps_the_order_of_channels_and_taps() {
        let w = Tensor::new(Shape::new(2, 2, 1, 2), (0..8).map(|i| i as f32).collect());
        let values = Layout::Transposed { outputs: 2 }.apply(w);
        assert_eq!(values, [0.0, 4.0, 1.0, 5.0, 2.0, 6.0, 3.0, 7.0]);
    }

    #[test]
    fn a_grid_folds_where_one_dimension_is_too_short() {
        assert_eq!(each(65, Limits::DEFAULT), [2, 1, 1]);
        let [x, y, z] = each(10_000_000, Limits::DEFAULT);
        assert!(x <= 65_535 && u64::from(x * y * z) * 64 >= 10_000_000, "{x} x {y} x {z}");
    }
}
