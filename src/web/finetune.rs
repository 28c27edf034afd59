//! Fine-tuning on examples: what `engine.fineTune()` gives to JavaScript.

use std::rc::Rc;

use async_lock::Mutex;
use js_sys::{Float32Array, JSON, Uint8Array};
use wasm_bindgen::prelude::*;

use super::augment::framed;
use super::examples::{labels, now, object};
use super::picture::prepare;
use super::{Engine, field, number, sentence, to_js};
use crate::exec::Backend;
use crate::finetune::{self, Checkpoint, FineTuning, Labels, Room, Settings, Tuned};
use crate::image::InputSpec;

/// A network being fine-tuned, on copies of its weights: the engine's network stays as it is.
#[wasm_bindgen(js_name = FineTuning)]
pub struct WebFineTuning {
    backend: Rc<Backend>,
    input: InputSpec,
    tuning: Mutex<FineTuning>,
}

/// A file of fine-tuned weights, and what predicts with them.
pub(super) type Imported = (Vec<u8>, Rc<Mutex<Tuned>>);

/// Bytes that a tab may hold altogether, where nobody knows better: half of what WebAssembly can address.
const MEMORY: u64 = 2 << 30;

#[wasm_bindgen]
impl Engine {
    /// What a run with these settings would cost: nothing is allocated for the answer. `room` says how many bytes
    /// there are, 2 GiB if not given, and how many pictures are kept in them.
    #[wasm_bindgen(js_name = trainingCost, unchecked_return_type = "TrainingCost")]
    pub async fn training_cost(
        &self,
        #[wasm_bindgen(unchecked_param_type = "FineTuningSettings")] settings: JsValue,
        #[wasm_bindgen(unchecked_param_type = "{ memory?: number, pictures?: number } | undefined")]
        room: JsValue,
    ) -> Result<JsValue, JsError> {
        let settings = read(&settings)?;
        let network = self.network.lock().await;
        let network = network.as_ref().ok_or_else(|| sentence("no network is loaded; call load() first"))?;
        let memory = number(&room, "memory")?.unwrap_or(MEMORY);
        let pictures = number(&room, "pictures")?.unwrap_or(0) as usize;
        let room = Room { memory, buffer: self.backend.largest_buffer(), pictures };
        to_js(&finetune::cost(network, &settings, room).map_err(sentence)?)
    }

    /// Gets ready to fine-tune everything after the settings' cut, with a new head for their classes. Examples are added
    /// to it next, and then a run begins.
    #[wasm_bindgen(js_name = fineTune)]
    pub async fn fine_tune(
        &self,
        #[wasm_bindgen(unchecked_param_type = "FineTuningSettings")] settings: JsValue,
    ) -> Result<WebFineTuning, JsError> {
        let settings = read(&settings)?;
        let network = self.network.lock().await;
        let network = network.as_ref().ok_or_else(|| sentence("no network is loaded; call load() first"))?;
        let tuning = FineTuning::new(network, &settings, &self.backend, &|_, _, _| {}).await;
        let tuning = Mutex::new(tuning.map_err(sentence)?);
        Ok(WebFineTuning { backend: self.backend.clone(), input: network.input, tuning })
    }
}

#[wasm_bindgen(js_class = FineTuning)]
impl WebFineTuning {
    /// Shows it a picture of a class and keeps what the frozen part makes of it, or the prepared picture itself where
    /// everything is trained; and likewise a few changed pictures, if the settings say how.
    #[wasm_bindgen(unchecked_return_type = "{ features: Float32Array, ms: number }")]
    pub async fn add(
        &self,
        #[wasm_bindgen(unchecked_param_type = "Picture")] picture: JsValue,
        #[wasm_bindgen(unchecked_param_type = "ExampleInfo")] example: JsValue,
    ) -> Result<JsValue, JsError> {
        let started = now();
        let named = named(&example)?;
        let id = named.id.clone();
        let x = prepare(&picture, &self.input)?;
        let mut tuning = self.tuning.lock().await;
        let features = tuning.add(named, &x).await.map_err(sentence)?;
        let features = Float32Array::from(features);
        if tuning.changes() {
            let framed = framed(&picture, &self.input)?;
            tuning.change(&id, &framed).await.map_err(sentence)?;
        }
        object([("features", features.into()), ("ms", (now() - started).into())])
    }

    /// Keeps an example whose features at the cut are known already.
    pub async fn restore(
        &self,
        #[wasm_bindgen(unchecked_param_type = "ExampleInfo & { features: Float32Array }")] example: JsValue,
    ) -> Result<(), JsError> {
        let features = field(&example, "features").and_then(|v| v.dyn_into::<Float32Array>().ok());
        let features = features.ok_or_else(|| sentence("an example to restore needs its features"))?.to_vec();
        self.tuning.lock().await.restore(named(&example)?, features).map_err(sentence)
    }

    /// Starts a run over the examples; `step` then does the work. A run under way ends.
    #[wasm_bindgen(unchecked_return_type = "TrainingStart")]
    pub async fn begin(
        &self,
        #[wasm_bindgen(unchecked_param_type = "FineTuningSettings")] settings: JsValue,
    ) -> Result<JsValue, JsError> {
        let settings = read(&settings)?;
        let mut tuning = self.tuning.lock().await;
        let run = tuning.begin(settings, &self.backend).await.map_err(sentence)?;
        to_js(&run.start())
    }

    /// Goes on from what `checkpoint` returned, with the examples of then.
    #[wasm_bindgen(unchecked_return_type = "TrainingStart & { history: EpochReport[] }")]
    pub async fn resume(&self, bytes: Vec<u8>) -> Result<JsValue, JsError> {
        let mut tuning = self.tuning.lock().await;
        let run = tuning.resume(&bytes, &self.backend).await.map_err(sentence)?;
        let start = to_js(&run.start())?;
        let history = to_js(&run.history())?;
        js_sys::Reflect::set(&start, &"history".into(), &history)
            .map_err(|_| sentence("cannot make an object"))?;
        Ok(start)
    }

    /// Learns from one batch; the last one of an epoch comes with the epoch's report.
    #[wasm_bindgen(unchecked_return_type = "StepReport")]
    pub async fn step(&self) -> Result<JsValue, JsError> {
        let learned = self.tuning.lock().await.step(&self.backend).await.map_err(sentence)?;
        to_js(&learned)
    }

    /// The last epoch that went well, with all that `resume` needs.
    pub async fn checkpoint(&self) -> Result<Vec<u8>, JsError> {
        self.tuning.lock().await.checkpoint().map_err(sentence)
    }

    /// Ends the run, also before its last epoch. The file is for `engine.importHead`, which predicts with it.
    #[wasm_bindgen(unchecked_return_type = "{ file: Uint8Array, evaluation: Evaluation }")]
    pub async fn finish(&self) -> Result<JsValue, JsError> {
        let (bytes, evaluation) = self.tuning.lock().await.finish(&self.backend).await.map_err(sentence)?;
        object([("file", Uint8Array::from(&bytes[..]).into()), ("evaluation", to_js(&evaluation)?)])
    }

    /// Frees everything.
    pub fn dispose(self) {}
}

impl Engine {
    /// Puts fine-tuned weights in the place of the head.
    pub(super) async fn import_tuned(&self, bytes: Vec<u8>) -> Result<(), JsError> {
        let network = self.network.lock().await;
        let network = network.as_ref().ok_or_else(|| sentence("no network is loaded; call load() first"))?;
        let file = Checkpoint::from_bytes(&bytes, &network.fingerprint).map_err(sentence)?;
        let tuned = Tuned::new(file, network, &self.backend).await.map_err(sentence)?;
        *self.head.borrow_mut() = None;
        *self.tuned.borrow_mut() = Some((bytes, Rc::new(Mutex::new(tuned))));
        Ok(())
    }
}

pub(super) fn read(settings: &JsValue) -> Result<Settings, JsError> {
    let text = JSON::stringify(settings).ok().and_then(|text| text.as_string()).unwrap_or_default();
    serde_json::from_str(&text)
        .map_err(|error| sentence(format!("the training settings cannot be read: {error}")))
}

fn named(example: &JsValue) -> Result<Labels, JsError> {
    let [id, class, burst] = labels(example)?;
    Ok(Labels { id, class, burst })
}
