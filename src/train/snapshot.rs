//! Everything that a run needs to go on where it was: parameters, what the optimizer remembers of them, and the step.

use super::pieces::Trained;
use super::{TrainError, Trainer};
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
        let mut tensors = Vec::with_capacity(self.tensors());
        for tensor in 0..self.tensors() {
            let values = self.read(tensor, &Stored::Parameter).await?;
            let mut states = Vec::new();
            for state in 0..self.states(tensor) {
                states.push(self.read(tensor, &|update| Stored::State(update, state)).await?);
            }
            let Trained { name, dims, .. } = self.trained[tensor].clone();
            tensors.push(Kept { name, dims, values, states });
        }
        Ok(Snapshot { step: self.step, tensors })
    }

    /// Goes on from a snapshot of the same network, trained from the same cut by the same kind of optimizer; batch size
    /// and backend may be others. Fails, before anything is changed, if a tensor is missing or of another shape.
    pub fn restore(&mut self, snapshot: &Snapshot) -> Result<(), TrainError> {
        let mut found = Vec::with_capacity(self.tensors());
        for (tensor, Trained { name, dims, .. }) in self.trained[..self.tensors()].iter().enumerate() {
            let unknown = || TrainError::Snapshot { name: name.clone() };
            let kept = snapshot.tensors.iter().find(|kept| kept.name == *name).ok_or_else(unknown)?;
            let len = dims.iter().product::<usize>();
            let lengths = kept.states.iter().chain([&kept.values]).all(|values| values.len() == len);
            if !lengths || kept.states.len() != self.states(tensor) {
                return Err(unknown());
            }
            found.push(kept);
        }
        for (tensor, kept) in found.into_iter().enumerate() {
            self.write(tensor, &Stored::Parameter, &kept.values);
            for (state, values) in kept.states.iter().enumerate() {
                self.write(tensor, &|update| Stored::State(update, state), values);
            }
        }
        self.step = snapshot.step;
        Ok(())
    }

    /// Tensors that the rule of a trained one remembers.
    fn states(&self, tensor: usize) -> usize {
        self.program.plan().updates[self.trained[tensor].updates[0]].rule.states()
    }
}
