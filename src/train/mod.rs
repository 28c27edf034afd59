//! Training a network, from any cut to its logits: forward, backward and the optimizer's step as one plan.
//!
//! [`TrainingGraph`] is the network as it trains, [`TrainingPlan`] goes on into its backward pass and the updates, and a
//! [`Trainer`] runs that with the parameters it changes. It knows batches, not where they come from, and no clock; the same
//! seed, backend and batches give the same parameters bit for bit on the CPU.

mod file;
mod pieces;
mod plan;
mod recompute;
mod rewrite;
mod settings;
mod snapshot;

pub use plan::TrainingPlan;
pub use rewrite::{Running, TrainingGraph};
pub use settings::{BatchNormMode, Optimizer, Options, Targets};
pub use snapshot::{Kept, Snapshot};

use thiserror::Error;

use self::pieces::Trained;
use crate::exec::{Backend, ExecError, Lookup, Program, Progress, Stored};
use crate::gradient::GradientError;
use crate::graph::{Graph, GraphError, NodeId, Param};
use crate::plan::{Moment, Plan};
use crate::random::Random;
use crate::shape::{Shape, ShapeError};
use crate::tensor::Tensor;

#[derive(Debug, Error)]
pub enum TrainError {
    #[error(
        "a network without logits has nothing to be trained for; build it whole, with a number of classes"
    )]
    NoLogits,
    #[error(transparent)]
    Graph(#[from] GraphError),
    #[error(transparent)]
    Gradient(#[from] GradientError),
    #[error(transparent)]
    Exec(#[from] ExecError),
    #[error("{node}: {error}")]
    Shape { node: String, error: ShapeError },
    #[error(
        "a batch has {expected} pictures and as many labels, got {found} labels; choose another batch size"
    )]
    Labels { expected: usize, found: usize },
    #[error("a label is a class from 0 to {last}, got {found}")]
    Label { last: usize, found: u32 },
    #[error(
        "the label of picture {picture} is no distribution over {classes} classes: its probabilities must lie between 0 and 1 and \
         have the sum 1, which is {sum}"
    )]
    Distribution { picture: usize, classes: usize, sum: f64 },
    #[error("this trainer is given {}, not {}; choose others in its options", expected.words(), found.words())]
    Targets { expected: Targets, found: Targets },
    #[error(
        "the snapshot has no {name} of this run's shape and optimizer; choose one of the same network, cut and optimizer"
    )]
    Snapshot { name: String },
    #[error("this is no state of a training that can be read ({reason}); start the training over")]
    File { reason: String },
    #[error("no trained parameter is named {name}")]
    Unknown { name: String },
}

/// A network in training.
pub struct Trainer {
    program: Program,
    /// Of the pictures' frozen way to the cut; none where everything is trained.
    prefix: Option<Program>,
    options: Options,
    batch: usize,
    classes: usize,
    masks: Vec<(Shape, f32)>,
    /// What the plan's updates change: the network's tensors, and then the sums.
    trained: Vec<Trained>,
    step: u32,
}

/// The sums since they were read last.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Sums {
    /// Of each batch's mean loss, before its update.
    pub loss: f64,
    /// Right answers.
    pub correct: f64,
}

/// Parameters of no network, in which a program adds up what its steps measure: losses and right answers.
const SUMS: [&str; 2] = ["training.loss", "training.correct"];
/// Stream of the seed that masks are drawn from, followed by one for each step.
const MASKS: u64 = 1 << 32;

impl Trainer {
    /// Trains what comes after `cut`, or everything; the graph's batch size is that of a step.
    ///
    /// Fails if the graph cannot be cut there or has no logits, where `lookup` does, and if the backend lacks room.
    pub async fn new(
        graph: &Graph,
        cut: Option<NodeId>,
        options: Options,
        backend: &Backend,
        lookup: &dyn Lookup,
        progress: &Progress<'_>,
    ) -> Result<Self, TrainError> {
        let (prefix, suffix) = split(graph, cut)?;
        let logits = graph.node(graph.taps.logits.ok_or(TrainError::NoLogits)?).shape;
        let TrainingPlan { plan, masks } = TrainingPlan::new(&suffix, &options, false)?;
        let trained = Trained::of(&plan);
        let values = async |param: &Param| {
            if SUMS.contains(&param.name.as_str()) {
                return Ok(Tensor::filled(Shape::from_dims(&[1]), 0.0));
            }
            lookup.values(param).await
        };
        // Weights are not shared with other programs by name: the backend may run another network by now.
        let program = backend.prepare_alone(plan.clone(), &values, progress).await?;
        let prefix = match prefix {
            Some(prefix) => {
                let end = NodeId(prefix.nodes.len() - 1);
                Some(backend.prepare_alone(Plan::new(&prefix, &[end]), lookup, progress).await?)
            }
            None => None,
        };
        Ok(Self { program, prefix, options, batch: logits.n, classes: logits.c, masks, trained, step: 0 })
    }

    /// Bytes of everything that training would hold on its backend, the frozen part's activations included.
    pub fn bytes_for(graph: &Graph, cut: Option<NodeId>, options: &Options) -> Result<usize, TrainError> {
        let (prefix, suffix) = split(graph, cut)?;
        let trained = TrainingPlan::new(&suffix, options, false)?.plan.bytes();
        let frozen = |prefix: Graph| Plan::new(&prefix, &[NodeId(prefix.nodes.len() - 1)]).bytes();
        Ok(trained + prefix.map_or(0, frozen))
    }

    /// One step on a batch of pictures, `x` of the graph's input shape. Returns the loss before the update.
    pub async fn step(&mut self, x: &[f32], labels: &[u32]) -> Result<f32, TrainError> {
        let labels = self.classes(labels)?;
        self.whole(x, &labels).await
    }

    /// As [`Trainer::step`], towards distributions over the classes, `labels` of `[n, classes]`.
    pub async fn step_towards(&mut self, x: &[f32], labels: &[f32]) -> Result<f32, TrainError> {
        self.distributions(labels)?;
        self.whole(x, labels).await
    }

    async fn whole(&mut self, x: &[f32], labels: &[f32]) -> Result<f32, TrainError> {
        let features = match &mut self.prefix {
            Some(prefix) => Some(prefix.run(&[x]).await?.swap_remove(0)),
            None => None,
        };
        let loss = self.run(features.as_deref().unwrap_or(x), labels, true).await?;
        Ok(loss.expect("the loss was asked for"))
    }

    /// One step on what the frozen part made of a batch, without waiting for the device; [`Trainer::take_sums`] says
    /// later how it went.
    pub async fn step_from_cut(&mut self, x: &[f32], labels: &[u32]) -> Result<(), TrainError> {
        let labels = self.classes(labels)?;
        self.run(x, &labels, false).await.map(|_| ())
    }

    /// What the frozen part makes of a batch of pictures; the pictures, where nothing is frozen.
    pub async fn features(&mut self, x: &[f32]) -> Result<Vec<f32>, TrainError> {
        match &mut self.prefix {
            Some(prefix) => Ok(prefix.run(&[x]).await?.swap_remove(0)),
            None => Ok(x.to_vec()),
        }
    }

    /// The sums over the steps since the last call.
    pub async fn take_sums(&mut self) -> Result<Sums, TrainError> {
        let mut sums = [0.0; 2];
        for (sum, name) in sums.iter_mut().zip(SUMS) {
            let tensor = self.tensor(name)?;
            *sum = f64::from(self.read(tensor, &Stored::Parameter).await?[0]);
            self.write(tensor, &Stored::Parameter, &[0.0]);
        }
        Ok(Sums { loss: sums[0], correct: sums[1] })
    }

    /// The gradient of the parameter of that name in the last step, before it was clipped.
    pub async fn gradient(&mut self, name: &str) -> Result<Vec<f32>, TrainError> {
        self.read(self.tensor(name)?, &Stored::Gradient).await
    }

    /// The values of the trained parameter of that name, running statistics included.
    pub async fn parameter(&mut self, name: &str) -> Result<Vec<f32>, TrainError> {
        self.read(self.tensor(name)?, &Stored::Parameter).await
    }

    /// Names of everything that training changes, in the network's order, with their dimensions.
    pub fn names(&self) -> impl Iterator<Item = (&str, &[usize])> {
        let tensors = &self.trained[..self.tensors()];
        tensors.iter().map(|trained| (trained.name.as_str(), trained.dims.as_slice()))
    }

    /// Steps done.
    pub fn steps(&self) -> u32 {
        self.step
    }

    /// From the next step on.
    pub fn set_learning_rate(&mut self, learning_rate: f64) {
        self.options.learning_rate = learning_rate;
    }

    /// Bytes of everything that the trained part holds on its backend.
    pub fn bytes(&self) -> usize {
        self.program.plan().bytes()
    }

    /// Numbers of classes as the plan takes them.
    fn classes(&self, labels: &[u32]) -> Result<Vec<f32>, TrainError> {
        self.fit(Targets::Classes, labels.len())?;
        if let Some(&found) = labels.iter().find(|label| **label as usize >= self.classes) {
            return Err(TrainError::Label { last: self.classes - 1, found });
        }
        Ok(labels.iter().map(|&label| label as f32).collect())
    }

    fn distributions(&self, labels: &[f32]) -> Result<(), TrainError> {
        let classes = self.classes;
        self.fit(Targets::Distributions, labels.len() / classes)?;
        for (picture, row) in labels.chunks(classes).enumerate() {
            let sum: f64 = row.iter().copied().map(f64::from).sum();
            if row.len() != classes
                || (sum - 1.0).abs() > 1e-3
                || row.iter().any(|p| !(0.0..=1.0).contains(p))
            {
                return Err(TrainError::Distribution { picture, classes, sum });
            }
        }
        Ok(())
    }

    /// Whether so many labels of that kind are a batch's.
    fn fit(&self, found: Targets, count: usize) -> Result<(), TrainError> {
        let expected = self.options.targets;
        if found != expected {
            return Err(TrainError::Targets { expected, found });
        }
        if count == self.batch {
            Ok(())
        } else {
            Err(TrainError::Labels { expected: self.batch, found: count })
        }
    }

    async fn run(&mut self, x: &[f32], labels: &[f32], read: bool) -> Result<Option<f32>, TrainError> {
        let masks = self.draw();
        let inputs: Vec<&[f32]> =
            [x].into_iter().chain(masks.iter().map(|m| &m[..])).chain([labels]).collect();
        let at = Moment { step: self.step + 1, learning_rate: self.options.learning_rate };
        let outputs = self.program.train(&inputs, at, read).await?;
        self.step += 1;
        Ok(outputs.first().map(|loss| loss[0]))
    }

    /// The next step's masks: zero, or what makes up for the zeros.
    fn draw(&self) -> Vec<Vec<f32>> {
        let mut random = Random::new(self.options.seed, MASKS + u64::from(self.step));
        let mut mask = |&(shape, probability): &(Shape, f32)| {
            let kept = 1.0 / (1.0 - probability);
            let value = |_| if random.uniform(0.0, 1.0) < probability { 0.0 } else { kept };
            (0..shape.len()).map(value).collect()
        };
        self.masks.iter().map(&mut mask).collect()
    }

    /// Of those that training changes, the tensors that are the network's.
    fn tensors(&self) -> usize {
        self.trained.len() - SUMS.len()
    }

    fn tensor(&self, name: &str) -> Result<usize, TrainError> {
        let found = self.trained.iter().position(|known| known.name == name);
        found.ok_or_else(|| TrainError::Unknown { name: name.into() })
    }
}

/// The frozen part, unless everything is trained, and the trained one.
fn split(graph: &Graph, cut: Option<NodeId>) -> Result<(Option<Graph>, Graph), TrainError> {
    match cut {
        Some(cut) if cut != NodeId(0) => {
            let (prefix, suffix) = graph.split(cut)?;
            Ok((Some(prefix), suffix))
        }
        _ => Ok((None, graph.clone())),
    }
}
