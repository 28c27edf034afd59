//! Training the loaded network from any cut: what `engine.trainer()` gives to JavaScript.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use async_lock::{Mutex, MutexGuard};
use wasm_bindgen::prelude::*;

use super::trained::Answering;
use super::{Engine, field, number, sentence};
use crate::augment::device::Augmenter;
use crate::exec::{Backend, ExecError};
use crate::graph::Param;
use crate::image::InputSpec;
use crate::network::Trainable;
use crate::train::{BatchNormMode, Optimizer, Options, Trainer};

/// A network in training, with parameters of its own: the engine's network stays as it is.
#[wasm_bindgen(js_name = Trainer)]
pub struct WebTrainer {
    pub(super) backend: Rc<Backend>,
    pub(super) network: Trainable,
    cut: String,
    options: Options,
    /// From the next step on.
    learning_rate: Cell<f64>,
    /// Made by the first step, which says how large a batch is.
    trainer: Mutex<Option<(usize, Trainer)>>,
    /// The network of now, prepared to be asked.
    pub(super) answering: Mutex<Vec<Answering>>,
    pub(super) input: InputSpec,
    /// Of the parameters, in the order of a snapshot.
    pub(super) average: RefCell<Option<Vec<Vec<f32>>>>,
    /// For the batch size asked for last.
    pub(super) augmenter: Mutex<Option<Augmenter>>,
}

#[wasm_bindgen]
impl Engine {
    /// Prepares to train everything after `cut`, a layer or block by its dotted name, "features" or "image", on copies
    /// of the loaded network's parameters.
    #[wasm_bindgen(unchecked_return_type = "Trainer")]
    pub async fn trainer(
        &self,
        #[wasm_bindgen(unchecked_param_type = "TrainerOptions | undefined")] options: JsValue,
    ) -> Result<WebTrainer, JsError> {
        let network = self.network.lock().await;
        let network =
            network.as_ref().ok_or_else(|| JsError::new("no network is loaded; call load() first"))?;
        network.logits().map_err(sentence)?;
        let (network, input) = (network.trainable(), network.input);
        let cut = text(&options, "cut").unwrap_or_else(|| "image".into());
        // A cut that cannot be is an error at once, and not only with the first step.
        let graph = network.graph(1).map_err(sentence)?;
        let node = network.cut(&graph, &cut).map_err(sentence)?;
        graph.split(node).map_err(sentence)?;
        let options = read_options(&options)?;
        let learning_rate = Cell::new(options.learning_rate);
        let (backend, trainer, answering) = (self.backend.clone(), Mutex::default(), Mutex::default());
        let augmenter = Mutex::default();
        Ok(WebTrainer {
            backend,
            network,
            cut,
            options,
            learning_rate,
            trainer,
            answering,
            input,
            average: RefCell::default(),
            augmenter,
        })
    }
}

#[wasm_bindgen(js_class = Trainer)]
impl WebTrainer {
    /// One step on a batch of prepared pictures, `x` of `[batch, c, h, w]`, and the class of each. Returns the loss
    /// before the update. A batch of another size than the one before costs a preparation.
    pub async fn step(&self, x: Vec<f32>, labels: Vec<u32>) -> Result<f32, JsError> {
        let mut slot = self.trainer.lock().await;
        let batch = labels.len();
        if slot.as_ref().is_none_or(|(size, _)| *size != batch) {
            let mut fresh = self.prepare(batch).await?;
            if let Some((_, before)) = slot.as_mut() {
                fresh.restore(&before.snapshot().await.map_err(sentence)?).map_err(sentence)?;
            }
            *slot = Some((batch, fresh));
        }
        let (_, trainer) = slot.as_mut().expect("just prepared");
        trainer.set_learning_rate(self.learning_rate.get());
        trainer.step(&x, &labels).await.map_err(sentence)
    }

    /// The gradient that the last step found for the parameter of that name.
    pub async fn gradient(&self, name: String) -> Result<Vec<f32>, JsError> {
        let mut slot = self.trainer.lock().await;
        let (_, trainer) = slot.as_mut().ok_or_else(|| JsError::new("there is no gradient before a step"))?;
        trainer.gradient(&name).await.map_err(sentence)
    }

    /// The values of a parameter, or of a running statistic of batch norm, as trained so far.
    pub async fn parameter(&self, name: String) -> Result<Vec<f32>, JsError> {
        let mut slot = self.ready().await?;
        let (_, trainer) = slot.as_mut().expect("just prepared");
        trainer.parameter(&name).await.map_err(sentence)
    }

    /// Bytes of everything that training holds with this batch size: activations, parameters, gradients and what the
    /// optimizer remembers. Nothing is allocated for the answer.
    pub fn bytes(&self, batch: usize) -> Result<f64, JsError> {
        let graph = self.network.graph(batch).map_err(sentence)?;
        let cut = self.network.cut(&graph, &self.cut).map_err(sentence)?;
        Ok(Trainer::bytes_for(&graph, Some(cut), &self.options).map_err(sentence)? as f64)
    }

    #[wasm_bindgen(getter, js_name = learningRate)]
    pub fn learning_rate(&self) -> f64 {
        self.learning_rate.get()
    }

    /// Takes effect with the next step: whoever follows a schedule sets it before each.
    #[wasm_bindgen(setter, js_name = learningRate)]
    pub fn set_learning_rate(&self, learning_rate: f64) {
        self.learning_rate.set(learning_rate);
    }

    /// Frees everything.
    pub fn dispose(self) {}
}

impl WebTrainer {
    /// The trainer, prepared for one picture if nobody has asked for a step yet.
    pub(super) async fn ready(&self) -> Result<MutexGuard<'_, Option<(usize, Trainer)>>, JsError> {
        let mut slot = self.trainer.lock().await;
        if slot.is_none() {
            *slot = Some((1, self.prepare(1).await?));
        }
        Ok(slot)
    }

    async fn prepare(&self, batch: usize) -> Result<Trainer, JsError> {
        if batch == 0 {
            return Err(JsError::new("a batch has at least one picture and its label"));
        }
        let graph = self.network.graph(batch).map_err(sentence)?;
        let cut = self.network.cut(&graph, &self.cut).map_err(sentence)?;
        let lookup = async |param: &Param| {
            let values = self.network.parameters.values(param).await;
            values.map_err(|error| ExecError::Weights(error.to_string()))
        };
        let trainer =
            Trainer::new(&graph, Some(cut), self.options.clone(), &self.backend, &lookup, &|_, _, _| {});
        trainer.await.map_err(sentence)
    }
}

fn read_options(options: &JsValue) -> Result<Options, JsError> {
    let real = |name: &str, default: f64| match field(options, name) {
        None => Ok(default),
        Some(value) => match value.as_f64() {
            Some(v) if v.is_finite() && v >= 0.0 => Ok(v),
            _ => Err(JsError::new(&format!("{name} must be a number, 0 or more"))),
        },
    };
    let flag = |name: &str, default: bool| field(options, name).and_then(|v| v.as_bool()).unwrap_or(default);
    let optimizer = match text(options, "optimizer").as_deref() {
        None | Some("sgd") => {
            Optimizer::Sgd { momentum: real("momentum", 0.9)?, nesterov: flag("nesterov", false) }
        }
        Some("adam") => Optimizer::ADAM,
        Some("adamw") => Optimizer::ADAM_W,
        Some(other) => {
            return Err(JsError::new(&format!("optimizer is sgd, adam or adamw, not {other}")));
        }
    };
    let batch_norm = match text(options, "batchNorm").as_deref() {
        None | Some("train") => BatchNormMode::Train,
        Some("frozen") => BatchNormMode::Frozen,
        Some(other) => return Err(JsError::new(&format!("batchNorm is train or frozen, not {other}"))),
    };
    let learning_rate = if matches!(optimizer, Optimizer::Sgd { .. }) { 0.01 } else { 0.001 };
    Ok(Options {
        optimizer,
        batch_norm,
        learning_rate: real("learningRate", learning_rate)?,
        weight_decay: real("weightDecay", 0.0)?,
        label_smoothing: real("labelSmoothing", 0.0)?,
        clip_norm: Some(real("clipNorm", 0.0)?).filter(|norm| *norm > 0.0),
        recompute: flag("recompute", false),
        dropout: flag("dropout", true),
        seed: number(options, "seed")?.unwrap_or(0),
        ..Options::default()
    })
}

fn text(options: &JsValue, name: &str) -> Option<String> {
    field(options, name).and_then(|value| value.as_string())
}
