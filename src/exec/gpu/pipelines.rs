//! Compiled kernels, each compiled once: by shader and overrides.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use super::device::Device;
use crate::exec::ExecError;
use crate::ops::kernel::{Binding, Kernel};

#[derive(Default)]
pub struct Pipelines {
    compiled: Mutex<HashMap<String, Pipeline>>,
}

#[derive(Clone)]
pub struct Pipeline {
    pub pipeline: wgpu::ComputePipeline,
    pub layout: wgpu::BindGroupLayout,
}

impl Pipelines {
    /// The pipeline of this kernel, compiled if it is new.
    ///
    /// Fails if the device refuses the shader.
    pub async fn get(&self, device: &Device, kernel: &Kernel) -> Result<Pipeline, ExecError> {
        let key = key(kernel);
        if let Some(pipeline) = self.find(&key) {
            return Ok(pipeline);
        }
        let what = format!("the kernel {key}");
        let pipeline = device.checked(&what, || compile(&device.device, kernel)).await?;
        self.compiled.lock().unwrap_or_else(PoisonError::into_inner).insert(key, pipeline.clone());
        Ok(pipeline)
    }

    pub fn has(&self, kernel: &Kernel) -> bool {
        self.find(&key(kernel)).is_some()
    }

    fn find(&self, key: &str) -> Option<Pipeline> {
        self.compiled.lock().unwrap_or_else(PoisonError::into_inner).get(key).cloned()
    }
}

/// What tells one pipeline from another: `conv2d_direct BIAS=1 RESIDUAL=0 ACTIVATION=2`.
pub fn key(kernel: &Kernel) -> String {
    let overrides = kernel.overrides.iter().map(|(name, value)| format!(" {name}={value}"));
    std::iter::once(kernel.shader.name.to_string()).chain(overrides).collect()
}

fn compile(device: &wgpu::Device, kernel: &Kernel) -> Pipeline {
    let name = Some(kernel.shader.name);
    let module = device.create_shader_module(wgpu::ShaderModuleDescriptor {
        label: name,
        source: wgpu::ShaderSource::Wgsl(kernel.shader.source.into()),
    });
    // Spelled out, because a layout derived from the shader lacks what its overrides disable.
    let entries: Vec<_> = (0..=kernel.bindings.len()).map(|at| entry(at, kernel.bindings.get(at))).collect();
    let layout =
        device.create_bind_group_layout(&wgpu::BindGroupLayoutDescriptor { label: name, entries: &entries });
    let pipeline_layout = device.create_pipeline_layout(&wgpu::PipelineLayoutDescriptor {
        label: name,
        bind_group_layouts: &[Some(&layout)],
        immediate_size: 0,
    });
    let pipeline = device.create_compute_pipeline(&wgpu::ComputePipelineDescriptor {
        label: name,
        layout: Some(&pipeline_layout),
        module: &module,
        entry_point: Some("main"),
        compilation_options: wgpu::PipelineCompilationOptions {
            constants: &kernel.overrides,
            // No shader reads workgroup memory that it has not written.
            zero_initialize_workgroup_memory: false,
        },
        cache: None,
    });
    Pipeline { pipeline, layout }
}

/// Storage buffers, the last of them written, and then the uniform.
fn entry(at: usize, binding: Option<&Binding>) -> wgpu::BindGroupLayoutEntry {
    let ty = match binding {
        None => wgpu::BufferBindingType::Uniform,
        Some(Binding::Input(_) | Binding::Param(..)) => wgpu::BufferBindingType::Storage { read_only: true },
        Some(Binding::State(_) | Binding::Output) => wgpu::BufferBindingType::Storage { read_only: false },
    };
    wgpu::BindGroupLayoutEntry {
        binding: at as u32,
        visibility: wgpu::ShaderStages::COMPUTE,
        ty: wgpu::BindingType::Buffer { ty, has_dynamic_offset: false, min_binding_size: None },
        count: None,
    }
}
