//! A prepared plan: its dispatches, bound to buffers that live as long as it does.

use std::cell::RefCell;
use std::sync::Arc;

use super::device::Device;
use super::pipelines::{Pipeline, Pipelines};
use super::training::{Compiled, Own, Training};
use crate::exec::{ExecError, Stored, check_inputs};
use crate::ops::kernel::{Binding, Kernel};
use crate::plan::{Moment, Plan};

/// Multiply-accumulates after which a command buffer ends: devices watch how long one of them runs, and a software
/// adapter takes a second for this many.
const COMMAND_BUFFER_MACS: u64 = 1 << 30;

/// A plan with its buffers on the device.
pub struct Program {
    device: Arc<Device>,
    plan: Plan,
    dispatches: Vec<Dispatch>,
    training: Option<Training>,
    /// Whether parameters were written since their other orders were made.
    stale: bool,
    slots: Vec<wgpu::Buffer>,
    /// All outputs, one after the other, where they can be read.
    staging: wgpu::Buffer,
    /// Where each output begins in `staging`, in bytes, and the end.
    offsets: Vec<u64>,
}

/// A compiled kernel with its buffers.
pub struct Dispatch {
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
        training: Option<(Compiled, Own)>,
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

            let words = Words::new(&device, kernels.iter())?;
            words.upload(&device);
            let mut dispatches = Vec::with_capacity(kernels.len());
            for (i, (kernel, step)) in kernels.iter().zip(&plan.steps).enumerate() {
                let mut params = params[i].iter();
                let storage = kernel.bindings.iter().map(|binding| match *binding {
                    Binding::Input(input) => &slots[step.inputs[input].0],
                    Binding::Param(..) => params.next().expect("a buffer for every parameter binding"),
                    Binding::Output => &slots[step.output.0],
                    Binding::State(_) => panic!("only updates remember anything"),
                });
                let node = plan.graph.node(step.node);
                let bindings = bind(&device, &node.name, &compiled[i], storage, words.of(i));
                let macs = node.op.macs(&super::shapes(node, &plan.graph), node.shape);
                dispatches.push(Dispatch::new(&compiled[i], bindings, kernel.grid, macs));
            }
            let training = training
                .map(|(compiled, own)| Training::new(&device, &compiled, &plan, &own, &slots))
                .transpose()?;
            Ok((slots, staging, dispatches, training))
        };
        let (slots, staging, dispatches, training) = device.checked("the network's buffers", build).await??;
        Ok(Self { device, plan, dispatches, training, stale: false, slots, staging, offsets })
    }

    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// The values of every output of the plan; `x` holds the values of every input, in order.
    ///
    /// Fails if the device is lost, or `x` does not fit.
    pub async fn run(&mut self, x: &[&[f32]]) -> Result<Vec<Vec<f32>>, ExecError> {
        self.submit(x, false)?;
        self.outputs().await
    }

    /// What [`crate::exec::Program::train`] does.
    ///
    /// # Panics
    /// If the plan has no updates.
    pub async fn train(
        &mut self,
        x: &[&[f32]],
        at: Moment,
        outputs: bool,
    ) -> Result<Vec<Vec<f32>>, ExecError> {
        let training = self.training.as_ref().expect("the plan of a step of training");
        training.advance(&self.device, &self.plan, at);
        self.submit(x, true)?;
        if outputs { self.outputs().await } else { Ok(Vec::new()) }
    }

    /// What [`crate::exec::Program::read`] reads.
    pub async fn read(&self, what: Stored) -> Result<Vec<f32>, ExecError> {
        use wgpu::BufferUsages as Usage;
        let update = match what {
            Stored::Parameter(update) | Stored::State(update, _) | Stored::Gradient(update) => {
                &self.plan.updates[update]
            }
        };
        let (node, slot) = update.gradient;
        let (buffer, values) = match what {
            Stored::Gradient(_) => (&self.slots[slot.0], self.plan.graph.node(node).shape.len()),
            _ => (self.buffer(what), self.plan.graph.param(update.param).dims.iter().product()),
        };
        let bytes = 4 * values as u64;
        let staging = self.device.buffer("a copy to be read", bytes, Usage::MAP_READ | Usage::COPY_DST)?;
        let mut encoder = self.device.device.create_command_encoder(&Default::default());
        encoder.copy_buffer_to_buffer(buffer, 0, &staging, 0, bytes);
        self.device.queue.submit([encoder.finish()]);
        let values = self.device.read(&staging, bytes).await;
        staging.destroy();
        values
    }

    /// What [`crate::exec::Program::write`] writes.
    pub fn write(&mut self, what: Stored, values: &[f32]) {
        self.device.queue.write_buffer(self.buffer(what), 0, bytemuck::cast_slice(values));
        self.stale |= matches!(what, Stored::Parameter(_));
    }

    fn buffer(&self, what: Stored) -> &wgpu::Buffer {
        self.training.as_ref().expect("the plan of a step of training").buffer(what)
    }

    /// Uploads the inputs and submits the plan, and the updates where it is to train.
    fn submit(&mut self, x: &[&[f32]], train: bool) -> Result<(), ExecError> {
        check_inputs(&self.plan, x)?;
        self.device.check()?;
        for (slot, x) in self.plan.inputs.iter().zip(x) {
            self.device.queue.write_buffer(&self.slots[slot.0], 0, bytemuck::cast_slice(x));
        }
        self.device.queue.submit(self.commands(train));
        self.stale = false;
        Ok(())
    }

    async fn outputs(&self) -> Result<Vec<Vec<f32>>, ExecError> {
        let bytes = self.offsets[self.offsets.len() - 1];
        let values = self.device.read(&self.staging, bytes).await?;
        let output = |ends: &[u64]| values[ends[0] as usize / 4..ends[1] as usize / 4].to_vec();
        Ok(self.offsets.windows(2).map(output).collect())
    }

    fn commands(&self, train: bool) -> Vec<wgpu::CommandBuffer> {
        let encoder = || self.device.device.create_command_encoder(&Default::default());
        let mut finished = Vec::new();
        let mut current = encoder();
        if let Some(training) = self.training.as_ref().filter(|_| self.stale) {
            encode(&mut current, training.repacks());
        }
        let mut rest = &self.dispatches[..];
        while !rest.is_empty() {
            let mut macs = 0;
            let fits = |dispatch: &&Dispatch| {
                macs += dispatch.macs;
                macs <= COMMAND_BUFFER_MACS
            };
            let (now, later) = rest.split_at(rest.iter().take_while(fits).count().max(1));
            encode(&mut current, now);
            rest = later;
            if !rest.is_empty() {
                finished.push(std::mem::replace(&mut current, encoder()).finish());
            }
        }
        for ((_, slot), ends) in self.plan.outputs.iter().zip(self.offsets.windows(2)) {
            let bytes = ends[1] - ends[0];
            current.copy_buffer_to_buffer(&self.slots[slot.0], 0, &self.staging, ends[0], bytes);
        }
        if let Some(training) = self.training.as_ref().filter(|_| train) {
            encode(&mut current, &training.dispatches);
        }
        finished.push(current.finish());
        finished
    }
}

/// A browser frees buffers when it collects garbage, which may be long after the device has run out of memory.
impl Drop for Program {
    fn drop(&mut self) {
        self.slots.iter().chain([&self.staging]).for_each(wgpu::Buffer::destroy);
    }
}

impl Dispatch {
    pub fn new(compiled: &Pipeline, bindings: wgpu::BindGroup, grid: [u32; 3], macs: u64) -> Self {
        Self { pipeline: compiled.pipeline.clone(), bindings, grid, macs }
    }
}

/// The numbers of several kernels in one buffer, each at an offset that a uniform may have.
pub struct Words {
    uniform: wgpu::Buffer,
    /// Where each kernel's numbers begin, and how many they are with padding.
    places: Vec<(usize, usize)>,
    words: RefCell<Vec<u32>>,
}

impl Words {
    pub fn new<'a>(device: &Device, kernels: impl Iterator<Item = &'a Kernel>) -> Result<Self, ExecError> {
        use wgpu::BufferUsages as Usage;
        let align = device.device.limits().min_uniform_buffer_offset_alignment as usize;
        let (mut words, mut places) = (Vec::new(), Vec::new());
        for kernel in kernels {
            places.push((words.len(), kernel.dims.len().next_multiple_of(4)));
            words.extend(&kernel.dims);
            words.resize(words.len().next_multiple_of(align / 4), 0u32);
        }
        let uniform = device.buffer("the sizes", 4 * words.len() as u64, Usage::UNIFORM | Usage::COPY_DST)?;
        Ok(Self { uniform, places, words: RefCell::new(words) })
    }

    /// The binding of a kernel's numbers.
    pub fn of(&self, kernel: usize) -> wgpu::BindingResource<'_> {
        let (first, count) = self.places[kernel];
        wgpu::BindingResource::Buffer(wgpu::BufferBinding {
            buffer: &self.uniform,
            offset: 4 * first as u64,
            size: wgpu::BufferSize::new(4 * count as u64),
        })
    }

    /// Replaces a kernel's numbers by others, to be uploaded.
    pub fn write(&self, kernel: usize, words: &[u32]) {
        let first = self.places[kernel].0;
        self.words.borrow_mut()[first..first + words.len()].copy_from_slice(words);
    }

    pub fn upload(&self, device: &Device) {
        device.queue.write_buffer(&self.uniform, 0, bytemuck::cast_slice(&self.words.borrow()));
    }
}

/// Binds storage buffers and then the numbers, as all shaders take them.
pub fn bind<'a>(
    device: &Device,
    name: &str,
    compiled: &Pipeline,
    storage: impl IntoIterator<Item = &'a wgpu::Buffer>,
    words: wgpu::BindingResource<'a>,
) -> wgpu::BindGroup {
    let storage = storage.into_iter().map(wgpu::Buffer::as_entire_binding);
    let entries: Vec<_> = (0..)
        .zip(storage.chain([words]))
        .map(|(binding, resource)| wgpu::BindGroupEntry { binding, resource })
        .collect();
    let label = Some(name);
    let layout = &compiled.layout;
    device.device.create_bind_group(&wgpu::BindGroupDescriptor { label, layout, entries: &entries })
}

fn encode<'a>(encoder: &mut wgpu::CommandEncoder, dispatches: impl IntoIterator<Item = &'a Dispatch>) {
    let mut pass = encoder.begin_compute_pass(&Default::default());
    for Dispatch { pipeline, bindings, grid: [x, y, z], .. } in dispatches {
        pass.set_pipeline(pipeline);
        pass.set_bind_group(0, bindings, &[]);
        pass.dispatch_workgroups(*x, *y, *z);
    }
}
