//! Which variant of a kernel is the fastest on this device: measured once for each class of problems, on a small
//! problem of the class, and remembered from visit to visit.
//!
//! Devices differ by orders of magnitude in what is fast, and their names do not say in what.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::device::{Adapter, Device};
use super::pipelines::Pipelines;
use crate::exec::ExecError;
use crate::ops::kernel::{Binding, Class, Kernel, Site};
use crate::shape::Shape;

/// Milliseconds of measuring, without compiling, after which one preparation goes on with what it knows.
const PATIENCE: f64 = 2_000.0;
/// Milliseconds that a measurement of one variant should last, so that the cost of submitting it does not matter.
const LONG_ENOUGH: f64 = 3.0;
const MOST_REPEATS: f64 = 50.0;

/// Multiply-accumulates of a problem that keeps the device busy and nobody waiting.
pub fn affordable(adapter: &Adapter) -> usize {
    if adapter.software { 2_000_000 } else { 50_000_000 }
}

/// The fastest shader of each class on one adapter.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Tuning {
    adapter: String,
    choices: BTreeMap<String, String>,
}

impl Tuning {
    /// What `json` says of this adapter; nothing, if it is of another one or not readable.
    pub fn remember(adapter: &str, json: Option<&str>) -> Self {
        let stored: Option<Self> = json.and_then(|json| serde_json::from_str(json).ok());
        let fresh = || Self { adapter: adapter.into(), choices: BTreeMap::new() };
        stored.filter(|stored| stored.adapter == adapter).unwrap_or_else(fresh)
    }

    pub fn to_json(&self) -> String {
        serde_json::to_string(self).expect("strings become JSON")
    }

    /// The fastest shader of the class, if it was measured.
    pub fn choice(&self, class: &str) -> Option<&str> {
        self.choices.get(class).map(String::as_str)
    }

    pub fn choose(&mut self, class: &str, shader: &str) {
        self.choices.insert(class.into(), shader.into());
    }

    /// The variant that was fastest in its class; without a measurement the one that was fastest most often in other
    /// classes. Without a class the last.
    ///
    /// # Panics
    /// If there are no variants.
    pub fn pick(&self, variants: Vec<Kernel>, class: Option<&Class>) -> Kernel {
        let last = variants.len() - 1;
        let Some(class) = class else { return variants.into_iter().nth(last).expect("an op has a kernel") };
        let chosen = self.choice(&class.name);
        let wins =
            |kernel: &Kernel| self.choices.values().filter(|shader| *shader == kernel.shader.name).count();
        let score = |kernel: &Kernel| (chosen == Some(kernel.shader.name), wins(kernel));
        variants.into_iter().max_by_key(score).expect("an op has a kernel")
    }
}

/// Milliseconds that a preparation has spent measuring.
#[derive(Default)]
pub struct Spent(f64);

/// Name of the fastest shader on the class's own problem; none once patience is over.
pub async fn fastest(
    device: &Device,
    pipelines: &Pipelines,
    class: &Class,
    spent: &mut Spent,
) -> Result<Option<&'static str>, ExecError> {
    let Ok(output) = class.op.infer(&class.inputs) else { return Ok(None) };
    let site = Site { inputs: &class.inputs, output, limits: device.limits };
    // A class that was begun is measured to its end, so that every preparation gets further than the one before.
    if spent.0 > PATIENCE {
        return Ok(None);
    }
    let mut best = None;
    // The readable variant comes last, because it is slow on large problems and then not measured to the end.
    for kernel in class.op.variants(&site).into_iter().rev() {
        let time = measure(device, pipelines, class, output, &kernel, best, spent).await?;
        if best.is_none_or(|(least, _)| time < least) {
            best = Some((time, kernel.shader.name));
        }
    }
    Ok(best.map(|(_, shader)| shader))
}

/// Milliseconds of one dispatch.
async fn measure(
    device: &Device,
    pipelines: &Pipelines,
    class: &Class,
    output: Shape,
    kernel: &Kernel,
    best: Option<(f64, &str)>,
    spent: &mut Spent,
) -> Result<f64, ExecError> {
    use wgpu::BufferUsages as Usage;
    let compiled = pipelines.get(device, kernel).await?;
    let specs = class.op.params(&class.inputs);
    let build = || -> Result<wgpu::BindGroup, ExecError> {
        let mut buffers = Vec::with_capacity(kernel.bindings.len() + 1);
        for binding in &kernel.bindings {
            let values = match *binding {
                Binding::Input(i) => class.inputs[i].len(),
                Binding::Param(i, layout) => layout.len(Shape::from_dims(&specs[i].dims)),
                Binding::State(_) | Binding::Output => output.len(),
            };
            buffers.push(device.buffer(&class.name, 4 * values as u64, Usage::STORAGE)?);
        }
        let words = bytemuck::cast_slice(&kernel.dims);
        let uniform = device.buffer(&class.name, words.len() as u64, Usage::UNIFORM | Usage::COPY_DST)?;
        device.queue.write_buffer(&uniform, 0, words);
        buffers.push(uniform);
        let entries: Vec<_> = (0..)
            .zip(&buffers)
            .map(|(binding, buffer)| wgpu::BindGroupEntry { binding, resource: buffer.as_entire_binding() })
            .collect();
        Ok(device.device.create_bind_group(&wgpu::BindGroupDescriptor {
            label: Some(&class.name),
            layout: &compiled.layout,
            entries: &entries,
        }))
    };
    let bindings = device.checked(&class.name, build).await??;
    let mut time = async |repeats: f64| -> Result<f64, ExecError> {
        let start = now();
        let mut encoder = device.device.create_command_encoder(&Default::default());
        let mut pass = encoder.begin_compute_pass(&Default::default());
        pass.set_pipeline(&compiled.pipeline);
        pass.set_bind_group(0, &bindings, &[]);
        let [x, y, z] = kernel.grid;
        for _ in 0..repeats as usize {
            pass.dispatch_workgroups(x, y, z);
        }
        drop(pass);
        device.queue.submit([encoder.finish()]);
        device.idle().await?;
        spent.0 += now() - start;
        Ok((now() - start) / repeats)
    };
    let hopeless = |time: f64| best.is_some_and(|(least, _)| time > LONG_ENOUGH && time > 4.0 * least);
    // The first dispatch of a pipeline may also compile it.
    let first = time(1.0).await?;
    if hopeless(first) {
        return Ok(first);
    }
    let once = time(1.0).await?;
    if hopeless(once) {
        return Ok(once);
    }
    let repeats = (LONG_ENOUGH / once.max(1e-3)).ceil().clamp(1.0, MOST_REPEATS);
    let mut least = f64::INFINITY;
    for _ in 0..3 {
        least = least.min(time(repeats).await?);
    }
    Ok(least)
}

/// Milliseconds since some moment.
#[cfg(not(target_arch = "wasm32"))]
fn now() -> f64 {
    use std::sync::LazyLock;
    use std::time::Instant;
    static START: LazyLock<Instant> = LazyLock::new(Instant::now);
    START.elapsed().as_secs_f64() * 1e3
}

/// Milliseconds since some moment, in a page or a worker.
#[cfg(target_arch = "wasm32")]
fn now() -> f64 {
    use wasm_bindgen::prelude::wasm_bindgen;
    #[wasm_bindgen]
    extern "C" {
        #[wasm_bindgen(js_namespace = performance, js_name = now)]
        fn performance_now() -> f64;
    }
    performance_now()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn measurements_of_another_adapter_are_forgotten() {
        let mut tuning = Tuning::remember("fast", None);
        tuning.choose("class", "shader");
        let json = tuning.to_json();
        assert_eq!(Tuning::remember("fast", Some(&json)), tuning);
        assert_eq!(Tuning::remember("slow", Some(&json)).choice("class"), None);
        assert_eq!(Tuning::remember("fast", Some("{")).choice("class"), None);
    }
}
