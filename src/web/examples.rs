//! Examples, the training of a head on them, and predictions with it.

use js_sys::{Date, Float32Array, Object, Reflect};
use wasm_bindgen::prelude::*;

use super::{Engine, field, sentence, to_js};
use crate::finetune::is_tuned;
use crate::transfer::{Evaluation, Example, Head, Settings, Training};

#[wasm_bindgen]
impl Engine {
    /// Shows the network a picture of a class and keeps its features. A known id replaces that example.
    #[wasm_bindgen(js_name = addExample, unchecked_return_type = "{ features: Float32Array, ms: number }")]
    pub async fn add_example(
        &self,
        #[wasm_bindgen(unchecked_param_type = "Picture")] picture: JsValue,
        #[wasm_bindgen(unchecked_param_type = "ExampleInfo")] example: JsValue,
    ) -> Result<JsValue, JsError> {
        let started = now();
        let [id, class, burst] = labels(&example)?;
        let x = self.prepared(&picture)?;
        let features = self.run(|network| Ok(network.features()), &x, 1).await?;
        let answer = object([
            ("features", Float32Array::from(&features[..]).into()),
            ("ms", (now() - started).into()),
        ])?;
        self.keep(Example { id, class, burst, features })?;
        Ok(answer)
    }

    /// Puts back an example whose features were computed earlier by the same network (see its fingerprint).
    #[wasm_bindgen(js_name = restoreExample)]
    pub fn restore_example(
        &self,
        #[wasm_bindgen(unchecked_param_type = "ExampleInfo & { features: Float32Array }")] example: JsValue,
    ) -> Result<(), JsError> {
        let [id, class, burst] = labels(&example)?;
        let features = field(&example, "features").and_then(|v| v.dyn_into::<Float32Array>().ok());
        let features = features.ok_or_else(|| sentence("an example to restore needs its features"))?.to_vec();
        self.keep(Example { id, class, burst, features })
    }

    #[wasm_bindgen(js_name = removeExample)]
    pub fn remove_example(&self, id: &str) {
        self.examples.borrow_mut().remove(id);
    }

    /// Forgets every example and the head trained on them.
    #[wasm_bindgen(js_name = clearExamples)]
    pub fn clear_examples(&self) {
        self.examples.borrow_mut().clear();
        *self.training.borrow_mut() = None;
        *self.head.borrow_mut() = None;
        *self.tuned.borrow_mut() = None;
    }

    /// Starts training a new head on the examples of the given classes; `trainEpoch` then does the work.
    #[wasm_bindgen(js_name = startTraining, unchecked_return_type = "TrainingStart")]
    pub fn start_training(
        &self,
        #[wasm_bindgen(unchecked_param_type = "TrainingSettings")] settings: JsValue,
    ) -> Result<JsValue, JsError> {
        self.loaded()?;
        let settings: Settings = serde_wasm_bindgen::from_value(settings)
            .map_err(|error| sentence(format!("the training settings cannot be read: {error}")))?;
        let training = Training::new(&self.examples.borrow(), settings).map_err(sentence)?;
        let start = to_js(&training.start());
        *self.training.borrow_mut() = Some(training);
        start
    }

    /// One pass over the training examples.
    #[wasm_bindgen(js_name = trainEpoch, unchecked_return_type = "EpochReport")]
    pub fn train_epoch(&self) -> Result<JsValue, JsError> {
        match self.training.borrow_mut().as_mut() {
            Some(training) => to_js(&training.epoch()),
            None => Err(not_training()),
        }
    }

    /// Ends training, also before its last epoch, and keeps what was learned as the head that predicts.
    #[wasm_bindgen(js_name = finishTraining, unchecked_return_type = "Evaluation")]
    pub fn finish_training(&self) -> Result<JsValue, JsError> {
        let training = self.training.borrow_mut().take().ok_or_else(not_training)?;
        let (head, evaluation) = training.finish();
        let answer = to_js(&evaluation);
        *self.head.borrow_mut() = Some((head, Some(evaluation)));
        *self.tuned.borrow_mut() = None;
        answer
    }

    /// How the head did on the validation examples; `null` before training and for an imported head.
    #[wasm_bindgen(unchecked_return_type = "Evaluation | null")]
    pub fn evaluation(&self) -> Result<JsValue, JsError> {
        let head = self.head.borrow();
        let evaluation: Option<&Evaluation> = head.as_ref().and_then(|(_, evaluation)| evaluation.as_ref());
        to_js(&evaluation)
    }

    /// What the head, or the fine-tuned network, makes of a picture: a probability for every class it was trained on.
    #[wasm_bindgen(unchecked_return_type = "Prediction")]
    pub async fn predict(
        &self,
        #[wasm_bindgen(unchecked_param_type = "Picture")] picture: JsValue,
    ) -> Result<JsValue, JsError> {
        let started = now();
        let tuned = self.tuned.borrow().as_ref().map(|(_, tuned)| tuned.clone());
        if let Some(tuned) = tuned {
            let x = self.prepared(&picture)?;
            let mut tuned = tuned.lock().await;
            let probabilities = tuned.predict(&x).await.map_err(sentence)?;
            return prediction(tuned.classes(), &probabilities, started);
        }
        if self.head.borrow().is_none() {
            return Err(untrained());
        }
        let x = self.prepared(&picture)?;
        let features = self.run(|network| Ok(network.features()), &x, 1).await?;
        let head = self.head.borrow();
        let (head, _) = head.as_ref().ok_or_else(untrained)?;
        let probabilities = head.predict(&features);
        prediction(head.classes(), &probabilities, started)
    }

    /// The head, or the fine-tuned weights, as a safetensors file, with classes, settings and the network they belong to.
    #[wasm_bindgen(js_name = exportHead)]
    pub fn export_head(&self) -> Result<Vec<u8>, JsError> {
        let loaded = self.loaded()?;
        if let Some((bytes, _)) = self.tuned.borrow().as_ref() {
            return Ok(bytes.clone());
        }
        let head = self.head.borrow();
        let (head, _) = head.as_ref().ok_or_else(untrained)?;
        Ok(head.to_bytes(&loaded.info.fingerprint))
    }

    /// Puts back a head that `exportHead` wrote for the network that is loaded, or what its fine-tuning left.
    #[wasm_bindgen(js_name = importHead)]
    pub async fn import_head(&self, bytes: Vec<u8>) -> Result<(), JsError> {
        if is_tuned(&bytes) {
            return self.import_tuned(bytes).await;
        }
        let loaded = self.loaded()?;
        let head = Head::from_bytes(&bytes, &loaded.info.fingerprint).map_err(sentence)?;
        let (found, expected) = (head.feature_length(), loaded.info.model.feature_length);
        if found != expected {
            return Err(sentence(format!(
                "this head reads {found} features, but the network that is loaded has {expected}; train again"
            )));
        }
        *self.head.borrow_mut() = Some((head, None));
        *self.tuned.borrow_mut() = None;
        Ok(())
    }
}

impl Engine {
    fn keep(&self, example: Example) -> Result<(), JsError> {
        let expected = self.loaded()?.info.model.feature_length;
        if example.features.len() != expected {
            return Err(sentence(format!(
                "example {} has {} features, but the network that is loaded has {expected}; add its picture again",
                example.id,
                example.features.len()
            )));
        }
        self.examples.borrow_mut().insert(example).map_err(sentence)
    }
}

/// Milliseconds, of the clock that `performance.now()` reads where there is one.
pub(super) fn now() -> f64 {
    let performance = Reflect::get(&js_sys::global(), &"performance".into()).ok();
    let now = performance.as_ref().and_then(|p| Reflect::get(p, &"now".into()).ok());
    now.and_then(|f| f.dyn_into::<js_sys::Function>().ok())
        .and_then(|f| f.call0(performance.as_ref()?).ok()?.as_f64())
        .unwrap_or_else(Date::now)
}

pub(super) fn labels(example: &JsValue) -> Result<[String; 3], JsError> {
    let text = |name| {
        field(example, name).and_then(|value| value.as_string()).ok_or_else(|| {
            sentence(format!("an example needs id, class and burst as strings; {name} is missing"))
        })
    };
    Ok([text("id")?, text("class")?, text("burst")?])
}

pub(super) fn object<const N: usize>(entries: [(&str, JsValue); N]) -> Result<JsValue, JsError> {
    let object = Object::new();
    for (name, value) in entries {
        Reflect::set(&object, &name.into(), &value).map_err(|_| sentence("cannot make an object"))?;
    }
    Ok(object.into())
}

fn prediction(classes: &[String], probabilities: &[f32], started: f64) -> Result<JsValue, JsError> {
    object([
        ("classes", to_js(&classes)?),
        ("probabilities", Float32Array::from(probabilities).into()),
        ("ms", (now() - started).into()),
    ])
}

fn untrained() -> JsError {
    sentence("no head has been trained yet; add examples of two classes and train")
}

fn not_training() -> JsError {
    sentence("no training is under way; call startTraining() first")
}
