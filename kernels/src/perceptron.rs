//! The head while it learns: one or two matrices with all their parameters in one flat vector, so that the optimizer
//! and the copy of the last good state are single passes.
//!
//! ```text
//! linear   y = x W' + b                          x [n, inputs], W [classes, inputs]
//! hidden   a = max(x V' + c, 0)   y = a W' + b   V [hidden, inputs], W [classes, hidden]
//! backward dW = dy' a   db = sum dy   da = dy W where a > 0   dV = da' x   dc = sum da
//! ```
//!
//! Knows neither losses nor data sets.

use std::ops::Range;

use super::gemm::matmul;
use super::random::Random;

/// Sizes and where each parameter lies: `[V, c,] W, b`, matrices row by row as PyTorch has them, `[out, in]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Layout {
    pub inputs: usize,
    /// 0 for a linear head.
    pub hidden: usize,
    pub classes: usize,
}

#[derive(Clone, Debug)]
pub struct Perceptron {
    pub layout: Layout,
    pub parameters: Vec<f32>,
}

/// Room for one batch, made once.
#[derive(Clone, Debug)]
pub struct Workspace {
    layout: Layout,
    activations: Vec<f32>,
    d_activations: Vec<f32>,
    logits: Vec<f32>,
}

impl Layout {
    pub fn parameters(&self) -> usize {
        self.bias().end
    }

    /// `V` `[hidden, inputs]`.
    pub fn hidden_weight(&self) -> Range<usize> {
        0..self.hidden * self.inputs
    }

    /// `c` `[hidden]`.
    pub fn hidden_bias(&self) -> Range<usize> {
        let start = self.hidden_weight().end;
        start..start + self.hidden
    }

    /// `W` `[classes, hidden]`, or `[classes, inputs]` in a linear head.
    pub fn weight(&self) -> Range<usize> {
        let start = self.hidden_bias().end;
        start..start + self.classes * self.last_inputs()
    }

    /// `b` `[classes]`.
    pub fn bias(&self) -> Range<usize> {
        let start = self.weight().end;
        start..start + self.classes
    }

    /// Inputs of the last layer.
    pub fn last_inputs(&self) -> usize {
        if self.hidden > 0 { self.hidden } else { self.inputs }
    }
}

impl Workspace {
    /// For batches of up to `rows` examples.
    pub fn new(layout: Layout, rows: usize) -> Self {
        Self {
            layout,
            activations: vec![0.0; rows * layout.hidden],
            d_activations: vec![0.0; rows * layout.hidden],
            logits: vec![0.0; rows * layout.classes],
        }
    }

    /// The logits of the last forward pass over `rows` examples, `[rows, classes]`; their gradient goes here too.
    pub fn logits(&mut self, rows: usize) -> &mut [f32] {
        &mut self.logits[..rows * self.layout.classes]
    }
}

impl Perceptron {
    /// A linear head starts from zero: it has nothing to break symmetry for, and what random weights put outside the
    /// span of the examples would stay there for ever. A hidden layer starts as PyTorch's `Linear` does, uniform in
    /// `±1 / sqrt(inputs)`.
    pub fn new(layout: Layout, random: &mut Random) -> Self {
        let mut parameters = vec![0.0; layout.parameters()];
        if layout.hidden > 0 {
            let mut fill = |range: Range<usize>, inputs: usize| {
                let bound = 1.0 / (inputs as f32).sqrt();
                parameters[range].iter_mut().for_each(|value| *value = random.uniform(-bound, bound));
            };
            fill(layout.hidden_weight(), layout.inputs);
            fill(layout.hidden_bias(), layout.inputs);
            fill(layout.weight(), layout.hidden);
            fill(layout.bias(), layout.hidden);
        }
        Self { layout, parameters }
    }

    /// Computes the logits of `x` `[rows, inputs]` into `workspace`.
    pub fn forward(&self, x: &[f32], rows: usize, workspace: &mut Workspace) {
        let layout = self.layout;
        let Workspace { activations, logits, .. } = workspace;
        let logits = &mut logits[..rows * layout.classes];
        let (weight, bias) = (&self.parameters[layout.weight()], &self.parameters[layout.bias()]);
        if layout.hidden == 0 {
            return dense(x, rows, weight, bias, logits);
        }
        let activations = &mut activations[..rows * layout.hidden];
        let (hidden_weight, hidden_bias) =
            (&self.parameters[layout.hidden_weight()], &self.parameters[layout.hidden_bias()]);
        dense(x, rows, hidden_weight, hidden_bias, activations);
        // Not `max`: it would turn NaN into 0 and hide that training has failed.
        activations.iter_mut().for_each(|a| *a = if *a < 0.0 { 0.0 } else { *a });
        dense(activations, rows, weight, bias, logits);
    }

    /// Computes the gradient of every parameter, given that `workspace` holds the activations of `x` and the gradient
    /// of the logits.
    pub fn backward(&self, x: &[f32], rows: usize, workspace: &mut Workspace, gradients: &mut [f32]) {
        let layout = self.layout;
        let Layout { inputs, hidden, classes } = layout;
        let Workspace { activations, d_activations, logits, .. } = workspace;
        let dy = &logits[..rows * classes];
        sum_rows(dy, &mut gradients[layout.bias()]);
        if hidden == 0 {
            return weight_gradient(dy, [rows, classes], x, inputs, &mut gradients[layout.weight()]);
        }
        let a = &activations[..rows * hidden];
        weight_gradient(dy, [rows, classes], a, hidden, &mut gradients[layout.weight()]);

        let da = &mut d_activations[..rows * hidden];
        let w = &self.parameters[layout.weight()];
        matmul([rows, classes, hidden], dy, [classes, 1], w, [hidden, 1], da, [hidden, 1], false);
        da.iter_mut().zip(a).for_each(|(da, &a)| *da = if a > 0.0 { *da } else { 0.0 });
        sum_rows(da, &mut gradients[layout.hidden_bias()]);
        weight_gradient(da, [rows, hidden], x, inputs, &mut gradients[layout.hidden_weight()]);
    }
}

/// `y = x w' + b` for `x` `[rows, in]`, `w` `[out, in]`, `b` `[out]`.
pub fn dense(x: &[f32], rows: usize, w: &[f32], b: &[f32], y: &mut [f32]) {
    let outputs = b.len();
    let inputs = w.len() / outputs;
    y.chunks_exact_mut(outputs).for_each(|row| row.copy_from_slice(b));
    matmul([rows, inputs, outputs], x, [inputs, 1], w, [1, inputs], y, [outputs, 1], true);
}

/// `dw = dy' x` for `dy` `[rows, out]`, `x` `[rows, in]`.
fn weight_gradient(dy: &[f32], [rows, outputs]: [usize; 2], x: &[f32], inputs: usize, dw: &mut [f32]) {
    matmul([outputs, rows, inputs], dy, [1, outputs], x, [inputs, 1], dw, [inputs, 1], false);
}

fn sum_rows(rows: &[f32], sums: &mut [f32]) {
    sums.fill(0.0);
    for row in rows.chunks_exact(sums.len()) {
        sums.iter_mut().zip(row).for_each(|(sum, value)| *sum += value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::loss;

    const X: [f32; 6] = [0.5, -1.0, 2.0, 1.5, 0.25, -0.75];
    const TRUTHS: [usize; 2] = [1, 0];

    /// Mean cross-entropy of both examples by the definition, in f64.
    fn definition(layout: Layout, parameters: &[f64]) -> f64 {
        let dense = |x: &[f64], weight: Range<usize>, bias: Range<usize>| -> Vec<f64> {
            let rows = parameters[weight].chunks_exact(x.len());
            rows.zip(&parameters[bias])
                .map(|(w, b)| w.iter().zip(x).map(|(w, x)| w * x).sum::<f64>() + b)
                .collect()
        };
        let losses = X.chunks_exact(layout.inputs).zip(TRUTHS).map(|(x, truth)| {
            let mut x: Vec<f64> = x.iter().copied().map(f64::from).collect();
            if layout.hidden > 0 {
                x = dense(&x, layout.hidden_weight(), layout.hidden_bias());
                x.iter_mut().for_each(|a| *a = a.max(0.0));
            }
            let y = dense(&x, layout.weight(), layout.bias());
            y.iter().map(|y| y.exp()).sum::<f64>().ln() - y[truth]
        });
        losses.sum::<f64>() / TRUTHS.len() as f64
    }

    #[test]
    fn the_gradient_of_every_parameter_is_the_central_difference_of_the_definition() {
        for hidden in [0, 4] {
            let layout = Layout { inputs: 3, hidden, classes: 2 };
            let mut perceptron = Perceptron::new(layout, &mut Random::new(3, 0));
            let mut random = Random::new(4, 0);
            perceptron.parameters.iter_mut().for_each(|value| *value = random.uniform(-1.0, 1.0));
            let mut workspace = Workspace::new(layout, 2);
            let mut gradients = vec![f32::NAN; layout.parameters()];
            perceptron.forward(&X, 2, &mut workspace);
            loss::gradient(workspace.logits(2), &TRUTHS, &[1.0; 2]);
            perceptron.backward(&X, 2, &mut workspace, &mut gradients);

            let parameters: Vec<f64> = perceptron.parameters.iter().copied().map(f64::from).collect();
            for (i, &found) in gradients.iter().enumerate() {
                let at = |offset: f64| {
                    let mut moved = parameters.clone();
                    moved[i] += offset;
                    definition(layout, &moved)
                };
                let expected = (at(1e-5) - at(-1e-5)) / 2e-5;
                let error = (f64::from(found) - expected).abs();
                assert!(error < 1e-6, "hidden {hidden}, parameter {i}: {expected} but {found}");
            }
        }
    }
}
