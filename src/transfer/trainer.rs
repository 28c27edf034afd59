//! Training a head, epoch by epoch, so that a page can draw and a learner can stop at any time.
//!
//! Knows neither pictures nor threads nor clocks. The same examples and settings give the same curve bit for bit.

use std::ops::Range;

use serde::{Deserialize, Serialize};

use super::examples::{Example, Examples};
use super::head::{Head, Layer};
use super::loss::{self, Measured};
use super::metrics::{Answer, Evaluation};
use super::optimizer::Optimizer;
use super::perceptron::{Layout, Perceptron, Workspace};
use super::scale::Scale;
use super::settings::{Settings, SettingsError};
use super::split::split;
use crate::random::Random;

/// Rows of a batch that is only measured.
const CHECKED_ROWS: usize = 64;

/// Streams of the one seed, so that a larger head does not change the order of the examples.
const WEIGHTS: u64 = 1;
const ORDER: u64 = 2;

/// How the examples were divided. Crosses to JavaScript in camel case.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Start {
    /// Examples learned from.
    pub training: usize,
    /// Examples checked with.
    pub validation: usize,
    pub note: Option<String>,
}

/// One point of the curves. Crosses to JavaScript in camel case.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct EpochReport {
    /// Epochs completed.
    pub epoch: usize,
    /// Epochs asked for.
    pub epochs: usize,
    /// Mean cross-entropy over the training examples, each measured just before its batch was learned.
    pub loss: f64,
    /// Share of correct answers, 0 to 1, measured likewise.
    pub accuracy: f64,
    /// Measured on the validation examples at the end of the epoch; none where there are none.
    pub validation_loss: Option<f64>,
    pub validation_accuracy: Option<f64>,
    pub done: bool,
    /// Why training ended before its time.
    pub note: Option<String>,
}

/// A training run between its start and its last epoch.
#[derive(Clone, Debug)]
pub struct Training {
    settings: Settings,
    note: Option<String>,
    scale: Scale,
    training: Samples,
    validation: Samples,
    validation_ids: Vec<String>,
    class_weights: Vec<f32>,
    perceptron: Perceptron,
    optimizer: Optimizer,
    gradients: Vec<f32>,
    /// Parameters at the end of the last epoch that went well.
    good: Vec<f32>,
    order: Vec<usize>,
    random: Random,
    batch: Samples,
    workspace: Workspace,
    last: Option<EpochReport>,
}

/// Scaled features `[n, features]` and the class of each row.
#[derive(Clone, Debug, Default)]
struct Samples {
    features: Vec<f32>,
    truths: Vec<usize>,
}

impl Training {
    /// Divides, scales and copies the examples of the chosen classes; other examples are left out.
    pub fn new(examples: &Examples, settings: Settings) -> Result<Self, SettingsError> {
        settings.validate()?;
        let by_class: Vec<Vec<&Example>> =
            settings.classes.iter().map(|class| examples.of_class(class).collect()).collect();
        let without = by_class.iter().filter(|class| class.is_empty()).count();
        if without > 0 {
            return Err(SettingsError::NoExamples { without, classes: by_class.len() });
        }
        let bursts: Vec<Vec<&str>> = by_class
            .iter()
            .map(|class| class.iter().map(|example| example.burst.as_str()).collect())
            .collect();
        let division = split(&bursts, settings.validation_share, settings.seed);
        let side = |held_out: bool| {
            let rows = by_class.iter().zip(&division.held_out).enumerate();
            rows.flat_map(move |(truth, (class, held))| {
                class
                    .iter()
                    .zip(held)
                    .filter(move |(_, held)| **held == held_out)
                    .map(move |(e, _)| (*e, truth))
            })
        };
        let inputs = by_class[0][0].features.len();
        let scale = Scale::measure(side(false).map(|(example, _)| &example.features[..]));
        let samples = |held_out| Samples::new(side(held_out), scale, inputs);
        let (training, validation) = (samples(false), samples(true));
        let validation_ids = side(true).map(|(example, _)| example.id.clone()).collect();

        let classes = settings.classes.len();
        let layout = Layout { inputs, hidden: settings.hidden, classes };
        let perceptron = Perceptron::new(layout, &mut Random::new(settings.seed, WEIGHTS));
        let parameters = layout.parameters();
        let rows = settings.batch_size.min(training.truths.len());
        let Settings { optimizer, learning_rate, momentum, l2, seed, .. } = settings;
        Ok(Self {
            note: division.note,
            class_weights: loss::class_weights(&training.truths, classes),
            good: perceptron.parameters.clone(),
            perceptron,
            optimizer: Optimizer::new(optimizer, parameters, learning_rate, momentum, l2),
            gradients: vec![0.0; parameters],
            order: (0..training.truths.len()).collect(),
            random: Random::new(seed, ORDER),
            batch: Samples { features: vec![0.0; rows * inputs], truths: vec![0; rows] },
            workspace: Workspace::new(layout, rows.max(CHECKED_ROWS)),
            last: None,
            settings,
            scale,
            training,
            validation,
            validation_ids,
        })
    }

    pub fn start(&self) -> Start {
        let (training, validation) = (self.training.truths.len(), self.validation.truths.len());
        Start { training, validation, note: self.note.clone() }
    }

    /// Learns from every training example once, in a new order, and checks the result.
    ///
    /// After the last epoch, and after a failure, it does nothing but repeat its last report.
    pub fn epoch(&mut self) -> EpochReport {
        if let Some(last) = self.last.as_ref().filter(|last| last.done) {
            return last.clone();
        }
        let epoch = self.last.as_ref().map_or(0, |last| last.epoch) + 1;
        let learned = self.learn();
        let checked = measure(&self.perceptron, &mut self.workspace, &self.validation, &self.class_weights);
        let finite = learned.loss.is_finite()
            && checked.loss.is_finite()
            && self.perceptron.parameters.iter().all(|value| value.is_finite());
        let report = if finite { self.report(epoch, learned, checked) } else { self.recover(epoch) };
        self.last = Some(report.clone());
        report
    }

    /// The head as learned so far and its answers on the validation examples. Training can go on afterwards.
    pub fn finish(&self) -> (Head, Evaluation) {
        (self.head(), self.evaluate())
    }

    fn learn(&mut self) -> Measured {
        self.random.shuffle(&mut self.order);
        let mut sum = Measured::default();
        for indices in self.order.chunks(self.settings.batch_size) {
            let rows = indices.len();
            let (x, truths) = self.batch.gather(&self.training, indices);
            self.perceptron.forward(x, rows, &mut self.workspace);
            let measured = loss::gradient(self.workspace.logits(rows), truths, &self.class_weights);
            sum.add(measured);
            if !measured.loss.is_finite() {
                break;
            }
            self.perceptron.backward(x, rows, &mut self.workspace, &mut self.gradients);
            self.optimizer.step(&mut self.perceptron.parameters, &self.gradients);
        }
        sum
    }

    fn report(&mut self, epoch: usize, learned: Measured, checked: Measured) -> EpochReport {
        self.good.copy_from_slice(&self.perceptron.parameters);
        let has_validation = checked.examples > 0;
        EpochReport {
            epoch,
            epochs: self.settings.epochs,
            loss: learned.mean_loss(),
            accuracy: learned.accuracy(),
            validation_loss: has_validation.then(|| checked.mean_loss()),
            validation_accuracy: has_validation.then(|| checked.accuracy()),
            done: epoch >= self.settings.epochs,
            note: None,
        }
    }

    /// Goes back to the end of the last epoch that went well and stays there.
    fn recover(&mut self, epoch: usize) -> EpochReport {
        self.perceptron.parameters.copy_from_slice(&self.good);
        let learned = measure(&self.perceptron, &mut self.workspace, &self.training, &self.class_weights);
        let checked = measure(&self.perceptron, &mut self.workspace, &self.validation, &self.class_weights);
        EpochReport {
            done: true,
            note: Some(format!(
                "Training stopped in epoch {epoch} because its numbers grew beyond all bounds; what was learned \
                 before is kept. Choose a learning rate below {}.",
                self.settings.learning_rate
            )),
            ..self.report(epoch - 1, learned, checked)
        }
    }

    fn head(&self) -> Head {
        let layout = self.perceptron.layout;
        let layer = |weight: Range<usize>, bias: Range<usize>| Layer {
            weight: self.perceptron.parameters[weight].to_vec(),
            bias: self.perceptron.parameters[bias].to_vec(),
        };
        let mut hidden = (layout.hidden > 0).then(|| layer(layout.hidden_weight(), layout.hidden_bias()));
        let mut output = layer(layout.weight(), layout.bias());
        let first = hidden.as_mut().unwrap_or(&mut output);
        self.scale.fold(&mut first.weight);
        Head { settings: self.settings.clone(), hidden, output }
    }

    fn evaluate(&self) -> Evaluation {
        let Layout { inputs, classes, .. } = self.perceptron.layout;
        let rows = self.validation.truths.len();
        let mut workspace = Workspace::new(self.perceptron.layout, rows);
        self.perceptron.forward(&self.validation.features[..rows * inputs], rows, &mut workspace);
        let logits = workspace.logits(rows).chunks_exact_mut(classes);
        let answers =
            logits.zip(&self.validation.truths).zip(&self.validation_ids).map(|((row, &truth), id)| {
                loss::softmax(row);
                let predicted = loss::largest(row);
                Answer { id: id.clone(), truth, predicted, probability: row[predicted] }
            });
        Evaluation::new(&self.settings.classes, answers.collect())
    }
}

impl Samples {
    fn new<'a>(examples: impl Iterator<Item = (&'a Example, usize)>, scale: Scale, inputs: usize) -> Self {
        let mut samples = Self::default();
        for (example, truth) in examples {
            let start = samples.features.len();
            samples.features.resize(start + inputs, 0.0);
            scale.apply(&example.features, &mut samples.features[start..]);
            samples.truths.push(truth);
        }
        samples
    }

    /// Copies the rows of `from` with these `indices` to the front of this one and returns them.
    fn gather(&mut self, from: &Samples, indices: &[usize]) -> (&[f32], &[usize]) {
        let inputs = from.features.len() / from.truths.len();
        for ((row, truth), &index) in
            self.features.chunks_exact_mut(inputs).zip(&mut self.truths).zip(indices)
        {
            row.copy_from_slice(&from.features[index * inputs..(index + 1) * inputs]);
            *truth = from.truths[index];
        }
        (&self.features[..indices.len() * inputs], &self.truths[..indices.len()])
    }
}

/// Loss and accuracy of all `samples` without learning from them.
fn measure(
    perceptron: &Perceptron,
    workspace: &mut Workspace,
    samples: &Samples,
    class_weights: &[f32],
) -> Measured {
    let mut sum = Measured::default();
    let inputs = perceptron.layout.inputs;
    let batches = samples.features.chunks(CHECKED_ROWS * inputs).zip(samples.truths.chunks(CHECKED_ROWS));
    for (x, truths) in batches {
        perceptron.forward(x, truths.len(), workspace);
        sum.add(loss::measure(workspace.logits(truths.len()), truths, class_weights));
    }
    sum
}
