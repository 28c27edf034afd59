//! How surprised the network is by the right answers: the mean over the pictures of `-sum over c of t_c log p_c`, with
//! `p` the softmax of the logits and `t` one for the label's class, or with label smoothing `1 - s` for it and
//! `s / classes` more for every class. Szegedy et al. 2015, section 7, as PyTorch has it.
//!
//! Labels are class numbers, one value for each picture; or distributions, a row of probabilities for each picture, such as
//! a teacher's answers. Hinton, Vinyals and Dean 2015.

use super::kernel::{each, shader, word};
use super::{Binding, Case, Kernel, Op, Operator, Real, Site};
use crate::gradient::{Backward, Grads};
use crate::graph::NodeId;
use crate::shape::{Shape, ShapeError};
use crate::tensor::Tensor;

/// Takes logits of `[n, classes]` and labels of `[n]` or `[n, classes]`; gives one number.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CrossEntropy {
    /// Share of the target that is spread over all classes, 0 to 1.
    pub smoothing: f64,
}

/// `(p - t) / n` times the gradient of the loss. Takes logits, labels and that gradient, one number.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CrossEntropyGradient {
    pub smoothing: f64,
}

/// Number of pictures whose largest logit is the label's, the first of equal ones. Takes logits and labels; the label of a
/// distribution is its likeliest class.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CorrectAnswers;

/// The logits' shape, if the labels fit it.
fn labelled(inputs: &[Shape]) -> Result<Shape, ShapeError> {
    let [logits, labels, ..] = *inputs else {
        return Err(ShapeError::InputCount { expected: 2, found: inputs.len() });
    };
    let fits = logits.plane() == 1 && [1, logits.c].map(|c| Shape::vector(logits.n, c)).contains(&labels);
    if fits {
        Ok(logits)
    } else {
        Err(ShapeError::Unequal { left: labels, right: Shape::vector(logits.n, 1) })
    }
}

/// Logarithms of the softmax of one row, shifted by the maximum so that nothing overflows.
fn log_softmax<T: Real>(row: &[T]) -> Vec<T> {
    let largest = row.iter().fold(row[0], |m, &v| m.larger(v));
    let mut sum = T::ZERO;
    for &v in row {
        sum += (v - largest).exp();
    }
    row.iter().map(|&v| v - largest - sum.ln()).collect()
}

/// The target of class `c` in a picture with this label, a class or a distribution.
fn target<T: Real>(c: usize, label: &[T], classes: usize, smoothing: f64) -> T {
    let right = match label {
        [label] => f64::from(u8::from(c as f64 == label.to_f64())),
        distribution => distribution[c].to_f64(),
    };
    T::of(right * (1.0 - smoothing) + smoothing / classes as f64)
}

/// Index of the largest value, the first of equal ones.
fn largest<T: Real>(row: &[T]) -> usize {
    (1..row.len()).fold(0, |best, c| if row[c] > row[best] { c } else { best })
}

/// Whether the labels are distributions.
fn soft(at: &Site) -> f64 {
    f64::from(u8::from(at.inputs[1].c > 1))
}

impl Operator for CrossEntropy {
    fn infer(&self, inputs: &[Shape]) -> Result<Shape, ShapeError> {
        labelled(inputs).map(|_| Shape::vector(1, 1))
    }

    fn reference<T: Real>(&self, x: &[&Tensor<T>], _p: &[&Tensor<T>]) -> Tensor<T> {
        let (logits, labels) = (x[0], x[1]);
        let classes = logits.shape.c;
        let mut loss = T::ZERO;
        for (row, label) in logits.data.chunks(classes).zip(labels.data.chunks(labels.shape.c)) {
            for (c, log_p) in log_softmax(row).into_iter().enumerate() {
                loss = loss - target(c, label, classes, self.smoothing) * log_p;
            }
        }
        Tensor::filled(Shape::vector(1, 1), loss / T::of(logits.shape.n as f64))
    }

    fn vjp(&self, net: &mut Backward, node: NodeId, dy: NodeId) -> Option<Grads> {
        let op = Op::CrossEntropyGradient(CrossEntropyGradient { smoothing: self.smoothing });
        let inputs = [net.input(node, 0), net.input(node, 1), dy];
        let dx = net.emit(node, "input_gradient", op, &inputs, &[]);
        Some(Grads { inputs: vec![Some(dx), None], params: Vec::new() })
    }

    fn variants(&self, at: &Site) -> Vec<Kernel> {
        vec![Kernel {
            shader: shader!("cross_entropy"),
            overrides: vec![("SMOOTHING", self.smoothing), ("SOFT", soft(at))],
            bindings: vec![Binding::Input(0), Binding::Input(1), Binding::Output],
            dims: [at.inputs[0].n, at.inputs[0].c].map(word).to_vec(),
            grid: [1, 1, 1],
        }]
    }

    fn cases() -> Vec<Case> {
        let case = |n, classes, smoothing| {
            let name = format!("cross entropy of {n} by {classes}, smoothing {smoothing}");
            labelled_case(name, Op::CrossEntropy(Self { smoothing }), n, classes)
        };
        let hard = [case(4, 10, 0.0), case(3, 1000, 0.1), case(1, 2, 0.0), case(130, 5, 0.2)];
        hard.into_iter().chain([soft_case(case(4, 10, 0.0)), soft_case(case(70, 3, 0.1))]).collect()
    }
}

impl Operator for CrossEntropyGradient {
    fn infer(&self, inputs: &[Shape]) -> Result<Shape, ShapeError> {
        match *inputs {
            [_, _, dy] if dy.len() == 1 => labelled(inputs),
            [_, _, dy] => Err(ShapeError::Unequal { left: dy, right: Shape::vector(1, 1) }),
            _ => Err(ShapeError::InputCount { expected: 3, found: inputs.len() }),
        }
    }

    fn reference<T: Real>(&self, x: &[&Tensor<T>], _p: &[&Tensor<T>]) -> Tensor<T> {
        let (logits, labels, dy) = (x[0], x[1], x[2].data[0]);
        let Shape { n, c: classes, .. } = logits.shape;
        let mut data = Vec::with_capacity(logits.data.len());
        for (row, label) in logits.data.chunks(classes).zip(labels.data.chunks(labels.shape.c)) {
            for (c, log_p) in log_softmax(row).into_iter().enumerate() {
                let error = log_p.exp() - target(c, label, classes, self.smoothing);
                data.push(error * dy / T::of(n as f64));
            }
        }
        Tensor::new(logits.shape, data)
    }

    fn variants(&self, at: &Site) -> Vec<Kernel> {
        let logits = at.inputs[0];
        vec![Kernel {
            shader: shader!("cross_entropy_gradient"),
            overrides: vec![("SMOOTHING", self.smoothing), ("SOFT", soft(at))],
            bindings: vec![Binding::Input(0), Binding::Input(1), Binding::Input(2), Binding::Output],
            dims: [logits.n, logits.c].map(word).to_vec(),
            grid: each(logits.n, at.limits),
        }]
    }

    fn cases() -> Vec<Case> {
        let case = |n, classes, smoothing| {
            let name = format!("gradient of cross entropy of {n} by {classes}, smoothing {smoothing}");
            let op = Op::CrossEntropyGradient(Self { smoothing });
            let mut case = labelled_case(name, op, n, classes);
            case.inputs.push(Shape::vector(1, 1));
            case
        };
        let hard = [case(4, 10, 0.0), case(3, 1000, 0.1), case(130, 5, 0.2)];
        hard.into_iter().chain([soft_case(case(4, 10, 0.0)), soft_case(case(70, 3, 0.1))]).collect()
    }
}

impl Operator for CorrectAnswers {
    fn infer(&self, inputs: &[Shape]) -> Result<Shape, ShapeError> {
        labelled(inputs).map(|_| Shape::vector(1, 1))
    }

    fn reference<T: Real>(&self, x: &[&Tensor<T>], _p: &[&Tensor<T>]) -> Tensor<T> {
        let (logits, labels) = (x[0], x[1]);
        let rows = logits.data.chunks(logits.shape.c).zip(labels.data.chunks(labels.shape.c));
        let right = rows.filter(|(row, label)| match label {
            [label] => largest(row) as f64 == label.to_f64(),
            distribution => largest(row) == largest(distribution),
        });
        Tensor::filled(Shape::vector(1, 1), T::of(right.count() as f64))
    }

    fn variants(&self, at: &Site) -> Vec<Kernel> {
        vec![Kernel {
            shader: shader!("correct_answers"),
            overrides: vec![("SOFT", soft(at))],
            bindings: vec![Binding::Input(0), Binding::Input(1), Binding::Output],
            dims: [at.inputs[0].n, at.inputs[0].c].map(word).to_vec(),
            grid: [1, 1, 1],
        }]
    }

    fn tolerance(&self) -> f64 {
        0.0
    }

    fn cases() -> Vec<Case> {
        let case = |n, classes| {
            let name = format!("correct answers of {n} by {classes}");
            labelled_case(name, Op::CorrectAnswers(Self), n, classes)
        };
        vec![case(200, 3), case(5, 10), soft_case(case(200, 3)), soft_case(case(5, 10))]
    }
}

fn labelled_case(name: String, op: Op, n: usize, classes: usize) -> Case {
    Case::new(name, op, [Shape::vector(n, classes), Shape::vector(n, 1)]).with(1, super::case::Kind::Labels)
}

/// The same with a distribution for each picture.
fn soft_case(case: Case) -> Case {
    let mut soft = Case::new(format!("{}, labels distributed", case.name), case.op, case.inputs);
    soft.inputs[1] = soft.inputs[0];
    soft.with(1, super::case::Kind::Distributions)
}
