//! A network that is loaded: its graph, its parameters and the plans already prepared for it.
//!
//! Everything asked of it, logits, features or any node by name, is a plan with other outputs; the last few
//! are kept, so that the next frame of the camera finds its plan ready.

use thiserror::Error;

use crate::exec::{Backend, ExecError, Phase, Program, Progress};
use crate::graph::{Graph, GraphError, Node, NodeId, Param, ParamId};
use crate::image::{ImageError, InputSpec, preprocess};
use crate::models::ModelSpec;
use crate::net::{NetError, Part};
use crate::ops::{Linear, Op};
use crate::plan::Plan;
use crate::shape::Shape;
use crate::train::{Kept, Snapshot};
use crate::weights::{Checkpoint, Parameters, WeightsError};

pub struct Network {
    pub spec: &'static ModelSpec,
    /// The published preprocessing, scaled to this network's input size.
    pub input: InputSpec,
    pub part: Part,
    /// For one picture, before fusion.
    pub graph: Graph,
    pub pretrained: bool,
    /// Changes whenever the features of a picture would: network, weights, seed, input size.
    pub fingerprint: String,
    parameters: Parameters,
    programs: Vec<Prepared>,
}

/// How a network differs from the published one; `None` is "as published".
#[derive(Clone, Copy, Debug, Default)]
pub struct LoadOptions {
    /// Decides every value that does not come from the weights.
    pub seed: u64,
    /// Leaves the classifier out, and its parameters where they are.
    pub trunk: bool,
    /// As many as the weights tell apart if not given.
    pub classes: Option<usize>,
    pub height: Option<usize>,
    pub width: Option<usize>,
}

#[derive(Debug, Error)]
pub enum NetworkError {
    #[error(transparent)]
    Net(#[from] NetError),
    #[error(transparent)]
    Graph(#[from] GraphError),
    #[error(transparent)]
    Weights(#[from] WeightsError),
    #[error(transparent)]
    Image(#[from] ImageError),
    #[error(transparent)]
    Exec(#[from] ExecError),
    #[error("{title} was loaded without its classifier, which names classes; load the whole network")]
    NoClassifier { title: &'static str },
    #[error("a batch of {batch} pictures of {image} values is {expected} values, got {found}")]
    BatchLength { batch: usize, image: usize, expected: usize, found: usize },
}

/// What training needs of a network: to build it for any batch, and its values.
#[derive(Clone, Debug)]
pub struct Trainable {
    pub spec: &'static ModelSpec,
    pub input: InputSpec,
    part: Part,
    pub parameters: Parameters,
}

struct Prepared {
    batch: usize,
    outputs: Vec<NodeId>,
    program: Program,
}

/// Prepared plans kept at once: features, logits, a look inside, another batch size.
const KEPT_PROGRAMS: usize = 4;

impl Network {
    /// Builds the network for `weights`, whose values are read when a plan is prepared; `None` initialises every
    /// parameter from the seed.
    pub async fn new(
        spec: &'static ModelSpec,
        weights: Option<Checkpoint>,
        options: LoadOptions,
    ) -> Result<Self, NetworkError> {
        let height = options.height.unwrap_or(spec.input.height);
        let width = options.width.unwrap_or(spec.input.width);
        let part = match options.trunk {
            true => Part::Trunk,
            false => {
                let kept = || weights.as_ref().and_then(|weights| weights.classes(spec));
                Part::Whole { classes: options.classes.or_else(kept).unwrap_or(spec.classes.count()) }
            }
        };
        let input = spec.input.scaled_to(height, width);
        let graph = spec.part(Shape::new(1, input.channels, height, width), part)?;
        let pretrained = weights.is_some();
        let (parameters, origin) = match weights {
            None => (Parameters::initialised(options.seed), format!("seed {}", options.seed)),
            Some(checkpoint) => {
                let origin = checkpoint.fingerprint().await?;
                let other_classes = options.classes.is_some();
                (Parameters::from_checkpoint(checkpoint, &graph, other_classes, options.seed)?, origin)
            }
        };
        let of = if options.trunk { "trunk" } else { "whole" };
        let fingerprint = format!("{} {of} {height}x{width} {origin}", spec.id);
        Ok(Self { spec, input, part, graph, pretrained, fingerprint, parameters, programs: Vec::new() })
    }

    /// The network as something to be trained, apart from this one.
    pub fn trainable(&self) -> Trainable {
        let Self { spec, input, part, parameters, .. } = self;
        Trainable { spec, input: *input, part: *part, parameters: parameters.clone() }
    }

    /// Length of the features: what the head sees of a picture.
    pub fn feature_length(&self) -> usize {
        self.graph.node(self.features()).shape.image()
    }

    /// The node whose output is the embedding.
    pub fn features(&self) -> NodeId {
        self.graph.taps.features.expect("a finished network has features")
    }

    /// The node that tells the published classes apart. Fails if only the trunk is loaded.
    pub fn logits(&self) -> Result<NodeId, NetworkError> {
        self.graph.taps.logits.ok_or(NetworkError::NoClassifier { title: self.spec.title })
    }

    /// What the network sees of a picture: `[1, c, h, w]`.
    pub fn preprocess(&self, rgba: &[u8], width: usize, height: usize) -> Result<Vec<f32>, NetworkError> {
        Ok(preprocess(rgba, width, height, &self.input)?)
    }

    /// Values of `outputs` for a batch of pictures, `x` of `[batch, c, h, w]`.
    pub async fn run(
        &mut self,
        backend: &Backend,
        outputs: &[NodeId],
        x: &[f32],
        batch: usize,
    ) -> Result<Vec<Vec<f32>>, NetworkError> {
        let image = self.input.len();
        if batch == 0 || x.len() != batch * image {
            let expected = batch * image;
            return Err(NetworkError::BatchLength { batch, image, expected, found: x.len() });
        }
        self.prepare(backend, outputs, batch, &|_, _, _| {}).await?;
        let last = self.programs.last_mut().expect("a program was just prepared");
        Ok(last.program.run(&[x]).await?)
    }

    /// Makes sure that the next [`Network::run`] with these outputs and this batch size only has to run.
    pub async fn prepare(
        &mut self,
        backend: &Backend,
        outputs: &[NodeId],
        batch: usize,
        progress: &Progress<'_>,
    ) -> Result<(), NetworkError> {
        if let Some(at) = self.programs.iter().position(|p| p.batch == batch && p.outputs == outputs) {
            let found = self.programs.remove(at);
            self.programs.push(found);
            return Ok(());
        }
        let shape = Shape::new(batch, self.input.channels, self.input.height, self.input.width);
        let graph = self.spec.part(shape, self.part)?;
        let plan = Plan::new(&graph, outputs);
        progress(Phase::Upload, 0, plan.graph.params.len());
        let parameters = &self.parameters;
        let lookup = async |param: &Param| {
            parameters.values(param).await.map_err(|error| ExecError::Weights(error.to_string()))
        };
        let program = backend.prepare(plan, &lookup, progress).await?;
        if self.programs.len() == KEPT_PROGRAMS {
            self.programs.remove(0);
        }
        self.programs.push(Prepared { batch, outputs: outputs.to_vec(), program });
        Ok(())
    }
}

impl Trainable {
    /// The network for a batch of `n` pictures.
    pub fn graph(&self, n: usize) -> Result<Graph, NetworkError> {
        let InputSpec { channels, height, width, .. } = self.input;
        Ok(self.spec.part(Shape::new(n, channels, height, width), self.part)?)
    }

    /// The network for a batch of `n` pictures and other classes, and the names of the parameters that tell them apart:
    /// those of the last layer, or of one that is put on a trunk.
    pub fn for_classes(&self, n: usize, classes: usize) -> Result<(Graph, Vec<String>), NetworkError> {
        let InputSpec { channels, height, width, .. } = self.input;
        let shape = Shape::new(n, channels, height, width);
        let mut graph = match self.part {
            Part::Trunk => self.spec.trunk(shape)?,
            Part::Whole { .. } | Part::Training { .. } => self.spec.graph(shape, classes)?,
        };
        let logits = match graph.taps.logits {
            Some(logits) => logits,
            None => with_head(&mut graph, classes)?,
        };
        let names = graph.node(logits).params.iter().map(|id| graph.param(*id).name.clone()).collect();
        Ok((graph, names))
    }

    /// The node of that dotted name, the output of that block, or the features.
    pub fn cut(&self, graph: &Graph, name: &str) -> Result<NodeId, NetworkError> {
        match graph.taps.features {
            Some(features) if name == "features" => Ok(features),
            _ => match graph.taps.stages.iter().find(|stage| stage.name == name) {
                Some(stage) => Ok(stage.node),
                None => Ok(graph.find(name)?),
            },
        }
    }

    /// Every parameter of the network, the trained ones as the snapshot has them: weights that a network of this kind
    /// loads.
    pub async fn weights(&self, trained: &Snapshot) -> Result<Snapshot, NetworkError> {
        let parameters = self.trained(trained);
        let mut tensors = Vec::new();
        for param in self.graph(1)?.params {
            let values = parameters.values(&param).await?.data;
            tensors.push(Kept { name: param.name, dims: param.dims, values, states: Vec::new() });
        }
        Ok(Snapshot { step: trained.step, tensors })
    }

    /// The trained network for a batch of `n` pictures; its one output are the logits. Nothing is dropped, and batch norm
    /// goes by its running statistics.
    pub async fn answering(
        &self,
        trained: &Snapshot,
        n: usize,
        backend: &Backend,
    ) -> Result<Program, NetworkError> {
        let graph = self.graph(n)?;
        let logits = graph.taps.logits.ok_or(NetworkError::NoClassifier { title: self.spec.title })?;
        let parameters = self.trained(trained);
        let lookup = async |param: &Param| {
            parameters.values(param).await.map_err(|error| ExecError::Weights(error.to_string()))
        };
        Ok(backend.prepare_alone(Plan::new(&graph, &[logits]), &lookup, &|_, _, _| {}).await?)
    }

    fn trained(&self, trained: &Snapshot) -> Parameters {
        let values = trained.tensors.iter().map(|kept| (kept.name.clone(), kept.values.clone()));
        self.parameters.clone().with_values(values)
    }
}

/// Puts a linear layer named `head` on a trunk's features.
fn with_head(graph: &mut Graph, classes: usize) -> Result<NodeId, NetworkError> {
    let features = graph.taps.features.expect("a finished network has features");
    let (op, input) = (Op::Linear(Linear::new(classes)), graph.node(features).shape);
    let shape = op.infer(&[input]).map_err(|error| GraphError::Shape { node: "head".into(), error })?;
    let first = graph.params.len();
    let named = op.params(&[input]).into_iter();
    graph.params.extend(named.map(|spec| Param::new(format!("head.{}", spec.suffix), spec)));
    let params = (first..graph.params.len()).map(ParamId).collect();
    graph.nodes.push(Node { name: "head".into(), op, inputs: vec![features], params, shape });
    let logits = NodeId(graph.nodes.len() - 1);
    graph.taps.logits = Some(logits);
    Ok(logits)
}
