//! Which network of the catalogue some weights are for, by comparing names and shapes with every graph there is.

use std::collections::BTreeSet;

use super::resolve::Mismatch;
use super::{Checkpoint, naming};
use crate::graph::Graph;
use crate::models::{self, CATALOGUE, ModelSpec};

/// The network that weights come closest to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Nearest {
    pub id: &'static str,
    pub title: &'static str,
    /// Tensors that are missing, unexpected or of another shape. A classifier of other classes, or none, is no difference.
    pub differences: usize,
}

impl Nearest {
    /// Whether `graph` is that network or a part of it, with however many classes.
    pub(super) fn is_of(&self, graph: &Graph) -> bool {
        let trunk = models::find(self.id).and_then(|spec| spec.trunk(spec.shape(1)).ok());
        trunk.is_some_and(|trunk| names(&trunk) == names(graph))
    }
}

/// Everything that a checkpoint of the network may hold.
fn names(graph: &Graph) -> BTreeSet<&str> {
    let read = graph.params.iter().map(|param| param.name.as_str());
    read.chain(graph.unread.iter().map(String::as_str)).collect()
}

impl Checkpoint {
    /// How many classes the file's classifier tells apart, if it has the one of that network.
    pub fn classes(&self, spec: &ModelSpec) -> Option<usize> {
        let graph = spec.published(1).ok()?;
        let classifier = graph.node(graph.taps.logits?);
        let weight =
            classifier.params.iter().map(|id| graph.param(*id)).find(|param| param.dims.len() == 2)?;
        let renamed = naming::renamed(self, &graph);
        let found = renamed.dims(&weight.name)?;
        (found.len() == 2 && found[1] == weight.dims[1]).then_some(found[0])
    }

    /// The network whose trunk has most of these tensors, if it has at least half of them.
    pub fn nearest(&self) -> Option<Nearest> {
        let nearest = CATALOGUE.iter().filter_map(|spec| self.compared(spec));
        // The first of equals: the published network comes before what is made of it.
        nearest.min_by_key(|nearest| nearest.differences)
    }

    fn compared(&self, spec: &'static ModelSpec) -> Option<Nearest> {
        let trunk = spec.trunk(spec.shape(1)).ok()?;
        let differences = Mismatch::compare(&naming::renamed(self, &trunk), &trunk).count();
        let close = 2 * differences <= trunk.params.len();
        close.then_some(Nearest { id: spec.id, title: spec.title, differences })
    }
}
