//! Following a recipe from the first step to the file: batches are prepared while the step before is learned, every epoch
//! ends with a measurement and a checkpoint, and a run that was stopped goes on from there bit for bit.
//!
//! Knows no terminal: whoever starts a run is told how it goes by [`Event`]s.

use std::fs;
use std::io::ErrorKind;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::mpsc::sync_channel;
use std::thread;

use super::average::Average;
use super::curve::{self, Point};
use super::evaluate::{Evaluation, View, evaluate};
use super::state::{Progress, State};
use super::teacher::Targets;
use super::tensors::{self, Tensors, Values};
use super::{Note, Precision, Recipe, RunError};
use crate::augment::Augmentation;
use crate::data::{Batches, DataError, Dataset};
use crate::exec::{Backend, ExecError};
use crate::graph::{Graph, NodeId, Param};
use crate::models::ModelSpec;
use crate::net::Part;
use crate::train::{Options, Trainer};
use crate::weights::{Checkpoint, Parameters};

/// A recipe with the pictures it is about.
pub struct Run<'a> {
    pub recipe: &'a Recipe,
    pub training: &'a dyn Dataset,
    pub test: Option<&'a dyn Dataset>,
    /// Weights to start from; fresh ones where there are none.
    pub start: Option<Checkpoint>,
    /// The file of weights of the network that a recipe with a teacher wants to be asked, as a run wrote it; or that of its
    /// answers, as an earlier run kept it.
    pub teacher: Option<Vec<u8>>,
    /// Where the weights go. The checkpoint, the curve and a teacher's answers are written beside them.
    pub out: &'a Path,
    /// Goes on from the checkpoint, if there is one; what has ended is not trained again.
    pub resume: bool,
}

/// What a run has to say while it goes.
#[derive(Clone, Debug, PartialEq)]
pub enum Event<'a> {
    /// Before the first step: steps of an epoch, trained values, bytes of the training step where everything is kept for
    /// the way back and where what is cheap is computed again, and epochs done before.
    Start {
        steps: usize,
        parameters: usize,
        kept_bytes: usize,
        recomputed_bytes: usize,
        done: usize,
    },
    /// Pictures that the teacher has been asked about since the last such event.
    Asked(usize),
    /// After a step of the epoch, both counted from 1, with the mean loss so far.
    Step {
        epoch: usize,
        step: usize,
        loss: f64,
    },
    /// Test pictures measured since the last such event.
    Tested(usize),
    Epoch(&'a Point),
}

/// Whoever is told; breaking ends the run after the epoch, as if it had been stopped.
pub type Observer<'a> = dyn FnMut(Event) -> ControlFlow<()> + 'a;

/// Batches prepared ahead.
const AHEAD: usize = 3;

impl Run<'_> {
    /// Trains to the end, or until `observe` breaks, and returns the curve.
    ///
    /// Fails with [`RunError::Diverged`] if the loss is no number any more; the weights of the last epoch that went well
    /// are then in the file.
    pub fn train(&self, backend: &Backend, observe: &mut Observer) -> Result<Vec<Point>, RunError> {
        let spec = self.recipe.spec()?;
        let steps = self.training.len() / self.recipe.batch;
        if steps == 0 {
            return Err(RunError::TooFewPictures { found: self.training.len(), batch: self.recipe.batch });
        }
        if let Some(curve) = self.finished() {
            return Ok(curve);
        }
        let title = || self.recipe.title.clone();
        match (&self.recipe.teacher, &self.teacher) {
            (Some(_), None) => return Err(RunError::NoTeacher { title: title() }),
            (None, Some(_)) => return Err(RunError::NoPupil { title: title() }),
            _ => {}
        }
        let mut state = self.begin(spec, backend)?;
        let parameters = state.trainer.names().map(|(_, dims)| dims.iter().product::<usize>()).sum();
        let [kept_bytes, recomputed_bytes] = self.memory(spec)?;
        let done = state.curve.len();
        let _ = observe(Event::Start { steps, parameters, kept_bytes, recomputed_bytes, done });
        let targets = self.targets(observe)?;
        for epoch in done..self.recipe.epochs {
            let (loss, accuracy, learning_rate) =
                self.epoch(epoch, steps, spec, targets.as_ref(), &mut state, observe)?;
            let weights = state.weights()?;
            // The loss was right before the last update and cannot tell; an average keeps what is no number.
            if !finite(&weights) {
                return Err(self.diverged([epoch, steps - 1], learning_rate, &state)?);
            }
            let tested = self.test(spec, &weights, observe)?;
            let rounded = curve::rounded;
            state.curve.push(Point {
                epoch: epoch + 1,
                learning_rate: rounded(learning_rate),
                loss: rounded(loss),
                accuracy: rounded(accuracy),
                test_loss: tested.as_ref().map(|tested| rounded(tested.loss)),
                test_accuracy: tested.as_ref().map(|tested| rounded(tested.accuracy())),
            });
            self.save(&mut state)?;
            let last = epoch + 1 == self.recipe.epochs;
            if observe(Event::Epoch(&state.curve[epoch])).is_break() && !last {
                return Ok(state.curve);
            }
        }
        // Also where the last epoch was done before, and only its file is missing.
        self.finish(&state.weights()?)?;
        let _ = fs::remove_file(self.checkpoint());
        Ok(state.curve)
    }

    /// What the teacher thinks of the pictures, if there is one.
    fn targets(&self, observe: &mut Observer) -> Result<Option<Targets>, RunError> {
        let (Some(teacher), Some(weights)) = (&self.recipe.teacher, &self.teacher) else { return Ok(None) };
        let flips = |change: &Augmentation| matches!(change, Augmentation::HorizontalFlip { .. });
        let mirrored = self.recipe.augmentation.iter().any(flips);
        let views: &[View] = if mirrored { &[View::Plain, View::Mirrored] } else { &[View::Plain] };
        let mut done = |count| {
            let _ = observe(Event::Asked(count));
        };
        Targets::new(teacher, weights, self.training, views, &self.answers(), &mut done).map(Some)
    }

    /// The curve of this very run, where it is to go on and has ended already.
    fn finished(&self) -> Option<Vec<Point>> {
        if !self.resume || self.checkpoint().exists() {
            return None;
        }
        let trained_by = Note::of(&fs::read(self.out).ok()?)?.recipe?;
        let curve = curve::parse(&fs::read_to_string(self.out.with_extension("curve.csv")).ok()?)?;
        (trained_by.trains_like(self.recipe) && curve.len() == self.recipe.epochs).then_some(curve)
    }

    /// The state before the first step, or that of the checkpoint.
    fn begin(&self, spec: &'static ModelSpec, backend: &Backend) -> Result<State, RunError> {
        let Recipe { seed, average, .. } = *self.recipe;
        let classes = self.training.classes().len();
        let whole = spec.graph(self.recipe.input(spec).shape(1), classes)?;
        let parameters = match &self.start {
            Some(checkpoint) => Parameters::from_checkpoint(checkpoint.clone(), &whole, true, seed)?,
            None => Parameters::initialised(seed),
        };
        let (graph, cut) = self.graph(spec)?;
        // Auxiliary heads, which the weights to start from need not have.
        let extra =
            graph.params.iter().filter(|param| !whole.params.iter().any(|known| known.name == param.name));
        let parameters = parameters.with_fresh(extra.map(|param| param.name.clone()), seed);
        let lookup = async |param: &Param| {
            parameters.values(param).await.map_err(|error| ExecError::Weights(error.to_string()))
        };
        let mut first = Tensors::new();
        for param in &whole.params {
            let data = pollster::block_on(parameters.values(param))?.data;
            first.insert(param.name.clone(), Values { dims: param.dims.clone(), data });
        }
        let options = self.recipe.options(&graph);
        let trainer = Trainer::new(&graph, cut, options, backend, &lookup, &|_, _, _| {});
        let mut state =
            State { trainer: pollster::block_on(trainer)?, average: None, curve: Vec::new(), first };
        if average > 0.0 {
            state.average = Some(Average::new(average, state.trained()?));
        }
        match fs::read(self.checkpoint()) {
            Ok(bytes) if self.resume => self.go_on(&mut state, &bytes)?,
            Err(error) if self.resume && error.kind() != ErrorKind::NotFound => {
                let place = self.checkpoint().display().to_string();
                return Err(RunError::Unreadable { place, reason: error.to_string() });
            }
            _ => {}
        }
        Ok(state)
    }

    /// The network as it trains, and the node after which it does.
    fn graph(&self, spec: &ModelSpec) -> Result<(Graph, Option<NodeId>), RunError> {
        let classes = self.training.classes().len();
        let shape = self.recipe.input(spec).shape(self.recipe.batch);
        let graph = spec.part(shape, Part::Training { classes })?;
        let cut = self.recipe.cut.as_ref().map(|name| graph.find(name)).transpose()?;
        Ok((graph, cut))
    }

    /// Bytes of a step that keeps everything for the way back, and of one that computes again what is cheap.
    fn memory(&self, spec: &ModelSpec) -> Result<[usize; 2], RunError> {
        let (graph, cut) = self.graph(spec)?;
        let options = self.recipe.options(&graph);
        let bytes = |recompute| Trainer::bytes_for(&graph, cut, &Options { recompute, ..options.clone() });
        Ok([bytes(false)?, bytes(true)?])
    }

    fn go_on(&self, state: &mut State, bytes: &[u8]) -> Result<(), RunError> {
        let place = self.checkpoint().display().to_string();
        let Some((tensors, progress)) = tensors::read::<Progress>(bytes) else {
            return Err(RunError::NotACheckpoint { place });
        };
        if !progress.recipe.trains_like(self.recipe) {
            return Err(RunError::OtherRecipe { place, title: progress.recipe.title });
        }
        if state.restore(&tensors, progress) { Ok(()) } else { Err(RunError::NotACheckpoint { place }) }
    }

    /// One pass over the pictures: mean loss, share of right answers, last learning rate.
    fn epoch(
        &self,
        epoch: usize,
        steps: usize,
        spec: &ModelSpec,
        targets: Option<&Targets>,
        state: &mut State,
        observe: &mut Observer,
    ) -> Result<(f64, f64, f64), RunError> {
        let Recipe { batch, epochs, ref schedule, ref optimizer, .. } = *self.recipe;
        let batches = self.batches(spec, self.training);
        let order = batches.order(epoch);
        let (mut sum, mut learning_rate) = (0.0, 0.0);
        thread::scope(|scope| {
            let (sender, receiver) = sync_channel::<Result<_, DataError>>(AHEAD);
            scope.spawn(move || {
                // Nobody listens any more where training has ended early.
                let send = |indices: &[usize]| {
                    let read = batches.read(indices, Some(epoch));
                    sender.send(read.map(|(x, labels)| (x, labels, targets.map(|all| all.of(indices))))).ok()
                };
                order.chunks_exact(batch).try_for_each(send)
            });
            for (step, prepared) in receiver.into_iter().enumerate() {
                let (x, labels, targets) = prepared?;
                learning_rate = optimizer.learning_rate * schedule.at(epoch * steps + step, steps, epochs);
                state.trainer.set_learning_rate(learning_rate);
                let loss = f64::from(match targets {
                    Some(targets) => pollster::block_on(state.trainer.step_towards(&x, &targets))?,
                    None => pollster::block_on(state.trainer.step(&x, &labels))?,
                });
                if !loss.is_finite() {
                    return Err(self.diverged([epoch, step], learning_rate, state)?);
                }
                state.follow()?;
                sum += loss;
                let mean = sum / (step + 1) as f64;
                let _ = observe(Event::Step { epoch: epoch + 1, step: step + 1, loss: mean });
            }
            Ok::<_, RunError>(())
        })?;
        let correct = pollster::block_on(state.trainer.take_sums())?.correct;
        Ok((sum / steps as f64, correct / (steps * batch) as f64, learning_rate))
    }

    fn test(
        &self,
        spec: &'static ModelSpec,
        weights: &Tensors,
        observe: &mut Observer,
    ) -> Result<Option<Evaluation>, RunError> {
        let Some(test) = self.test else { return Ok(None) };
        let checkpoint = Checkpoint::read(tensors::bytes(weights, &(), self.recipe.precision))?;
        let mut done = |count| {
            let _ = observe(Event::Tested(count));
        };
        evaluate(spec, checkpoint, &self.batches(spec, test), &[View::Plain], &mut done).map(Some)
    }

    fn batches<'a>(&'a self, spec: &ModelSpec, data: &'a dyn Dataset) -> Batches<'a> {
        let Recipe { augmentation, seed, data: of, .. } = self.recipe;
        Batches { data, input: self.recipe.input(spec), fit: of.fit, augmentation, seed: *seed }
    }

    /// Writes the checkpoint and the curve.
    fn save(&self, state: &mut State) -> Result<(), RunError> {
        let progress = Progress {
            recipe: self.recipe.clone(),
            steps: state.trainer.steps(),
            curve: state.curve.clone(),
        };
        let bytes = tensors::bytes(&state.snapshot()?, &progress, Precision::F32);
        tensors::write(&self.checkpoint(), &bytes)?;
        tensors::write(&self.out.with_extension("curve.csv"), curve::table(&state.curve).as_bytes())
    }

    fn finish(&self, weights: &Tensors) -> Result<(), RunError> {
        let note = Note {
            title: self.recipe.title.clone(),
            model: self.recipe.model.clone(),
            fit: self.recipe.data.fit,
            classes: self.training.classes().to_vec(),
            recipe: Some(self.recipe.clone()),
        };
        tensors::write(self.out, &tensors::bytes(weights, &note, self.recipe.precision))
    }

    /// Writes the weights of the last epoch that went well, and says so.
    fn diverged(
        &self,
        [epoch, step]: [usize; 2],
        learning_rate: f64,
        state: &State,
    ) -> Result<RunError, RunError> {
        let good = fs::read(self.checkpoint()).ok().filter(|_| epoch > 0);
        let kept = match good.and_then(|bytes| tensors::read::<Progress>(&bytes)) {
            Some((snapshot, _)) => {
                self.finish(&state.kept(snapshot))?;
                format!("the weights of epoch {epoch} are in {}", self.out.display())
            }
            None => "nothing was learned yet".to_string(),
        };
        Ok(RunError::Diverged { epoch: epoch + 1, step: step + 1, learning_rate, kept })
    }

    /// Where the teacher's answers are.
    fn answers(&self) -> PathBuf {
        self.out.with_extension("teacher.safetensors")
    }

    fn checkpoint(&self) -> PathBuf {
        self.out.with_extension("checkpoint.safetensors")
    }
}

fn finite(tensors: &Tensors) -> bool {
    tensors.values().flat_map(|values| &values.data).all(|value| value.is_finite())
}
