//! From a parameter's description to its values, and the one report of everything that does not fit.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use super::initialise::initialised;
use super::{Checkpoint, Kind, Nearest, WeightsError, caffe, naming};
use crate::graph::{Fold, FoldPart, Graph, Param, Source};
use crate::shape::Shape;
use crate::tensor::Tensor;

/// The values of a network's parameters: those of a checkpoint, fresh ones, or a checkpoint's with a fresh classifier.
#[derive(Clone, Debug)]
pub struct Parameters {
    checkpoint: Option<Checkpoint>,
    /// Names whose values are initialised although there is a checkpoint.
    fresh: BTreeSet<String>,
    /// What the checkpoint's values of some names are multiplied by.
    factors: BTreeMap<String, f32>,
    /// Values that replace those of some names.
    own: BTreeMap<String, Arc<Vec<f32>>>,
    seed: u64,
}

/// Every way in which a checkpoint and a network differ, in alphabetical order of names.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Mismatch {
    /// Parameters of the network that the file lacks.
    pub missing: Vec<String>,
    /// Tensors of the file that the network lacks.
    pub unexpected: Vec<String>,
    pub misshapen: Vec<Misshapen>,
    /// The other network that the file is for or comes closest to, if there is one.
    pub nearest: Option<Nearest>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Misshapen {
    pub name: String,
    pub expected: Vec<usize>,
    pub found: Vec<usize>,
}

impl Parameters {
    /// Fresh values for every parameter, the same for the same seed.
    pub fn initialised(seed: u64) -> Self {
        let (fresh, factors, own) = (BTreeSet::new(), BTreeMap::new(), BTreeMap::new());
        Self { checkpoint: None, fresh, factors, own, seed }
    }

    /// The same with fresh values for parameters of these names.
    pub fn with_fresh(mut self, names: impl IntoIterator<Item = String>, seed: u64) -> Self {
        self.fresh.extend(names);
        self.seed = seed;
        self
    }

    /// The same with these values for parameters of these names, as training left them for instance.
    pub fn with_values(mut self, values: impl IntoIterator<Item = (String, Vec<f32>)>) -> Self {
        self.own.extend(values.into_iter().map(|(name, values)| (name, Arc::new(values))));
        self
    }

    /// The values of `checkpoint` for `graph`, a network or its trunk before fusion.
    ///
    /// With `other_classes`, a last linear layer of another shape than the file's starts afresh from `seed`. Fails
    /// with the complete list of missing, unexpected and misshapen names.
    pub fn from_checkpoint(
        checkpoint: Checkpoint,
        graph: &Graph,
        other_classes: bool,
        seed: u64,
    ) -> Result<Self, WeightsError> {
        let classifier: BTreeSet<&str> = match graph.taps.logits {
            Some(logits) if other_classes => {
                graph.node(logits).params.iter().map(|id| graph.param(*id).name.as_str()).collect()
            }
            _ => BTreeSet::new(),
        };
        let file = checkpoint;
        let checkpoint = naming::renamed(&file, graph);
        let mut mismatch = Mismatch::compare(&checkpoint, graph);
        let (fresh, misshapen): (Vec<_>, Vec<_>) =
            mismatch.misshapen.into_iter().partition(|tensor| classifier.contains(tensor.name.as_str()));
        mismatch.misshapen = misshapen;
        if mismatch.count() > 0 {
            mismatch.nearest = file.nearest().filter(|nearest| !nearest.is_of(graph));
            return Err(Box::new(mismatch).into());
        }
        let mut afresh = BTreeSet::new();
        if !fresh.is_empty() {
            // A bias of ten classes beside a fresh weight of ten would fit and mean nothing.
            afresh.extend(classifier.into_iter().map(str::to_string));
        }
        for param in graph.params.iter().filter(|param| !afresh.contains(&param.name)) {
            if let Some(Kind::Other(kind)) = checkpoint.tensors.get(&param.name).map(|stored| &stored.kind) {
                return Err(WeightsError::Kind { name: param.name.clone(), kind: kind.clone() });
            }
        }
        let factors = if caffe::wrote(&file) { caffe::factors(graph) } else { BTreeMap::new() };
        Ok(Self { checkpoint: Some(checkpoint), fresh: afresh, factors, own: BTreeMap::new(), seed })
    }

    /// Whether any value comes from a checkpoint.
    pub fn pretrained(&self) -> bool {
        self.checkpoint.is_some()
    }

    /// The values of one parameter of the network these belong to, or of any graph made from it by cutting and fusing.
    ///
    /// Fails if the file cannot be read any more.
    pub async fn values(&self, param: &Param) -> Result<Tensor<f32>, WeightsError> {
        let data = match &param.source {
            Source::Checkpoint => self.stored(param).await?,
            Source::Folded(fold) => self.folded(fold).await?,
            Source::Rows { of, rows } => self.rows(of, rows.clone()).await?,
        };
        Ok(Tensor::new(Shape::from_dims(&param.dims), data))
    }

    /// The values of every parameter of a graph, in its order.
    pub async fn of(&self, graph: &Graph) -> Result<Vec<Tensor<f32>>, WeightsError> {
        let mut values = Vec::with_capacity(graph.params.len());
        for param in &graph.params {
            values.push(self.values(param).await?);
        }
        Ok(values)
    }

    async fn stored(&self, param: &Param) -> Result<Vec<f32>, WeightsError> {
        self.rows(param, 0..param.dims.first().copied().unwrap_or(1)).await
    }

    /// Some rows, along the first dimension, of a parameter that is as the checkpoint has it.
    async fn rows(&self, param: &Param, rows: Range<usize>) -> Result<Vec<f32>, WeightsError> {
        if let Some(own) = self.own.get(&param.name) {
            let row: usize = param.dims.iter().skip(1).product();
            return Ok(own[rows.start * row..rows.end * row].to_vec());
        }
        let checkpoint = self.checkpoint.as_ref().filter(|_| !self.fresh.contains(&param.name));
        let Some(checkpoint) = checkpoint else { return Ok(initialised(param, rows, self.seed)) };
        let values = checkpoint.rows(&param.name, rows).await?;
        let mut values =
            values.unwrap_or_else(|| panic!("{} belongs to another network than these weights", param.name));
        if let Some(factor) = self.factors.get(&param.name) {
            values.iter_mut().for_each(|value| *value *= factor);
        }
        Ok(values)
    }

    /// In f64, so that folding costs one rounding.
    async fn folded(&self, fold: &Fold) -> Result<Vec<f32>, WeightsError> {
        let [gamma, beta, mean, variance] = &fold.norm;
        let (gamma, variance) = (self.stored(gamma).await?, self.stored(variance).await?);
        let scale: Vec<f64> = gamma
            .iter()
            .zip(&variance)
            .map(|(&gamma, &variance)| f64::from(gamma) / (f64::from(variance) + fold.epsilon).sqrt())
            .collect();
        Ok(match fold.part {
            FoldPart::Factors => scale.iter().map(|&scale| scale as f32).collect(),
            FoldPart::Weight => {
                let mut weight = self.stored(&fold.weight).await?;
                let filter = weight.len() / scale.len().max(1);
                for (filter, scale) in weight.chunks_exact_mut(filter.max(1)).zip(&scale) {
                    filter.iter_mut().for_each(|value| *value = (f64::from(*value) * scale) as f32);
                }
                weight
            }
            FoldPart::Bias => {
                let (beta, mean) = (self.stored(beta).await?, self.stored(mean).await?);
                let bias = match &fold.bias {
                    Some(param) => Some(self.stored(param).await?),
                    None => None,
                };
                let bias = |o: usize| bias.as_ref().map_or(0.0, |bias| f64::from(bias[o]));
                let shifted = |o: usize| f64::from(beta[o]) + (bias(o) - f64::from(mean[o])) * scale[o];
                (0..scale.len()).map(|o| shifted(o) as f32).collect()
            }
        })
    }
}

impl Mismatch {
    /// Number of tensors that do not fit.
    pub fn count(&self) -> usize {
        self.missing.len() + self.unexpected.len() + self.misshapen.len()
    }

    pub(super) fn compare(checkpoint: &Checkpoint, graph: &Graph) -> Self {
        let mut mismatch = Self::default();
        let mut params: Vec<&Param> = graph.params.iter().collect();
        params.sort_by(|a, b| a.name.cmp(&b.name));
        for param in params {
            match checkpoint.dims(&param.name) {
                None => mismatch.missing.push(param.name.clone()),
                Some(found) if found != param.dims => mismatch.misshapen.push(Misshapen {
                    name: param.name.clone(),
                    expected: param.dims.clone(),
                    found: found.to_vec(),
                }),
                Some(_) => {}
            }
        }
        let read = graph.params.iter().map(|param| param.name.as_str());
        let known: BTreeSet<&str> = read.chain(graph.unread.iter().map(String::as_str)).collect();
        // A counter of PyTorch's batch norm that no forward pass reads.
        let counts = |name: &str| name.ends_with("num_batches_tracked");
        let strangers = checkpoint.names().map(|(name, _)| name).filter(|name| !known.contains(name));
        mismatch.unexpected = strangers.filter(|name| !counts(name)).map(str::to_string).collect();
        mismatch
    }
}

/// One sentence with the first names of each kind; `{:#}` lists them all, one on a line.
impl fmt::Display for Mismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = if f.alternate() { usize::MAX } else { 3 };
        let misshapen: Vec<String> = self.misshapen.iter().map(ToString::to_string).collect();
        let kinds =
            [("missing", &self.missing), ("unexpected", &self.unexpected), ("of another shape", &misshapen)];
        write!(f, "these weights are for another network: ")?;
        let mut separator = "";
        for (kind, names) in kinds.into_iter().filter(|(_, names)| !names.is_empty()) {
            let tensors = if names.len() == 1 { "tensor is" } else { "tensors are" };
            write!(f, "{separator}{} {tensors} {kind}", names.len())?;
            if f.alternate() {
                names.iter().try_for_each(|name| write!(f, "\n    {name}"))?;
                separator = "\n";
            } else {
                write!(f, " ({}", names[..names.len().min(shown)].join(", "))?;
                let more = names.len().saturating_sub(shown);
                if more > 0 {
                    write!(f, " and {more} more")?;
                }
                write!(f, ")")?;
                separator = "; ";
            }
        }
        write!(f, "{}", if f.alternate() { "\n" } else { "; " })?;
        match &self.nearest {
            Some(Nearest { title, differences: 0, .. }) => {
                write!(f, "they fit {title}: choose that network, or the weights file of this one")
            }
            Some(Nearest { title, differences, .. }) => {
                write!(f, "the nearest network is {title}, with {differences} differences; ")?;
                write!(f, "choose the weights file of this network")
            }
            None => write!(f, "choose the weights file of this network"),
        }
    }
}

impl std::error::Error for Mismatch {}

impl fmt::Display for Misshapen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: expects {:?}, got {:?}", self.name, self.expected, self.found)
    }
}
