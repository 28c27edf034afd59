//! What a run carries from step to step: the trainer, the average of its weights, the curve; and the same as a file.

use serde::{Deserialize, Serialize};

use super::average::Average;
use super::curve::Point;
use super::tensors::{Tensors, Values};
use super::{Recipe, RunError};
use crate::train::{Kept, Snapshot, Trainer};

pub struct State {
    pub trainer: Trainer,
    /// None where the last weights are kept.
    pub average: Option<Average>,
    pub curve: Vec<Point>,
    /// Every parameter of the network before the first step; what is frozen stays so.
    pub first: Tensors,
}

/// What a checkpoint knows besides tensors.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Progress {
    pub recipe: Recipe,
    pub steps: u32,
    pub curve: Vec<Point>,
}

/// Beginnings of names in a checkpoint: what the optimizer remembers, by number, and the average.
const OPTIMIZER: [&str; 2] = ["optimizer.0.", "optimizer.1."];
const AVERAGE: &str = "average.";

impl State {
    /// Follows a step with the average.
    pub fn follow(&mut self) -> Result<(), RunError> {
        let Some(average) = &mut self.average else { return Ok(()) };
        let step = self.trainer.steps();
        for name in average.values.keys().cloned().collect::<Vec<_>>() {
            let weight = pollster::block_on(self.trainer.parameter(&name))?;
            average.follow(&name, &weight, step);
        }
        Ok(())
    }

    /// The weights that would be kept if training ended now: every parameter of the network.
    pub fn weights(&mut self) -> Result<Tensors, RunError> {
        let mut weights = self.first.clone();
        weights.extend(match &self.average {
            Some(average) => average.values.clone(),
            None => self.trained()?,
        });
        Ok(weights)
    }

    /// The values of everything that training changes.
    pub fn trained(&mut self) -> Result<Tensors, RunError> {
        let named = self.trainer.names().map(|(name, dims)| (name.to_string(), dims.to_vec()));
        let mut trained = Tensors::new();
        for (name, dims) in named.collect::<Vec<_>>() {
            let data = pollster::block_on(self.trainer.parameter(&name))?;
            trained.insert(name, Values { dims, data });
        }
        Ok(trained)
    }

    /// Everything that [`State::restore`] needs to go on bit for bit.
    pub fn snapshot(&mut self) -> Result<Tensors, RunError> {
        let mut all = Tensors::new();
        for Kept { name, dims, values, states } in pollster::block_on(self.trainer.snapshot())?.tensors {
            for (prefix, data) in OPTIMIZER.into_iter().zip(states) {
                all.insert(format!("{prefix}{name}"), Values { dims: dims.clone(), data });
            }
            all.insert(name, Values { dims, data: values });
        }
        let average = self.average.iter().flat_map(|average| &average.values);
        all.extend(average.map(|(name, values)| (format!("{AVERAGE}{name}"), values.clone())));
        Ok(all)
    }

    /// As [`State::weights`], of a snapshot.
    pub fn kept(&self, mut snapshot: Tensors) -> Tensors {
        let mut weights = self.first.clone();
        for (name, values) in &mut weights {
            let found = snapshot.remove(&format!("{AVERAGE}{name}")).or_else(|| snapshot.remove(name));
            *values = found.unwrap_or_else(|| values.clone());
        }
        weights
    }

    /// Goes back to where a snapshot was taken; false if it is one of another network or optimizer.
    pub fn restore(&mut self, snapshot: &Tensors, progress: Progress) -> bool {
        let of = |prefix: &str, name: &str| snapshot.get(&format!("{prefix}{name}"));
        let kept = |(name, dims): (&str, &[usize])| {
            let states = OPTIMIZER.into_iter().filter_map(|prefix| of(prefix, name));
            Some(Kept {
                name: name.to_string(),
                dims: dims.to_vec(),
                values: of("", name)?.data.clone(),
                states: states.map(|values| values.data.clone()).collect(),
            })
        };
        let Some(tensors) = self.trainer.names().map(kept).collect() else { return false };
        if self.trainer.restore(&Snapshot { step: progress.steps, tensors }).is_err() {
            return false;
        }
        for (name, average) in self.average.iter_mut().flat_map(|average| &mut average.values) {
            match of(AVERAGE, name).filter(|values| values.dims == average.dims) {
                Some(values) => average.clone_from(values),
                None => return false,
            }
        }
        self.curve = progress.curve;
        true
    }
}
