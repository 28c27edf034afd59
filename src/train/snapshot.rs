//! Everything that a run needs to go on where it was: parameters, what the optimizer remembers of them, and the step.

use super::{TrainError, Trainer, is_sum};
use crate::exec::Stored;

/// A run at one moment. It says nothing of the network or the settings; whoever keeps it knows them.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Snapshot {
    /// Steps done.
    pub step: u32,
    pub tensors: Vec<Kept>,
}

/// One parameter or running statistic.
#[derive(Clone, Debug, PartialEq)]
pub struct Kept {
    pub name: String,
    pub dims: Vec<usize>,
    pub values: Vec<f32>,
    /// What its rule remembers: nothing, a velocity, or two moments; each as long as the values.
    pub states: Vec<Vec<f32>>,
}

impl Trainer {
    pub async fn snapshot(&mut self) -> Result<Snapshot, TrainError> {
        let mut tensors = Vec::with_capacity(self.names.len());
        for (i, name) in self.names.iter().enumerate().filter(|(_, name)| !is_sum(name)) {
            let plan = self.program.plan();
            let (rule, dims) = {
                let update = &plan.updates[i];
                (update.rule, plan.graph.param(update.param).dims.clone())
            };
            let values = self.program.read(Stored::Parameter(i)).await?;
            let mut states = Vec::with_capacity(rule.states());
            for state in 0..rule.states() {
                states.push(self.program.read(Stored::State(i, state)).await?);
            }
            tensors.push(Kept { name: name.clone(), dims, values, states });
        }
        Ok(Snapshot { step: self.step, tensors })
    }

    /// Goes on from a snapshot of the same network, trained from the same cut by the same kind of optimizer; batch size
    /// and backend may be others. Fails, before anything is changed, if a tensor is missing or of another shape.
    pub fn restore(&mut self, snapshot: &Snapshot) -> Result<(), TrainError> {
        let plan = self.program.plan();
        let mut found = Vec::with_capacity(self.names.len());
        for (i, name) in self.names.iter().enumerate().filter(|(_, name)| !is_sum(name)) {
            let unknown = || TrainError::Snapshot { name: name.clone() };
            let kept = snapshot.tensors.iter().find(|kept| kept.name == *name).ok_or_else(unknown)?;
            let update = &plan.updates[i];
            let len = plan.graph.param(update.param).dims.iter().product::<usize>();
            let lengths = kept.states.iter().chain([&kept.values]).all(|values| values.len() == len);
            if !lengths || kept.states.len() != update.rule.states() {
                return Err(unknown());
            }
            found.push((i, kept));
        }
        for (i, kept) in found {
            self.program.write(Stored::Parameter(i), &kept.values);
            for (state, values) in kept.states.iter().enumerate() {
                self.program.write(Stored::State(i, state), values);
            }
        }
        self.step = snapshot.step;
        Ok(())
    }
}
