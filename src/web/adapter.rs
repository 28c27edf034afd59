//! Which backend runs here, and the sentence that says why.

use serde::Serialize;

use super::field;
use crate::exec::cpu::Cpu;
use crate::exec::gpu::{Adapter, Gpu};
use crate::exec::{Backend, ExecError};

#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Choice {
    backend: &'static str,
    adapter: String,
    reason: String,
    label: String,
    version: &'static str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct EngineInfo<'a> {
    #[serde(flatten)]
    pub choice: &'a Choice,
    pub lost: bool,
    pub heap_bytes: usize,
}

/// Chooses by what is `wanted`: "auto", "webgpu" or "cpu". Where WebGPU cannot run, the CPU does.
pub(super) async fn choose(
    wanted: &str,
    tuning: Option<&str>,
    on_lost: impl Fn(String) + 'static,
) -> (Backend, Choice) {
    if wanted == "cpu" {
        return cpu("as asked for");
    }
    if field(&js_sys::global(), "navigator").and_then(|navigator| field(&navigator, "gpu")).is_none() {
        return cpu("this browser has no WebGPU");
    }
    let gpu = match Gpu::new(tuning).await {
        Ok(gpu) => gpu,
        Err(ExecError::NoAdapter(_)) => return cpu("WebGPU finds no graphics device here"),
        Err(error) => return cpu(&format!("WebGPU did not start: {error}")),
    };
    let Adapter { name, software } = gpu.adapter().clone();
    if software && wanted != "webgpu" {
        return cpu("the only WebGPU adapter is software, which is slower");
    }
    let lost = gpu.lost();
    wasm_bindgen_futures::spawn_local(async move { on_lost(lost.await) });
    let reason = if wanted == "webgpu" { "as asked for" } else { "this browser has a graphics device" };
    let kind = if software { " (software)" } else { "" };
    let choice = Choice {
        backend: "webgpu",
        label: format!("WebGPU · {name}{kind}"),
        adapter: name,
        reason: reason.into(),
        version: env!("CARGO_PKG_VERSION"),
    };
    (Backend::Gpu(gpu), choice)
}

fn cpu(reason: &str) -> (Backend, Choice) {
    let choice = Choice {
        backend: "cpu",
        adapter: "WebAssembly SIMD".into(),
        reason: reason.into(),
        label: format!("CPU · {reason}"),
        version: env!("CARGO_PKG_VERSION"),
    };
    (Backend::Cpu(Cpu::new()), choice)
}
