//! One op on given shapes with made-up values: what a backend is held against.

use half::f16;

use super::{BatchMoments, Op, Operator};
use crate::augment::row::Row;
use crate::shape::Shape;
use crate::tensor::Tensor;

#[derive(Clone, Debug)]
pub struct Case {
    pub name: String,
    pub op: Op,
    pub inputs: Vec<Shape>,
    /// Whether the values of parameter 0 are exact in half precision.
    pub half: bool,
    /// What the inputs mean to the op, where not any values will do.
    kinds: Vec<(usize, Kind)>,
}

/// Inputs that are not just numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Numbers of the classes, which are the channels of the first input.
    Labels,
    /// Numbers above zero whose sum is one in each picture.
    Distributions,
    /// The [`BatchMoments`] of the first input.
    Moments,
    /// Numbers of which none is below zero.
    Squares,
    /// From black to white, 0 to 255.
    Pixels,
    /// Rows of changes that are drawn for the pictures of the first input, some of them smaller than it, and for a network
    /// that sees pictures of this size.
    Changes { height: usize, width: usize },
}

impl Case {
    pub fn new(name: impl Into<String>, op: Op, inputs: impl Into<Vec<Shape>>) -> Self {
        Self { name: name.into(), op, inputs: inputs.into(), half: false, kinds: Vec::new() }
    }

    /// The case with values of parameter 0 that half precision holds exactly.
    pub fn in_half(self) -> Self {
        Self { name: format!("{}, weights in half precision", self.name), half: true, ..self }
    }

    /// The same case with an input of that kind.
    pub fn with(mut self, input: usize, kind: Kind) -> Self {
        self.kinds.push((input, kind));
        self
    }

    /// The kind of an input, if it has one.
    pub fn kind(&self, input: usize) -> Option<Kind> {
        self.kinds.iter().find(|(index, _)| *index == input).map(|(_, kind)| *kind)
    }

    /// Inputs in `[-1, 1)`, or of their kind, the same on every machine.
    pub fn input_values(&self) -> Vec<Tensor<f32>> {
        let tensor = |(i, &shape): (usize, &Shape)| noise(shape, 1 + i as u32, -1.0, 1.0);
        let mut values: Vec<_> = self.inputs.iter().enumerate().map(tensor).collect();
        for &(input, kind) in &self.kinds {
            values[input] = match kind {
                Kind::Squares => values[input].map(|v| v * v),
                Kind::Pixels => values[input].map(|v| 127.5 + 127.5 * v),
                Kind::Changes { height, width } => {
                    let (Shape { n, h, w, .. }, target) = (self.inputs[0], [height, width]);
                    let size = |i| if [h, w] == target { target } else { [h - i % 3, w - i % 2] };
                    let rows = (0..n).flat_map(|i| Row::example(size(i), target, i as u64).to_values());
                    Tensor::new(self.inputs[input], rows.collect())
                }
                Kind::Moments => BatchMoments.reference(&[&values[0]], &[]),
                Kind::Distributions => {
                    let mut rows = values[input].map(|v| v + 1.01);
                    for row in rows.data.chunks_mut(rows.shape.image()) {
                        let sum: f32 = row.iter().sum();
                        row.iter_mut().for_each(|value| *value /= sum);
                    }
                    rows
                }
                Kind::Labels => {
                    let classes = self.inputs[0].c as f32;
                    values[input].map(|v| ((v + 1.0) / 2.0 * classes).floor())
                }
            };
        }
        values
    }

    /// Parameters of the size that keeps activations near one; variances are positive.
    pub fn param_values(&self) -> Vec<Tensor<f32>> {
        let value = |(i, spec): (usize, &super::ParamSpec)| {
            let shape = Shape::from_dims(&spec.dims);
            let (low, high) = if spec.suffix == "running_var" {
                (0.5, 1.5)
            } else {
                let bound = 1.7 / (shape.image() as f32).sqrt();
                (-bound, bound)
            };
            let values = noise(shape, 101 + i as u32, low, high);
            if self.half && i == 0 { values.map(|value| f16::from_f32(value).to_f32()) } else { values }
        };
        self.op.params(&self.inputs).iter().enumerate().map(value).collect()
    }

    /// The definition's answer in double precision.
    pub fn expected(&self) -> Tensor<f64> {
        let wide = |tensors: Vec<Tensor<f32>>| -> Vec<Tensor<f64>> {
            tensors.iter().map(|t| t.map(f64::from)).collect()
        };
        let (x, p) = (wide(self.input_values()), wide(self.param_values()));
        self.op.reference(&x.iter().collect::<Vec<_>>(), &p.iter().collect::<Vec<_>>())
    }

    /// `max |y - expected| / max |expected|`; infinite if the shapes differ or a value is not a number.
    pub fn error(&self, y: &Tensor<f32>) -> f64 {
        let expected = self.expected();
        if y.shape != expected.shape {
            return f64::INFINITY;
        }
        normalised_error(&y.data, &expected.data)
    }
}

/// `max |y - expected| / max |expected|`; infinite where a value is not a number.
pub fn normalised_error(y: &[f32], expected: &[f64]) -> f64 {
    let scale = expected.iter().fold(1e-30f64, |m, v| m.max(v.abs()));
    let worst = y.iter().zip(expected).fold(0.0f64, |m, (&a, &b)| {
        let error = (f64::from(a) - b).abs();
        if error.is_nan() { f64::INFINITY } else { m.max(error) }
    });
    worst / scale
}

/// Values spread evenly over `[low, high)` by an integer hash of their index.
fn noise(shape: Shape, seed: u32, low: f32, high: f32) -> Tensor<f32> {
    let value = |i: usize| {
        let mut h = (i as u32).wrapping_mul(0x9E37_79B9) ^ seed.wrapping_mul(0x85EB_CA6B);
        h = (h ^ (h >> 16)).wrapping_mul(0x7FEB_352D);
        h = (h ^ (h >> 15)).wrapping_mul(0x846C_A68B);
        h ^= h >> 16;
        low + (high - low) * (h >> 8) as f32 / (1 << 24) as f32
    };
    Tensor::new(shape, (0..shape.len()).map(value).collect())
}
