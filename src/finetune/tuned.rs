//! A fine-tuned network as it predicts: the frozen part, whose weights it shares with the loaded network, and the trained one.

use super::file::{Checkpoint, FileError};
use super::{Tunable, TuneError, lookup};
use crate::exec::{Backend, Program};
use crate::network::Network;
use crate::plan::Plan;
use crate::train::TrainError;
use crate::transfer::loss::softmax;

pub struct Tuned {
    frozen: Option<Program>,
    trained: Program,
    classes: Vec<String>,
}

impl Tuned {
    /// Puts the weights of a file in their places. Fails if they are not of this network, and if the backend lacks room.
    pub async fn new(file: Checkpoint, network: &Network, backend: &Backend) -> Result<Self, TuneError> {
        let settings = &file.settings;
        let tunable = Tunable::new(network, settings);
        let (_, graph) = tunable.parts(1)?;
        let mut tensors = file.snapshot.tensors.iter();
        let strange = tensors.find(|kept| {
            !graph.params.iter().any(|param| param.name == kept.name && param.dims == kept.dims)
        });
        let head = tunable.head()?;
        let missing = head.iter().find(|name| !file.snapshot.tensors.iter().any(|kept| kept.name == **name));
        if let Some(name) = strange.map(|kept| &kept.name).or(missing) {
            let reason = format!("its {name} does not fit the network");
            return Err(FileError::Damaged { reason }.into());
        }
        let silent = |_, _, _| {};
        let frozen = tunable.frozen(settings.training.seed, backend, &silent).await?;
        let parameters = tunable.parameters(settings.seed())?;
        let values = file.snapshot.tensors.into_iter().map(|kept| (kept.name, kept.values));
        let parameters = parameters.with_values(values);
        let plan = Plan::new(&graph, &[graph.taps.logits.ok_or(TrainError::NoLogits)?]);
        let trained = backend.prepare_alone(plan, &lookup(&parameters), &silent).await?;
        Ok(Self { frozen, trained, classes: file.settings.training.classes })
    }

    pub fn classes(&self) -> &[String] {
        &self.classes
    }

    /// Probabilities of the classes, `x` being what the network sees of one picture.
    pub async fn predict(&mut self, x: &[f32]) -> Result<Vec<f32>, TuneError> {
        let features = match &mut self.frozen {
            Some(frozen) => Some(frozen.run(&[x]).await?.swap_remove(0)),
            None => None,
        };
        let mut values = self.trained.run(&[features.as_deref().unwrap_or(x)]).await?.swap_remove(0);
        softmax(&mut values);
        Ok(values)
    }
}
