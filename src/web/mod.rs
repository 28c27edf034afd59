//! The engine as JavaScript sees it: `import init, { Engine } from "./headstart.js"`.
//!
//! The public methods of [`Engine`] are the whole protocol between the page and its worker, and an API for other
//! pages. Names are camelCase there; every error is an `Error` whose message is a sentence to show. This module
//! translates and nothing else: networks, training and kernels know nothing of JavaScript.

mod adapter;
mod augment;
mod examples;
mod files;
mod finetune;
mod inference;
mod picture;
mod self_test;
mod trained;
mod trainer;
mod types;

use std::cell::RefCell;
use std::fmt::Display;
use std::rc::Rc;

use async_lock::Mutex;
use serde::Serialize;
use wasm_bindgen::prelude::*;

use crate::describe::{self, NetworkInfo};
use crate::exec::{Backend, Phase};
use crate::graph::Graph;
use crate::image::InputSpec;
use crate::models::{self, ModelSpec};
use crate::network::{LoadOptions, Network};
use crate::transfer::{Evaluation, Examples, Head, Training};
use crate::weights::{self, Checkpoint};

/// A backend with at most one network, the examples shown to it, and the head trained on them.
///
/// Calls that run the network wait for each other, so overlapping calls are safe.
#[wasm_bindgen]
pub struct Engine {
    backend: Rc<Backend>,
    info: adapter::Choice,
    lost: Rc<RefCell<Option<String>>>,
    network: Mutex<Option<Network>>,
    /// What can be said of the network while it is busy.
    loaded: RefCell<Option<Loaded>>,
    examples: RefCell<Examples>,
    training: RefCell<Option<Training>>,
    head: RefCell<Option<(Head, Option<Evaluation>)>>,
    /// What predicts in the place of the head: fine-tuned weights, and the file they came in.
    tuned: RefCell<Option<finetune::Imported>>,
}

/// Bytes by which WebAssembly's memory grows; it never shrinks.
const WASM_PAGE: usize = 64 << 10;

#[derive(Clone)]
struct Loaded {
    info: NetworkInfo,
    input: InputSpec,
    graph: Graph,
}

#[wasm_bindgen(start)]
fn start() {
    console_error_panic_hook::set_once();
}

#[wasm_bindgen]
impl Engine {
    /// Starts the engine on the best backend this browser has, or on the one asked for.
    pub async fn create(
        #[wasm_bindgen(unchecked_param_type = "CreateOptions | undefined")] options: JsValue,
    ) -> Result<Engine, JsError> {
        let text = |name| field(&options, name).and_then(|value| value.as_string());
        let wanted = text("backend").unwrap_or_else(|| "auto".into());
        if !["auto", "webgpu", "cpu"].contains(&wanted.as_str()) {
            return Err(JsError::new(&format!("backend is auto, webgpu or cpu, not {wanted}")));
        }
        let lost = Rc::new(RefCell::new(None));
        let on_lost = field(&options, "onLost").and_then(|f| f.dyn_into::<js_sys::Function>().ok());
        let tell = {
            let lost = Rc::clone(&lost);
            move |reason: String| {
                let sentence = format!("The graphics device was lost ({reason}).");
                *lost.borrow_mut() = Some(sentence.clone());
                if let Some(f) = &on_lost {
                    // A listener that throws must not take the engine with it.
                    let _ = f.call1(&JsValue::NULL, &sentence.into());
                }
            }
        };
        let (backend, info) = adapter::choose(&wanted, text("tuning").as_deref(), tell).await;
        Ok(Engine {
            backend: Rc::new(backend),
            info,
            lost,
            network: Mutex::new(None),
            loaded: RefCell::default(),
            examples: RefCell::default(),
            training: RefCell::default(),
            head: RefCell::default(),
            tuned: RefCell::default(),
        })
    }

    /// Which backend runs, on what, and why.
    #[wasm_bindgen(unchecked_return_type = "EngineInfo")]
    pub fn info(&self) -> Result<JsValue, JsError> {
        let heap_bytes = core::arch::wasm32::memory_size::<0>() * WASM_PAGE;
        to_js(&adapter::EngineInfo { choice: &self.info, lost: self.lost.borrow().is_some(), heap_bytes })
    }

    /// The networks there are, oldest first.
    #[wasm_bindgen(unchecked_return_type = "ModelInfo[]")]
    pub fn models(&self) -> Result<JsValue, JsError> {
        to_js(&describe::models())
    }

    /// The layers and stages of a network as published, or of the one that is loaded where no id is given. Nothing is
    /// loaded for it.
    #[wasm_bindgen(unchecked_return_type = "Architecture")]
    pub fn architecture(&self, id: Option<String>) -> Result<JsValue, JsError> {
        let graph = match id {
            Some(id) => known(&id)?.published(1).map_err(sentence)?,
            None => self.loaded()?.graph,
        };
        to_js(&describe::Architecture::of(&graph))
    }

    /// What a file of weights is for: whether it fits the network of that id, or else which network it fits. Nothing is
    /// loaded for it, and the network that is loaded goes on.
    #[wasm_bindgen(unchecked_return_type = "Inspection")]
    pub async fn inspect(
        &self,
        #[wasm_bindgen(unchecked_param_type = "WeightsFile | WeightsFile[]")] weights: JsValue,
        id: Option<String>,
    ) -> Result<JsValue, JsError> {
        let spec = id.map(|id| known(&id)).transpose()?;
        let file = Checkpoint::open_all(files::files(&weights)?).await.map_err(sentence)?;
        to_js(&describe::Inspection::of(&file, spec))
    }

    /// Loads a network: `weights` is a file of weights or several that belong together, `null` initialises from the
    /// seed. They are read a tensor at a time, when a plan needs it; bytes may not change as long as the network is used.
    ///
    /// Examples and the head stay if the network is the same as before; otherwise their features mean nothing to it
    /// and they are forgotten.
    #[wasm_bindgen(unchecked_return_type = "NetworkInfo")]
    pub async fn load(
        &self,
        id: String,
        #[wasm_bindgen(unchecked_param_type = "WeightsFile | WeightsFile[] | null")] weights: JsValue,
        #[wasm_bindgen(unchecked_param_type = "LoadOptions | undefined")] options: JsValue,
    ) -> Result<JsValue, JsError> {
        let started = js_sys::Date::now();
        let spec = known(&id)?;
        let files = files::files(&weights)?;
        let listener = field(&options, "onProgress").and_then(|f| f.dyn_into::<js_sys::Function>().ok());
        let report = |phase: &str, done: usize, total: usize| {
            if let Some(f) = &listener {
                let _ = f.call3(&JsValue::NULL, &phase.into(), &(done as u32).into(), &(total as u32).into());
            }
        };
        if let (Some(sha256), [file]) = (field(&options, "sha256").and_then(|v| v.as_string()), &files[..]) {
            let verified = |done| report("verify", done as usize, file.len() as usize);
            verified(0);
            weights::verify(file, &sha256, verified).await.map_err(sentence)?;
        }
        let options = LoadOptions {
            seed: number(&options, "seed")?.unwrap_or(0),
            trunk: trunk(&options)?,
            classes: count(&options, "classes")?,
            height: count(&options, "height")?,
            width: count(&options, "width")?,
        };
        let mut slot = self.network.lock().await;
        report("read", 0, 1);
        let checkpoint = match files.is_empty() {
            true => None,
            false => Some(Checkpoint::open_all(files).await.map_err(sentence)?),
        };
        let mut network = Network::new(spec, checkpoint, options).await.map_err(sentence)?;
        report("read", 1, 1);
        self.backend.forget();
        *slot = None;
        let progress = |phase, done, total| {
            let phase = match phase {
                Phase::Kernels => "kernels",
                Phase::Tune => "tune",
                Phase::Upload => "upload",
            };
            report(phase, done, total);
        };
        let features = network.features();
        network.prepare(&self.backend, &[features], 1, &progress).await.map_err(sentence)?;
        let info = NetworkInfo::of(&network, js_sys::Date::now() - started);
        let same =
            self.loaded.borrow().as_ref().is_some_and(|before| before.info.fingerprint == info.fingerprint);
        if !same {
            self.clear_examples();
        }
        *self.loaded.borrow_mut() =
            Some(Loaded { info: info.clone(), input: network.input, graph: network.graph.clone() });
        *slot = Some(network);
        to_js(&info)
    }

    /// The network that is loaded.
    #[wasm_bindgen(unchecked_return_type = "NetworkInfo")]
    pub fn network(&self) -> Result<JsValue, JsError> {
        to_js(&self.loaded()?.info)
    }

    /// The kernels measured to be fastest on this device, to hand to `create` next time.
    pub fn tuning(&self) -> String {
        self.backend.tuning()
    }

    /// Gives the device up as if the browser had taken it away, so that a page can test what it does then.
    #[wasm_bindgen(js_name = loseDevice)]
    pub fn lose_device(&self) {
        self.backend.lose();
    }

    /// Frees everything; the engine cannot be used afterwards.
    pub fn dispose(self) {}
}

impl Engine {
    fn loaded(&self) -> Result<Loaded, JsError> {
        self.loaded.borrow().clone().ok_or_else(|| JsError::new("no network is loaded; call load() first"))
    }
}

fn known(id: &str) -> Result<&'static ModelSpec, JsError> {
    models::find(id).ok_or_else(|| {
        let ids: Vec<_> = models::CATALOGUE.iter().map(|spec| spec.id).collect();
        JsError::new(&format!("there is no network {id}; there are {}", ids.join(", ")))
    })
}

/// Whether the options ask for the trunk alone.
fn trunk(options: &JsValue) -> Result<bool, JsError> {
    match field(options, "part").map(|part| part.as_string().unwrap_or_default()).as_deref() {
        None | Some("whole") => Ok(false),
        Some("trunk") => Ok(true),
        Some(other) => Err(JsError::new(&format!("part is whole or trunk, not {other}"))),
    }
}

fn sentence(error: impl Display) -> JsError {
    JsError::new(&error.to_string())
}

fn to_js(value: &impl Serialize) -> Result<JsValue, JsError> {
    value.serialize(&serde_wasm_bindgen::Serializer::json_compatible()).map_err(sentence)
}

/// A property of an options object; `undefined` and `null` are absent.
fn field(options: &JsValue, name: &str) -> Option<JsValue> {
    if options.is_undefined() || options.is_null() {
        return None;
    }
    let value = js_sys::Reflect::get(options, &name.into()).ok()?;
    (!value.is_undefined() && !value.is_null()).then_some(value)
}

/// A whole number of an options object, as exactly as JavaScript has it.
fn number(options: &JsValue, name: &str) -> Result<Option<u64>, JsError> {
    let Some(value) = field(options, name) else { return Ok(None) };
    match value.as_f64() {
        Some(v) if v >= 0.0 && v.fract() == 0.0 && v <= 9e15 => Ok(Some(v as u64)),
        _ => Err(JsError::new(&format!("{name} must be a whole number, 0 or more"))),
    }
}

fn count(options: &JsValue, name: &str) -> Result<Option<usize>, JsError> {
    let too_large = |_| JsError::new(&format!("{name} is too large"));
    number(options, name)?.map(usize::try_from).transpose().map_err(too_large)
}
