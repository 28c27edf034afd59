//! Fine-tuning a loaded network on examples: any cut, a new head for the examples' classes, and a network afterwards that
//! predicts them.
//!
//! What the frozen part makes of a picture, and of a few changed ones of the same thing, is computed once and kept, so that
//! an epoch runs what comes after the cut and nothing else. Knows batches, epochs and checkpoints, but neither files nor
//! clocks; the same examples, settings and backend give the same curve, bit for bit on the CPU.
//!
//! ```text
//! pictures -> frozen part (once) -> Examples -> split by recording -> batches -> Trainer -> epoch by epoch
//!                                                                        `-> Tuned: predicts, a file
//! ```

mod cost;
mod file;
mod run;
mod settings;
mod tuned;

use thiserror::Error;

pub use cost::{Cost, Room, cost};
pub use file::{Checkpoint, FileError, is_tuned};
pub use run::{Learned, Run};
pub use settings::{Course, Settings};
pub use tuned::Tuned;

use crate::augment::device::{self, Augmenter, Framed};
use crate::augment::row::{self, Row};
use crate::augment::{self, AugmentError, Augmentation};
use crate::exec::{Backend, ExecError, Program, Progress};
use crate::graph::{Graph, GraphError, NodeId, Param};
use crate::image::InputSpec;
use crate::network::{Network, NetworkError, Trainable};
use crate::ops::Op;
use crate::plan::Plan;
use crate::train::TrainError;
use crate::transfer::{Evaluation, Example, ExampleError, Examples, SettingsError};
use crate::weights::Parameters;

#[derive(Debug, Error)]
pub enum TuneError {
    #[error(transparent)]
    Settings(#[from] SettingsError),
    #[error(transparent)]
    Network(#[from] NetworkError),
    #[error(transparent)]
    Graph(#[from] GraphError),
    #[error(transparent)]
    Train(#[from] TrainError),
    #[error(transparent)]
    Exec(#[from] ExecError),
    #[error(transparent)]
    Augmentation(#[from] AugmentError),
    #[error(transparent)]
    Example(#[from] ExampleError),
    #[error(transparent)]
    File(#[from] FileError),
    #[error("there is no example {id} to vary; add its picture first")]
    Unknown { id: String },
    #[error(
        "this was made ready for training {classes} classes from {cut}, {start}; make it ready anew for other settings"
    )]
    OtherSettings { classes: usize, cut: String, start: &'static str },
    #[error("no fine-tuning is under way; begin one first")]
    NotBegun,
    #[error(
        "the kept features of example {id} are {found} values, the cut has {expected}; show its picture again"
    )]
    Length { id: String, expected: usize, found: usize },
}

/// A network about to be fine-tuned from one cut, and what its frozen part made of the examples.
pub struct FineTuning {
    network: Tunable,
    /// Of one picture's way to the cut; none where everything is trained.
    frozen: Option<Program>,
    examples: Examples,
    variants: Variants,
    changing: Option<Changing>,
    run: Option<Run>,
}

/// How examples are changed.
struct Changing {
    steps: Vec<Augmentation>,
    seed: u64,
    input: InputSpec,
    augmenter: Augmenter,
}

/// Changed pictures of each example that epochs learn from in turn.
pub const VARIANTS: usize = 4;

/// What the frozen part made of other pictures of the same things, for each example in its place.
type Variants = Vec<Vec<Vec<f32>>>;

/// A loaded network with a cut and a head for other classes.
#[derive(Clone, Debug)]
pub(crate) struct Tunable {
    network: Trainable,
    cut: String,
    fresh: bool,
    classes: usize,
    /// Of the network that was loaded.
    fingerprint: String,
}

impl FineTuning {
    /// Gets the frozen part ready. Fails if the network cannot be cut there, and if the backend lacks room.
    pub async fn new(
        network: &Network,
        settings: &Settings,
        backend: &Backend,
        progress: &Progress<'_>,
    ) -> Result<Self, TuneError> {
        settings.validate()?;
        row::check(&settings.augmentation)?;
        let (steps, seed, input) = (settings.augmentation.clone(), settings.training.seed, network.input);
        let changing = if steps.is_empty() {
            None
        } else {
            let augmenter = Augmenter::new(&input, device::frame(&input), 1, backend).await?;
            Some(Changing { steps, seed, input, augmenter })
        };
        let network = Tunable::new(network, settings);
        let frozen = network.frozen(seed, backend, progress).await?;
        let (examples, variants) = (Examples::new(), Variants::new());
        Ok(Self { network, frozen, examples, variants, changing, run: None })
    }

    /// Keeps an example, `x` being what the network sees of its picture, and returns what the frozen part makes of it.
    pub async fn add(&mut self, labels: Labels, x: &[f32]) -> Result<&[f32], TuneError> {
        let features = self.at_cut(x).await?;
        let id = labels.id.clone();
        self.restore(labels, features)?;
        Ok(&self.examples.get(&id).expect("it was just added").features)
    }

    /// Whether examples are to be changed, so that their pictures are asked for.
    pub fn changes(&self) -> bool {
        self.changing.is_some()
    }

    /// Changes the picture of the example of that id in [`VARIANTS`] ways, as the settings and the seed say, and keeps them.
    pub async fn change(&mut self, id: &str, picture: &Framed) -> Result<(), TuneError> {
        let place = self.place(id)?;
        for variant in 0..VARIANTS {
            let Some(Changing { steps, seed, input, augmenter }) = &mut self.changing else { return Ok(()) };
            // Each variant stands for the epochs in which it is learned from.
            let seed = augment::seed_of(*seed, variant as u64, place as u64);
            let row = Row::draw(steps, picture.size, input, seed)?;
            let x = augmenter.run(&picture.values, &[row]).await?;
            self.vary(id, &x).await?;
        }
        Ok(())
    }

    /// Keeps another picture of what the example of that id shows. Epochs learn from an example's variants in turn, and no
    /// longer from the example itself; what is held out is checked as it was shown.
    pub async fn vary(&mut self, id: &str, x: &[f32]) -> Result<(), TuneError> {
        let place = self.place(id)?;
        let features = self.at_cut(x).await?;
        self.variants.resize(self.examples.len(), Vec::new());
        self.variants[place].push(features);
        Ok(())
    }

    fn place(&self, id: &str) -> Result<usize, TuneError> {
        let place = self.examples.iter().position(|example| example.id == id);
        place.ok_or_else(|| TuneError::Unknown { id: id.into() })
    }

    async fn at_cut(&mut self, x: &[f32]) -> Result<Vec<f32>, TuneError> {
        Ok(match &mut self.frozen {
            Some(frozen) => frozen.run(&[x]).await?.swap_remove(0),
            None => x.to_vec(),
        })
    }

    /// Keeps an example whose features at the cut are known already.
    pub fn restore(
        &mut self,
        Labels { id, class, burst }: Labels,
        features: Vec<f32>,
    ) -> Result<(), TuneError> {
        let (expected, found) = (self.network.at_cut()?, features.len());
        if expected != found {
            return Err(TuneError::Length { id, expected, found });
        }
        // What is shown again is varied anew.
        let before = self.place(&id).ok().and_then(|place| self.variants.get_mut(place));
        before.into_iter().for_each(Vec::clear);
        Ok(self.examples.insert(Example { id, class, burst, features })?)
    }

    /// Starts a run over the examples, from the network's own weights or fresh ones; a run under way ends.
    pub async fn begin(&mut self, settings: Settings, backend: &Backend) -> Result<&mut Run, TuneError> {
        self.run = None;
        self.network.check(&settings)?;
        let run = Run::new(&self.network, settings, &self.examples, backend).await?;
        Ok(self.run.insert(run))
    }

    /// Learns from one batch; the last of an epoch also checks what was learned.
    pub async fn step(&mut self, backend: &Backend) -> Result<Learned, TuneError> {
        let run = self.run.as_mut().ok_or(TuneError::NotBegun)?;
        run.step(&self.network, &self.examples, &self.variants, backend).await
    }

    /// The last epoch of the run that went well, as a file from which it can go on.
    pub fn checkpoint(&self) -> Result<Vec<u8>, TuneError> {
        let run = self.run.as_ref().ok_or(TuneError::NotBegun)?;
        Ok(run.checkpoint(&self.network.fingerprint))
    }

    /// Goes on from a checkpoint of a run over the same examples, also one that was broken off.
    pub async fn resume(&mut self, bytes: &[u8], backend: &Backend) -> Result<&mut Run, TuneError> {
        let checkpoint = Checkpoint::from_bytes(bytes, &self.network.fingerprint)?;
        let run = self.begin(checkpoint.settings.clone(), backend).await?;
        run.resume(checkpoint)?;
        Ok(run)
    }

    /// The run under way.
    pub fn run(&mut self) -> Result<&mut Run, TuneError> {
        self.run.as_mut().ok_or(TuneError::NotBegun)
    }

    /// Ends the run, also before its last epoch, and answers with what was learned as a file, and how well it does.
    pub async fn finish(&mut self, backend: &Backend) -> Result<(Vec<u8>, Evaluation), TuneError> {
        let run = self.run.take().ok_or(TuneError::NotBegun)?;
        run.finish(&self.network, &self.examples, backend).await
    }
}

/// What an example is called.
#[derive(Clone, Debug)]
pub struct Labels {
    pub id: String,
    pub class: String,
    pub burst: String,
}

impl Tunable {
    pub fn new(network: &Network, settings: &Settings) -> Self {
        let (cut, classes) = (settings.cut.clone(), settings.training.classes.len());
        let fingerprint = network.fingerprint.clone();
        Self { network: network.trainable(), cut, fresh: settings.fresh, classes, fingerprint }
    }

    /// Fails if a run with these settings would train something else than what was made ready.
    fn check(&self, settings: &Settings) -> Result<(), TuneError> {
        let same = settings.cut == self.cut
            && settings.fresh == self.fresh
            && settings.training.classes.len() == self.classes;
        let start = if self.fresh { "from scratch" } else { "from what was learned before" };
        let (classes, cut) = (self.classes, self.cut.clone());
        if same { Ok(()) } else { Err(TuneError::OtherSettings { classes, cut, start }) }
    }

    /// What is frozen and what is trained, for a batch of `n`.
    pub fn parts(&self, n: usize) -> Result<(Option<Graph>, Graph), TuneError> {
        let (mut graph, _) = self.network.for_classes(n, self.classes)?;
        if self.fresh {
            // A short run ends long before an average as slow as some networks' comes near what it averages.
            for node in &mut graph.nodes {
                if let Op::BatchNorm(norm) = &mut node.op {
                    norm.momentum = norm.momentum.max(FRESH_MOMENTUM);
                }
            }
        }
        let cut = self.network.cut(&graph, &self.cut)?;
        if cut == NodeId(0) {
            return Ok((None, graph));
        }
        let (frozen, trained) = graph.split(cut)?;
        Ok((Some(frozen), trained))
    }

    /// The values to start from; the head's are fresh in any case.
    pub fn parameters(&self, seed: u64) -> Result<Parameters, TuneError> {
        if self.fresh {
            return Ok(Parameters::initialised(seed));
        }
        Ok(self.network.parameters.clone().with_fresh(self.head()?, seed))
    }

    /// Names of the parameters of the new last layer.
    pub fn head(&self) -> Result<Vec<String>, TuneError> {
        Ok(self.network.for_classes(1, self.classes)?.1)
    }

    /// Values that a picture has at the cut.
    pub fn at_cut(&self) -> Result<usize, TuneError> {
        Ok(self.parts(1)?.1.input_shape().image())
    }

    /// The frozen part for one picture. That of a fresh network has the names of the loaded one, but not its values.
    pub async fn frozen(
        &self,
        seed: u64,
        backend: &Backend,
        progress: &Progress<'_>,
    ) -> Result<Option<Program>, TuneError> {
        let Some(graph) = self.parts(1)?.0 else { return Ok(None) };
        let plan = Plan::new(&graph, &[NodeId(graph.nodes.len() - 1)]);
        let parameters = self.parameters(seed)?;
        let lookup = lookup(&parameters);
        Ok(Some(match self.fresh {
            true => backend.prepare_alone(plan, &lookup, progress).await?,
            false => backend.prepare(plan, &lookup, progress).await?,
        }))
    }
}

/// Of batch norm's running averages in a network that starts from fresh weights: PyTorch's.
const FRESH_MOMENTUM: f64 = 0.1;

/// How a backend asks for values.
pub(crate) fn lookup(parameters: &Parameters) -> impl crate::exec::Lookup {
    async |param: &Param| {
        parameters.values(param).await.map_err(|error| ExecError::Weights(error.to_string()))
    }
}
