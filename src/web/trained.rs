//! What can be had of a network in training: its answers, its weights, and all of it to go on another day.

use wasm_bindgen::prelude::*;

use super::sentence;
use super::trainer::WebTrainer;
use crate::exec::Program;
use crate::train::Snapshot;

/// The network as it was after a step, prepared to answer for a batch.
pub(super) struct Answering {
    step: u32,
    batch: usize,
    program: Program,
}

/// Prepared at once: one for a single picture and one for many.
const KEPT: usize = 2;

#[wasm_bindgen(js_class = Trainer)]
impl WebTrainer {
    /// Adds the parameters as trained so far to their fading average, of which so much is `kept`, 0 to below 1; it starts
    /// at the first ones. `predict` and `weights` then answer with the average, and `snapshot` has it beside them. At 0 there
    /// is no average any more.
    pub async fn average(&self, kept: f64) -> Result<(), JsError> {
        if !(0.0..1.0).contains(&kept) {
            return Err(JsError::new(&format!("an average keeps 0 to below 1 of itself, not {kept}")));
        }
        let snapshot = if kept > 0.0 { Some(self.taken().await?) } else { None };
        let before = self.average.take();
        self.average.replace(snapshot.map(|snapshot| snapshot.averaged(before.as_deref(), kept)));
        self.answering.lock().await.clear();
        Ok(())
    }

    /// Logits `[batch, classes]` of prepared pictures, `x` of `[batch, c, h, w]`, by the parameters as trained so far, or
    /// their average: what `forward` gives for `weights`.
    pub async fn predict(&self, x: Vec<f32>, batch: usize) -> Result<Vec<f32>, JsError> {
        if batch == 0 {
            return Err(JsError::new("a batch has at least one picture"));
        }
        let mut slot = self.ready().await?;
        let mut answering = self.answering.lock().await;
        let (_, trainer) = slot.as_mut().expect("just prepared");
        let step = trainer.steps();
        answering.retain(|known| known.step == step);
        if !answering.iter().any(|known| known.batch == batch) {
            let snapshot = self.shown(trainer.snapshot().await.map_err(sentence)?);
            let program = self.network.answering(&snapshot, batch, &self.backend).await.map_err(sentence)?;
            answering.truncate(KEPT - 1);
            answering.insert(0, Answering { step, batch, program });
        }
        let known = answering.iter_mut().find(|known| known.batch == batch).expect("just prepared");
        Ok(known.program.run(&[&x]).await.map_err(sentence)?.swap_remove(0))
    }

    /// The whole network as trained so far, as a safetensors file that `load` reads.
    pub async fn weights(&self) -> Result<Vec<u8>, JsError> {
        let snapshot = self.shown(self.taken().await?);
        Ok(self.network.weights(&snapshot).await.map_err(sentence)?.to_bytes())
    }

    /// Everything that `restore` needs to go on from here, with what the optimizer remembers.
    pub async fn snapshot(&self) -> Result<Vec<u8>, JsError> {
        let snapshot = self.taken().await?;
        Ok(snapshot.with_average(self.average.borrow().as_deref()).to_bytes())
    }

    /// Goes on from a snapshot of the same network, trained from the same cut by the same kind of optimizer.
    pub async fn restore(&self, snapshot: Vec<u8>) -> Result<(), JsError> {
        let mut snapshot = Snapshot::from_bytes(&snapshot).map_err(sentence)?;
        let mut slot = self.ready().await?;
        let (_, trainer) = slot.as_mut().expect("just prepared");
        let average = trainer.take_average(&mut snapshot);
        trainer.restore(&snapshot).map_err(sentence)?;
        *self.average.borrow_mut() = average;
        self.answering.lock().await.clear();
        Ok(())
    }
}

impl WebTrainer {
    /// With the average in the place of the parameters, if there is one.
    fn shown(&self, mut snapshot: Snapshot) -> Snapshot {
        for (kept, average) in snapshot.tensors.iter_mut().zip(self.average.borrow().iter().flatten()) {
            kept.values.clone_from(average);
        }
        snapshot
    }

    async fn taken(&self) -> Result<Snapshot, JsError> {
        let mut slot = self.ready().await?;
        let (_, trainer) = slot.as_mut().expect("just prepared");
        trainer.snapshot().await.map_err(sentence)
    }
}
