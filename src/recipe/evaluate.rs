//! How many pictures a network tells right: on every core, each with a program of its own over shared weights.

use std::sync::mpsc::{Sender, channel};
use std::thread;

use super::RunError;
use crate::data::Batches;
use crate::exec::ExecError;
use crate::exec::cpu::{Cpu, Program};
use crate::graph::Param;
use crate::models::ModelSpec;
use crate::plan::Plan;
use crate::weights::{Checkpoint, Parameters};

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Evaluation {
    pub pictures: usize,
    /// Right answers.
    pub correct: usize,
    /// Mean cross-entropy.
    pub loss: f64,
    /// Right answers and pictures of each class.
    pub per_class: Vec<(usize, usize)>,
}

/// Pictures of one run of a program.
const BATCH: usize = 50;

impl Evaluation {
    /// Share of right answers, 0 to 1.
    pub fn accuracy(&self) -> f64 {
        self.correct as f64 / self.pictures.max(1) as f64
    }
}

/// Measures `checkpoint` on all pictures of `batches`; `done` is told how many more are finished.
pub fn evaluate(
    spec: &'static ModelSpec,
    checkpoint: Checkpoint,
    batches: &Batches,
    done: &mut dyn FnMut(usize),
) -> Result<Evaluation, RunError> {
    let (pictures, classes) = (batches.data.len(), batches.data.classes().len());
    let threads = thread::available_parallelism().map_or(1, usize::from).min(pictures.div_ceil(BATCH)).max(1);
    let graph = spec.graph(spec.shape(BATCH), classes)?;
    let parameters = Parameters::from_checkpoint(checkpoint, &graph, false, 0)?;
    let logits = graph.taps.logits.expect("a whole network has logits");
    let (cpu, plan) = (Cpu::new(), Plan::new(&graph, &[logits]));
    let lookup = async |param: &Param| {
        parameters.values(param).await.map_err(|error| ExecError::Weights(error.to_string()))
    };
    let programs = (0..threads).map(|_| pollster::block_on(cpu.prepare(plan.clone(), &lookup)));
    let programs: Vec<Program> = programs.collect::<Result<_, _>>()?;
    let parts = thread::scope(|scope| {
        let (sender, receiver) = channel();
        let workers = programs.into_iter().enumerate().map(|(first, program)| {
            let sender = sender.clone();
            scope.spawn(move || share(program, batches, first, threads, &sender))
        });
        let workers: Vec<_> = workers.collect();
        drop(sender);
        receiver.into_iter().for_each(&mut *done);
        workers.into_iter().map(|worker| worker.join().expect("a worker does not panic")).collect::<Vec<_>>()
    });
    let mut evaluation = Evaluation { per_class: vec![(0, 0); classes], ..Evaluation::default() };
    let mut losses = vec![0.0; pictures];
    for part in parts {
        for Answer { index, label, right, loss } in part? {
            losses[index] = loss;
            evaluation.correct += usize::from(right);
            let (correct, of) = &mut evaluation.per_class[label];
            (*correct, *of) = (*correct + usize::from(right), *of + 1);
        }
    }
    // In the order of the pictures, so that the number of cores changes nothing.
    evaluation.loss = losses.iter().sum::<f64>() / pictures.max(1) as f64;
    evaluation.pictures = pictures;
    Ok(evaluation)
}

struct Answer {
    index: usize,
    label: usize,
    right: bool,
    loss: f64,
}

/// The answers to every `step`th batch from `first` on.
fn share(
    mut program: Program,
    batches: &Batches,
    first: usize,
    step: usize,
    done: &Sender<usize>,
) -> Result<Vec<Answer>, RunError> {
    let mut answers = Vec::new();
    let indices: Vec<usize> = (0..batches.data.len()).collect();
    for indices in indices.chunks(BATCH).skip(first).step_by(step) {
        let (mut x, labels) = batches.read(indices, None)?;
        // The last batch is filled up with black.
        x.resize(BATCH * batches.input.len(), 0.0);
        let logits = program.run(&[&x])?.swap_remove(0);
        let rows = logits.chunks_exact(logits.len() / BATCH);
        answers.extend(indices.iter().zip(labels).zip(rows).map(|((&index, label), row)| {
            let label = label as usize;
            let most = row.iter().copied().fold(f32::NEG_INFINITY, f32::max);
            let sum: f64 = row.iter().map(|value| f64::from(value - most).exp()).sum();
            let loss = sum.ln() - f64::from(row[label] - most);
            let first = row.iter().position(|value| *value == most);
            Answer { index, label, right: first == Some(label), loss }
        }));
        // Whoever waits for the workers listens until the last one has ended.
        let _ = done.send(indices.len());
    }
    Ok(answers)
}
