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

/// How a picture is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum View {
    Plain,
    /// Left and right exchanged.
    Mirrored,
}

/// Measures `checkpoint` on all pictures of `batches`, by the mean of the logits where there are several views; `done` is told
/// how many more are finished.
pub fn evaluate(
    spec: &'static ModelSpec,
    checkpoint: Checkpoint,
    batches: &Batches,
    views: &[View],
    done: &mut dyn FnMut(usize),
) -> Result<Evaluation, RunError> {
    let classes = batches.data.classes().len();
    let logits = ask(spec, checkpoint, batches, views, done)?;
    let mut evaluation = Evaluation { per_class: vec![(0, 0); classes], ..Evaluation::default() };
    // In the order of the pictures, so that the number of cores changes nothing.
    for (index, row) in logits.chunks_exact(classes).enumerate() {
        let label = batches.data.label(index);
        let most = row.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        let sum: f64 = row.iter().map(|value| f64::from(value - most).exp()).sum();
        let right = row.iter().position(|value| *value == most) == Some(label);
        evaluation.pictures += 1;
        evaluation.loss += sum.ln() - f64::from(row[label] - most);
        evaluation.correct += usize::from(right);
        let (correct, of) = &mut evaluation.per_class[label];
        (*correct, *of) = (*correct + usize::from(right), *of + 1);
    }
    evaluation.loss /= evaluation.pictures.max(1) as f64;
    Ok(evaluation)
}

/// What the network says of every picture, `[pictures, classes]`: the mean of the logits over the views.
pub fn ask(
    spec: &'static ModelSpec,
    checkpoint: Checkpoint,
    batches: &Batches,
    views: &[View],
    done: &mut dyn FnMut(usize),
) -> Result<Vec<f32>, RunError> {
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
            let (sender, part) = (sender.clone(), Part { batches, views, first, step: threads });
            scope.spawn(move || part.ask(program, &sender))
        });
        let workers: Vec<_> = workers.collect();
        drop(sender);
        receiver.into_iter().for_each(&mut *done);
        workers.into_iter().map(|worker| worker.join().expect("a worker does not panic")).collect::<Vec<_>>()
    });
    let mut all = vec![0.0; pictures * classes];
    for part in parts {
        for (first, rows) in part? {
            all[first * classes..][..rows.len()].copy_from_slice(&rows);
        }
    }
    Ok(all)
}

/// Every `step`th batch from `first` on.
struct Part<'a> {
    batches: &'a Batches<'a>,
    views: &'a [View],
    first: usize,
    step: usize,
}

impl Part<'_> {
    /// The logits of the batches, each with the number of its first picture.
    fn ask(self, mut program: Program, done: &Sender<usize>) -> Result<Vec<(usize, Vec<f32>)>, RunError> {
        let Self { batches, views, first, step } = self;
        let mut answers = Vec::new();
        let indices: Vec<usize> = (0..batches.data.len()).collect();
        for indices in indices.chunks(BATCH).skip(first).step_by(step) {
            let (mut plain, _) = batches.read(indices, None)?;
            // The last batch is filled up with black.
            plain.resize(BATCH * batches.input.len(), 0.0);
            let mut mean = vec![0.0; indices.len() * batches.data.classes().len()];
            for view in views {
                let mut x = plain.clone();
                if *view == View::Mirrored {
                    x.chunks_exact_mut(batches.input.width).for_each(<[f32]>::reverse);
                }
                let logits = program.run(&[&x])?.swap_remove(0);
                let share = 1.0 / views.len() as f32;
                mean.iter_mut().zip(logits).for_each(|(mean, logit)| *mean += share * logit);
            }
            answers.push((indices[0], mean));
            // Whoever waits for the workers listens until the last one has ended.
            let _ = done.send(indices.len());
        }
        Ok(answers)
    }
}
