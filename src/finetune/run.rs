//! One run of fine-tuning, batch by batch, so that a page can draw, and a learner can stop at any time.
//!
//! The last epoch that went well is always at hand: it is what a checkpoint holds, and what is left after numbers grew
//! beyond all bounds.

use serde::Serialize;

use super::file::Checkpoint;
use super::settings::Settings;
use super::{Tunable, TuneError, Variants, lookup};
use crate::exec::{Backend, ExecError};
use crate::graph::{NodeId, Param};
use crate::plan::Plan;
use crate::random::Random;
use crate::train::{Snapshot, TrainError, Trainer};
use crate::transfer::loss::{largest, softmax};
use crate::transfer::metrics::Answer;
use crate::transfer::split::split;
use crate::transfer::trainer::{EpochReport, Start};
use crate::transfer::{Evaluation, Example, Examples, SettingsError};
use crate::weights::Parameters;

/// A run between its start and its last epoch.
pub struct Run {
    settings: Settings,
    trainer: Trainer,
    /// What the run started from: what training does not change still comes from here.
    start: Parameters,
    /// Places among the examples, with the class.
    training: Vec<(usize, usize)>,
    held_out: Vec<(usize, usize)>,
    note: Option<String>,
    batch: usize,
    /// Of the epoch under way.
    order: Vec<usize>,
    step: usize,
    /// Steps since the sums were read.
    unread: usize,
    loss: f64,
    correct: f64,
    /// At the end of the last epoch that went well, or before the first.
    good: Snapshot,
    /// The running average of the weights at the end of each epoch, tensor by tensor, if one is asked for.
    average: Option<Vec<Vec<f32>>>,
    history: Vec<EpochReport>,
    /// The last report of a run whose numbers grew beyond all bounds.
    diverged: Option<EpochReport>,
}

/// What one batch brought. Crosses to JavaScript in camel case.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Learned {
    /// Of the epoch under way, both counted from 1.
    pub epoch: usize,
    pub step: usize,
    pub steps: usize,
    /// Mean over the batches since it was read last, each before it was learned. None where it was not read: reading waits
    /// for the device, so that only every fourth batch does, and the first few.
    pub loss: Option<f64>,
    /// After the last batch of an epoch.
    pub report: Option<EpochReport>,
}

/// Steps after which the sums are read.
const READ_EVERY: usize = 4;

/// Streams of the seed; every epoch's order has one of its own, so that a run that is resumed finds it again.
const SUBSET: u64 = 3;
const ORDER: u64 = 1 << 33;

impl Run {
    pub(super) async fn new(
        network: &Tunable,
        settings: Settings,
        examples: &Examples,
        backend: &Backend,
    ) -> Result<Self, TuneError> {
        settings.validate()?;
        let (training, held_out, note) = divide(&settings, examples)?;
        let batch = settings.training.batch_size.min(training.len());
        let start = network.parameters(settings.seed())?;
        let (_, trained) = network.parts(batch)?;
        let options = settings.options(&network.head()?);
        let mut trainer =
            Trainer::new(&trained, None, options, backend, &lookup(&start), &|_, _, _| {}).await?;
        let good = trainer.snapshot().await?;
        Ok(Self {
            settings,
            trainer,
            start,
            training,
            held_out,
            note,
            batch,
            order: Vec::new(),
            step: 0,
            unread: 0,
            loss: 0.0,
            correct: 0.0,
            good,
            average: None,
            history: Vec::new(),
            diverged: None,
        })
    }

    pub fn start(&self) -> Start {
        let (training, validation) = (self.training.len(), self.held_out.len());
        Start { training, validation, note: self.note.clone() }
    }

    /// The epochs so far.
    pub fn history(&self) -> &[EpochReport] {
        &self.history
    }

    /// The last epoch that went well, with all that a run needs to go on from there.
    pub fn checkpoint(&self, fingerprint: &str) -> Vec<u8> {
        let (settings, history) = (self.settings.clone(), self.history.clone());
        let snapshot = self.good.clone().with_average(self.average.as_deref());
        Checkpoint { settings, network: fingerprint.into(), history, snapshot }.to_bytes()
    }

    /// Goes on from a checkpoint of this run. Fails, before anything is changed, if it is of another network or cut.
    pub fn resume(&mut self, mut checkpoint: Checkpoint) -> Result<(), TuneError> {
        // The file has an order of its own.
        let place = |name: &str| self.good.tensors.iter().position(|kept| kept.name == name);
        checkpoint.snapshot.tensors.sort_by_key(|kept| place(&kept.name));
        if self.settings.average > 0.0 && !checkpoint.history.is_empty() {
            let tensors = checkpoint.snapshot.tensors.iter_mut();
            self.average = tensors.map(|kept| kept.states.pop()).collect();
        }
        self.trainer.restore(&checkpoint.snapshot)?;
        (self.good, self.history) = (checkpoint.snapshot, checkpoint.history);
        (self.step, self.unread, self.loss, self.correct) = (0, 0, 0.0, 0.0);
        Ok(())
    }

    /// Learns from the next batch. After the last epoch, and after a failure, it repeats its last report.
    pub(super) async fn step(
        &mut self,
        network: &Tunable,
        examples: &Examples,
        variants: &Variants,
        backend: &Backend,
    ) -> Result<Learned, TuneError> {
        let last = self.diverged.as_ref().or_else(|| self.history.last().filter(|last| last.done)).cloned();
        if let Some(report) = last {
            return Ok(self.learned(Some(report.loss), Some(report)));
        }
        if self.step == 0 {
            let seed = self.settings.seed();
            self.order = (0..self.training.len()).collect();
            Random::new(seed, ORDER + self.history.len() as u64).shuffle(&mut self.order);
        }
        // The last batch is filled up with the epoch's first pictures.
        let rows = (self.step * self.batch..(self.step + 1) * self.batch)
            .map(|row| self.training[self.order[row % self.order.len()]]);
        let rows: Vec<(usize, usize)> = rows.collect();
        let labels: Vec<u32> = rows.iter().map(|(_, class)| *class as u32).collect();
        // Every epoch has the next variant of each example, and neighbours are not at the same one.
        let x: Vec<f32> = rows
            .iter()
            .flat_map(|&(place, _)| match variants.get(place) {
                Some(varied) if !varied.is_empty() => &varied[(self.history.len() + place) % varied.len()],
                _ => &example(examples, place).features,
            })
            .copied()
            .collect();
        let done = self.history.len() * self.steps() + self.step;
        self.trainer.set_learning_rate(self.settings.learning_rate(done, self.steps()));
        self.trainer.step_from_cut(&x, &labels).await?;
        self.step += 1;
        self.unread += 1;
        let last = self.step == self.steps();
        // A learning rate that is far too large shows at once, and so does how long a step takes.
        let early = self.history.is_empty() && self.step <= READ_EVERY;
        if !last && !early && self.unread < READ_EVERY {
            return Ok(self.learned(None, None));
        }
        let sums = self.trainer.take_sums().await?;
        let loss = sums.loss / std::mem::take(&mut self.unread) as f64;
        self.loss += sums.loss;
        self.correct += sums.correct;
        if !sums.loss.is_finite() {
            return self.recover(network, examples, backend).await;
        }
        if !last {
            return Ok(self.learned(Some(loss), None));
        }
        let snapshot = self.trainer.snapshot().await?;
        let sound = snapshot.tensors.iter().flat_map(|kept| &kept.values).all(|value| value.is_finite());
        if !sound {
            return self.recover(network, examples, backend).await;
        }
        let average = self.averaged(&snapshot);
        let answers = self.answers(&snapshot, average.as_ref(), network, examples, backend).await?;
        let (validation_loss, validation_accuracy) = measured(&answers);
        if validation_loss.is_some_and(|loss| !loss.is_finite()) {
            return self.recover(network, examples, backend).await;
        }
        let (epoch, epochs) = (self.history.len() + 1, self.settings.training.epochs);
        let report = EpochReport {
            epoch,
            epochs,
            loss: self.loss / self.steps() as f64,
            accuracy: self.correct / (self.steps() * self.batch) as f64,
            validation_loss,
            validation_accuracy,
            done: epoch >= epochs,
            note: None,
        };
        let learned = self.learned(Some(loss), Some(report.clone()));
        self.history.push(report);
        (self.good, self.average) = (snapshot, average);
        (self.step, self.loss, self.correct) = (0, 0.0, 0.0);
        Ok(learned)
    }

    /// What was learned, in the middle of an epoch too, as a file, and how well it does.
    pub(super) async fn finish(
        mut self,
        network: &Tunable,
        examples: &Examples,
        backend: &Backend,
    ) -> Result<(Vec<u8>, Evaluation), TuneError> {
        if self.step > 0 && self.diverged.is_none() {
            let snapshot = self.trainer.snapshot().await?;
            if snapshot.tensors.iter().flat_map(|kept| &kept.values).all(|value| value.is_finite()) {
                self.average = self.averaged(&snapshot);
                self.good = snapshot;
            }
        }
        let answers = self.answers(&self.good, self.average.as_ref(), network, examples, backend).await?;
        let answers = answers.into_iter().map(|(answer, _)| answer).collect();
        let evaluation = Evaluation::new(&self.settings.training.classes, answers);
        let mut snapshot = self.good;
        for (kept, average) in snapshot.tensors.iter_mut().zip(self.average.into_iter().flatten()) {
            kept.values = average;
        }
        // Nobody goes on from a run that has ended.
        snapshot.tensors.iter_mut().for_each(|kept| kept.states.clear());
        let network = network.fingerprint.clone();
        let file = Checkpoint { settings: self.settings, network, history: self.history, snapshot };
        Ok((file.to_bytes(), evaluation))
    }

    fn steps(&self) -> usize {
        self.training.len().div_ceil(self.batch)
    }

    fn learned(&self, loss: Option<f64>, report: Option<EpochReport>) -> Learned {
        Learned { epoch: self.history.len() + 1, step: self.step, steps: self.steps(), loss, report }
    }

    /// Goes back to the end of the last epoch that went well and stays there.
    async fn recover(
        &mut self,
        network: &Tunable,
        examples: &Examples,
        backend: &Backend,
    ) -> Result<Learned, TuneError> {
        self.trainer.restore(&self.good)?;
        let answers = self.answers(&self.good, self.average.as_ref(), network, examples, backend).await?;
        let (validation_loss, validation_accuracy) = measured(&answers);
        let note = format!(
            "Training stopped in epoch {} because its numbers grew beyond all bounds; what was learned before is kept. \
             Choose a learning rate below {}.",
            self.history.len() + 1,
            self.settings.training.learning_rate
        );
        let before = self.history.last().cloned().unwrap_or(EpochReport {
            epoch: 0,
            epochs: self.settings.training.epochs,
            loss: validation_loss.unwrap_or(0.0),
            accuracy: validation_accuracy.unwrap_or(0.0),
            validation_loss,
            validation_accuracy,
            done: true,
            note: None,
        });
        let report = EpochReport { done: true, note: Some(note), ..before };
        self.diverged = Some(report.clone());
        Ok(self.learned(Some(report.loss), Some(report)))
    }

    /// The average after an epoch that ends with these weights, if one is asked for.
    fn averaged(&self, snapshot: &Snapshot) -> Option<Vec<Vec<f32>>> {
        let kept = self.settings.average;
        (kept > 0.0).then(|| snapshot.averaged(self.average.as_deref(), kept))
    }

    /// The answers to the held-out examples with these values, or their average, and the loss of each.
    async fn answers(
        &self,
        snapshot: &Snapshot,
        average: Option<&Vec<Vec<f32>>>,
        network: &Tunable,
        examples: &Examples,
        backend: &Backend,
    ) -> Result<Vec<(Answer, f64)>, TuneError> {
        if self.held_out.is_empty() {
            return Ok(Vec::new());
        }
        let batch = self.batch.min(self.held_out.len());
        let (_, trained) = network.parts(batch)?;
        let values = snapshot.tensors.iter().enumerate().map(|(at, kept)| {
            (kept.name.clone(), average.map_or(&kept.values, |average| &average[at]).clone())
        });
        let parameters = self.start.clone().with_values(values);
        let logits: NodeId = trained.taps.logits.ok_or(TrainError::NoLogits)?;
        let lookup = async |param: &Param| {
            parameters.values(param).await.map_err(|error| ExecError::Weights(error.to_string()))
        };
        let plan = Plan::new(&trained, &[logits]);
        let mut program = backend.prepare_alone(plan, &lookup, &|_, _, _| {}).await?;
        let mut answers = Vec::with_capacity(self.held_out.len());
        for rows in self.held_out.chunks(batch) {
            // The last batch is filled up with one picture again and again, whose answers nobody reads.
            let filled: Vec<(usize, usize)> =
                rows.iter().chain(std::iter::repeat(&rows[0])).take(batch).copied().collect();
            let mut values = program.run(&[&gather(examples, &filled)]).await?.swap_remove(0);
            for (&(place, truth), row) in rows.iter().zip(values.chunks_exact_mut(network.classes)) {
                softmax(row);
                let predicted = largest(row);
                let loss = -f64::from(row[truth].max(f32::MIN_POSITIVE)).ln();
                let id = example(examples, place).id.clone();
                let loss = if row.iter().all(|value| value.is_finite()) { loss } else { f64::NAN };
                answers.push((Answer { id, truth, predicted, probability: row[predicted] }, loss));
            }
        }
        Ok(answers)
    }
}

/// Places of examples, each with its class.
type Places = Vec<(usize, usize)>;

/// What is learned from, what is checked with, and what a learner should know about it.
fn divide(settings: &Settings, examples: &Examples) -> Result<(Places, Places, Option<String>), TuneError> {
    let of = |class: &String| -> Vec<(usize, &Example)> {
        examples.iter().enumerate().filter(|(_, example)| example.class == *class).collect()
    };
    let by_class: Vec<Vec<(usize, &Example)>> = settings.training.classes.iter().map(of).collect();
    let without = by_class.iter().filter(|class| class.is_empty()).count();
    if without > 0 {
        return Err(SettingsError::NoExamples { without, classes: by_class.len() }.into());
    }
    let bursts: Vec<Vec<&str>> = by_class
        .iter()
        .map(|class| class.iter().map(|(_, example)| example.burst.as_str()).collect())
        .collect();
    let division = split(&bursts, settings.training.validation_share, settings.training.seed);
    let (mut training, mut held_out) = (Vec::new(), Vec::new());
    let mut random = Random::new(settings.seed(), SUBSET);
    for (class, (members, held)) in by_class.iter().zip(&division.held_out).enumerate() {
        let side = |wanted: bool| {
            let members = members.iter().zip(held).filter(move |(_, held)| **held == wanted);
            members.map(move |((place, _), _)| (*place, class))
        };
        held_out.extend(side(true));
        let mut learned: Vec<(usize, usize)> = side(false).collect();
        if let Some(most) = settings.per_class.filter(|most| *most < learned.len()) {
            random.shuffle(&mut learned);
            learned.truncate(most.max(1));
        }
        training.extend(learned);
    }
    Ok((training, held_out, division.note))
}

fn example(examples: &Examples, place: usize) -> &Example {
    examples.iter().nth(place).expect("examples are never taken away during a run")
}

/// The features of some examples, one after another.
fn gather(examples: &Examples, rows: &[(usize, usize)]) -> Vec<f32> {
    rows.iter().flat_map(|(place, _)| example(examples, *place).features.iter().copied()).collect()
}

/// Mean loss and share of right answers; none where there are none.
fn measured(answers: &[(Answer, f64)]) -> (Option<f64>, Option<f64>) {
    let count = answers.len() as f64;
    let right = answers.iter().filter(|(answer, _)| answer.truth == answer.predicted).count() as f64;
    let some = |value: f64| (!answers.is_empty()).then_some(value);
    (some(answers.iter().map(|(_, loss)| loss).sum::<f64>() / count), some(right / count))
}
