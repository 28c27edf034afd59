//! Trained tensors as the network has them, where a plan trains some of them in pieces.

use super::{TrainError, Trainer};
use crate::exec::Stored;
use crate::graph::{Param, Source};
use crate::plan::Plan;

/// A tensor that training changes.
#[derive(Clone, Debug, PartialEq)]
pub struct Trained {
    pub name: String,
    pub dims: Vec<usize>,
    /// The updates of its pieces, one after another along the first dimension; most tensors are one.
    pub updates: Vec<usize>,
}

impl Trained {
    /// What the plan's updates change, in the order of the updates.
    pub fn of(plan: &Plan) -> Vec<Self> {
        let mut all: Vec<Self> = Vec::new();
        for (i, update) in plan.updates.iter().enumerate() {
            let Param { name, dims, .. } = match &plan.graph.param(update.param).source {
                Source::Rows { of, .. } => of,
                _ => plan.graph.param(update.param),
            };
            match all.iter_mut().find(|trained| trained.name == *name) {
                Some(trained) => trained.updates.push(i),
                None => all.push(Self { name: name.clone(), dims: dims.clone(), updates: vec![i] }),
            }
        }
        all
    }
}

impl Trainer {
    /// The values of `what` of each piece of a tensor, put together.
    pub(super) async fn read(
        &mut self,
        tensor: usize,
        what: &dyn Fn(usize) -> Stored,
    ) -> Result<Vec<f32>, TrainError> {
        let mut values = Vec::new();
        for &update in &self.trained[tensor].updates {
            values.extend(self.program.read(what(update)).await?);
        }
        Ok(values)
    }

    /// Takes the values apart again; they are as many as the tensor has.
    pub(super) fn write(&mut self, tensor: usize, what: &dyn Fn(usize) -> Stored, mut values: &[f32]) {
        for &update in &self.trained[tensor].updates {
            let plan = self.program.plan();
            let dims = &plan.graph.param(plan.updates[update].param).dims;
            let (piece, rest) = values.split_at(dims.iter().product());
            self.program.write(what(update), piece);
            values = rest;
        }
    }
}
