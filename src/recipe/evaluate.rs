//! How many pictures a network tells right: on every core, each with a program of its own over shared weights.

use std::sync::mpsc::{Sender, channel};
use std::thread;

use serde::{Deserialize, Serialize};

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
    let answers = ask(spec, checkpoint, batches, View::Plain, answer, done)?;
    let per_class = vec![(0, 0); batches.data.classes().len()];
    let mut evaluation = Evaluation { pictures: answers.len(), per_class, ..Evaluation::default() };
    for Answer { label, right, loss } in answers {
        evaluation.loss += loss;
        evaluation.correct += usize::from(right);
        let (correct, of) = &mut evaluation.per_class[label];
        (*correct, *of) = (*correct + usize::from(right), *of + 1);
    }
    evaluation.loss /= evaluation.pictures.max(1) as f64;
    Ok(evaluation)
}

struct Answer {
    label: usize,
    right: bool,
    loss: f64,
}

fn answer(label: usize, logits: &[f32]) -> Answer {
    let most = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let sum: f64 = logits.iter().map(|value| f64::from(value - most).exp()).sum();
    let loss = sum.ln() - f64::from(logits[label] - most);
    let first = logits.iter().position(|value| *value == most);
    Answer { label, right: first == Some(label), loss }
}

/// How the pictures are shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum View {
    Plain,
    /// Left and right exchanged.
    Mirrored,
}

/// What `of` makes of every picture's label and logits, in the order of the pictures, so that the number of cores changes
/// nothing.
pub fn ask<T: Send>(
    spec: &'static ModelSpec,
    checkpoint: Checkpoint,
    batches: &Batches,
    view: View,
    of: impl Fn(usize, &[f32]) -> T + Sync,
    done: &mut dyn FnMut(usize),
) -> Result<Vec<T>, RunError> {
    let (pictures, classes) = (batches.data.len(), batches.data.classes().len());
    let threads = thread::available_parallelism().map_or(1, usize::from).min(pictures.div_ceil(BATCH)).max(1);
    let graph = spec.graph(batches.input.shape(BATCH), classes)?;
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
            let (sender, of) = (sender.clone(), &of);
            let part = Part { batches, view, first, step: threads };
            scope.spawn(move || part.ask(program, of, &sender))
        });
        let workers: Vec<_> = workers.collect();
        drop(sender);
        receiver.into_iter().for_each(&mut *done);
        workers.into_iter().map(|worker| worker.join().expect("a worker does not panic")).collect::<Vec<_>>()
    });
    let mut found: Vec<Option<T>> = (0..pictures).map(|_| None).collect();
    for part in parts {
        part?.into_iter().for_each(|(index, answer)| found[index] = Some(answer));
    }
    Ok(found.into_iter().map(|answer| answer.expect("every picture is in one part")).collect())
}

/// Every `step`th batch from `first` on.
struct Part<'a> {
    batches: &'a Batches<'a>,
    view: View,
    first: usize,
    step: usize,
}

impl Part<'_> {
    fn ask<T>(
        self,
        mut program: Program,
        of: impl Fn(usize, &[f32]) -> T,
        done: &Sender<usize>,
    ) -> Result<Vec<(usize, T)>, RunError> {
        let Self { batches, view, first, step } = self;
        let mut answers = Vec::new();
        let indices: Vec<usize> = (0..batches.data.len()).collect();
        for indices in indices.chunks(BATCH).skip(first).step_by(step) {
            let (mut x, labels) = batches.read(indices, None)?;
            if view == View::Mirrored {
                x.chunks_exact_mut(batches.input.width).for_each(<[f32]>::reverse);
            }
            // The last batch is filled up with black.
            x.resize(BATCH * batches.input.len(), 0.0);
            let logits = program.run(&[&x])?.swap_remove(0);
            let rows = logits.chunks_exact(logits.len() / BATCH);
            let found = indices.iter().zip(labels).zip(rows);
            answers.extend(found.map(|((&index, label), row)| (index, of(label as usize, row))));
            // Whoever waits for the workers listens until the last one has ended.
            let _ = done.send(indices.len());
        }
        Ok(answers)
    }
}
