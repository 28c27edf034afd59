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

impl Snapshot {
    /// The fading average of weights after these: so much of it is `kept`, and it starts at the first weights. Averages of
    /// weights at times of a run: Izmailov et al. 2018; fading ones: Polyak and Juditsky 1992.
    pub fn averaged(&self, average: Option<&[Vec<f32>]>, kept: f64) -> Vec<Vec<f32>> {
        let kept = kept as f32;
        let weights = self.tensors.iter().map(|tensor| &tensor.values);
        let mean = |(average, weight): (&f32, &f32)| kept * average + (1.0 - kept) * weight;
        match average {
            None => weights.cloned().collect(),
            Some(average) => {
                average.iter().zip(weights).map(|(a, w)| a.iter().zip(w).map(mean).collect()).collect()
            }
        }
    }

    /// Keeps an average of the weights with them, after what the optimizer remembers.
    pub fn with_average(mut self, average: Option<&[Vec<f32>]>) -> Self {
        for (kept, average) in self.tensors.iter_mut().zip(average.into_iter().flatten()) {
            kept.states.push(average.clone());
        }
        self
    }
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

    /// Takes the average out of a snapshot again, if there is one, in the order of this run's snapshots.
    pub fn take_average(&self, snapshot: &mut Snapshot) -> Option<Vec<Vec<f32>>> {
        let mut take = |tensor: usize| {
            let kept = snapshot.tensors.iter_mut().find(|kept| kept.name == self.trained[tensor].name)?;
            if kept.states.len() > self.states(tensor) { kept.states.pop() } else { None }
        };
        (0..self.tensors()).map(&mut take).collect()
    }

    /// Tensors that the rule of a trained one remembers.
    fn states(&self, tensor: usize) -> usize {
        self.program.plan().updates[self.trained[tensor].updates[0]].rule.states()
    }
}
