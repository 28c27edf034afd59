//! A prepared plan: its dispatches, bound to buffers that live as long as it does.

use std::sync::Arc;

use super::device::Device;
use super::pipelines::Pipelines;
use crate::exec::{ExecError, check_inputs};
use crate::ops::kernel::{Binding, Kernel};
use crate::plan::Plan;

/// Multiply-accumulates after which a command buffer ends: devices watch how long one of them runs, and a software
/// adapter takes a second for this many.
const COMMAND_BUFFER_MACS: u64 = 1 << 30;

/// A plan with its buffers on the device.
pub struct Program {
    device: Arc<Device>,
    plan: Plan,
    dispatches: Vec<Dispatch>,
    slots: Vec<wgpu::Buffer>,
    /// All outputs, one after the other, where they can be read.
    staging: wgpu::Buffer,
    /// Where each output begins in `staging`, in bytes, and the end.
    offsets: Vec<u64>,
}

struct Dispatch {
    pipeline: wgpu::ComputePipeline,
    bindings: wgpu::BindGroup,
    grid: [u32; 3],
    macs: u64,
}

impl Program {
    /// `params` are the parameter bindings of each step's kernel, in order.
    pub(super) async fn new(
        device: Arc<Device>,
        pipelines: &Pipelines,
        plan: Plan,
        kernels: &[Kernel],
        params: &[Vec<wgpu::Buffer>],
    ) -> Result<Self, ExecError> {
        use wgpu::BufferUsages as Usage;
        let mut compiled = Vec::with_capacity(kernels.len());
        for kernel in kernels {
            compiled.push(pipelines.get(&device, kernel).await?);
        }
        let mut offsets = vec![0];
        for (node, _) in &plan.outputs {
            offsets.push(offsets[offsets.len() - 1] + 4 * plan.graph.node(*node).shape.len() as u64);
        }
        let build = || -> Result<_, ExecError> {
            let mut slots = Vec::with_capacity(plan.slots.len());
            for (i, &len) in plan.slots.iter().enumerate() {
                let usage = Usage::STORAGE | Usage::COPY_SRC | Usage::COPY_DST;
                slots.push(device.buffer(&format!("activation buffer {i}"), 4 * len as u64, usage)?);
            }
            let bytes = offsets[offsets.len() - 1];
            let staging = device.buffer("the outputs", bytes, Usage::MAP_READ | Usage::COPY_DST)?;

            // The numbers of all steps are in one buffer, each at an offset that a uniform may have.
            let align = device.device.limits().min_uniform_buffer_offset_alignment as usize;
            let mut words = Vec::new();
            let mut places = Vec::with_capacity(kernels.len());
            for kernel in kernels {
                places.push((words.len(), kernel.dims.len().next_multiple_of(4)));
                words.extend(&kernel.dims);
                words.resize(words.len().next_multiple_of(align / 4), 0u32);
            }
            let uniform =
                device.buffer("the sizes", 4 * words.len() as u64, Usage::UNIFORM | Usage::COPY_DST)?;
            device.queue.write_buffer(&uniform, 0, bytemuck::cast_slice(&words));

            let mut dispatches = Vec::with_capacity(kernels.len());
            for (i, (kernel, step)) in kernels.iter().zip(&plan.steps).enumerate() {
                let mut params = params[i].iter();
                let storage = kernel.bindings.iter().map(|binding| match *binding {
                    Binding::Input(input) => &slots[step.inputs[input].0],
                    Binding::Param(..) => params.next().expect("a buffer for every parameter binding"),
                    Binding::Output => &slots[step.output.0],
                });
                let mut resources: Vec<_> = storage.map(|buffer| buffer.as_entire_binding()).collect();
                resources.push(wgpu::BindingResource::Buffer(wgpu::BufferBinding {
                    buffer: &uniform,
                    offset: 4 * places[i].0 as u64,
                    size: wgpu::BufferSize::new(4 * places[i].1 as u64),
                }));
                let entries: Vec<_> = (0..)
                    .zip(resources)
                    .map(|(binding, resource)| wgpu::BindGroupEntry { binding, resource })
                    .collect();
                let node = plan.graph.node(step.node);
                let bindings = device.device.create_bind_group(&wgpu::BindGroupDescriptor {
                    label: Some(&node.name),
                    layout: &compiled[i].layout,
                    entries: &entries,
                });
                let macs = node.op.macs(&super::shapes(node, &plan.graph), node.shape);
                let pipeline = compiled[i].pipeline.clone();
                dispatches.push(Dispatch { pipeline, bindings, grid: kernel.grid, macs });
            }
            Ok((slots, staging, dispatches))
        };
        let (slots, staging, dispatches) = device.checked("the network's buffers", build).await??;
        Ok(Self { device, plan, dispatches, slots, staging, offsets })
    }

    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// The values of every output of the plan; `x` holds the values of every input, in order.
    ///
    /// Fails if the device is lost, or `x` does not fit.
    pub async fn run(&mut self, x: &[&[f32]]) -> Result<Vec<Vec<f32>>, ExecError> {
        check_inputs(&self.plan, x)?;
        self.device.check()?;
        for (slot, x) in self.plan.inputs.iter().zip(x) {
            self.device.queue.write_buffer(&self.slots[slot.0], 0, bytemuck::cast_slice(x));
        }
        self.device.queue.submit(self.commands());
        let bytes = self.offsets[self.offsets.len() - 1];
        let values = self.device.read(&self.staging, bytes).await?;
        let output = |ends: &[u64]| values[ends[0] as usize / 4..ends[1] as usize / 4].to_vec();
        Ok(self.offsets.windows(2).map(output).collect())
    }

    fn commands(&self) -> Vec<wgpu::CommandBuffer> {
        let encoder = || self.device.device.create_command_encoder(&Default::default());
        let mut finished = Vec::new();
        let mut current = encoder();
        let mut rest = &self.dispatches[..];
        while !rest.is_empty() {
            let mut macs = 0;
            let fits = |dispatch: &&Dispatch| {
                macs += dispatch.macs;
                macs <= COMMAND_BUFFER_MACS
            };
            let (now, later) = rest.split_at(rest.iter().take_while(fits).count().max(1));
            let mut pass = current.begin_compute_pass(&Default::default());
            for Dispatch { pipeline, bindings, grid: [x, y, z], .. } in now {
                pass.set_pipeline(pipeline);
                pass.set_bind_group(0, bindings, &[]);
                pass.dispatch_workgroups(*x, *y, *z);
            }
            drop(pass);
            rest = later;
            if !rest.is_empty() {
                finished.push(std::mem::replace(&mut current, encoder()).finish());
            }
        }
        for ((_, slot), ends) in self.plan.outputs.iter().zip(self.offsets.windows(2)) {
            let bytes = ends[1] - ends[0];
            current.copy_buffer_to_buffer(&self.slots[slot.0], 0, &self.staging, ends[0], bytes);
        }
        finished.push(current.finish());
        finished
    }
}
