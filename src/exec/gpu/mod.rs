//! The GPU backend: any plan as a list of dispatches, through wgpu, in a browser and natively.
//!
//! It runs the [`Kernel`]s that ops describe and knows no op by name. Pipelines are compiled once, parameters are
//! uploaded once for all programs of a network, and everything else that a run needs is made when a plan is prepared:
//! a run is one upload, one submit and one readback.

mod device;
mod halves;
mod pipelines;
mod program;
mod training;
mod tuning;

pub use device::Adapter;
pub use program::Program;
pub use tuning::Tuning;

use std::collections::HashMap;
use std::future::Future;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use self::device::Device;
use self::pipelines::{Pipelines, key};
use self::training::Compiled;
use super::{ExecError, Lookup, Phase, Progress};
use crate::graph::{Graph, Node, Param, ParamId};
use crate::ops::kernel::{Binding, Kernel, Layout, Limits, Site};
use crate::plan::Plan;
use crate::shape::Shape;
use crate::tensor::Tensor;

/// The backend: a device with the pipelines and parameters that its programs share.
pub struct Gpu {
    device: Arc<Device>,
    pipelines: Pipelines,
    params: Params,
    tuning: Mutex<Tuning>,
}

/// Uploaded parameters, by name and order of values.
type Params = Mutex<HashMap<(String, Layout), wgpu::Buffer>>;

impl Gpu {
    /// Asks for a device. `tuning` is what an earlier [`Gpu::tuning`] gave, if it is still at hand; measurements of
    /// another adapter are ignored.
    ///
    /// Fails if there is no adapter.
    pub async fn new(tuning: Option<&str>) -> Result<Self, ExecError> {
        let device = Device::request().await?;
        let tuning = Tuning::remember(&device.adapter.name, tuning);
        Ok(Self {
            device: Arc::new(device),
            pipelines: Pipelines::default(),
            params: Mutex::default(),
            tuning: Mutex::new(tuning),
        })
    }

    pub fn adapter(&self) -> &Adapter {
        &self.device.adapter
    }

    pub fn limits(&self) -> Limits {
        self.device.limits
    }

    /// Which kernels were the fastest, as a string for the next visit.
    pub fn tuning(&self) -> String {
        lock(&self.tuning).to_json()
    }

    pub fn is_lost(&self) -> bool {
        self.device.is_lost()
    }

    /// Resolves with the reason when the device is lost, and never otherwise.
    pub fn lost(&self) -> impl Future<Output = String> + 'static {
        self.device.lost()
    }

    /// Gives the device up: what was prepared on it fails from now on as if the device had been lost.
    pub fn destroy(&self) {
        self.device.destroy();
    }

    /// Bytes of the parameters that programs share.
    pub fn parameter_bytes(&self) -> u64 {
        lock(&self.params).values().map(wgpu::Buffer::size).sum()
    }

    /// Lets go of the shared parameters, before another network with the same names is loaded.
    pub fn forget(&self) {
        lock(&self.params).clear();
    }

    /// Chooses and compiles kernels, uploads parameters or finds them uploaded, and makes all buffers.
    ///
    /// Fails where `lookup` does, if something exceeds the device's limits, and if the device refuses or is lost.
    pub async fn prepare(
        &self,
        plan: Plan,
        lookup: &dyn Lookup,
        progress: &Progress<'_>,
    ) -> Result<Program, ExecError> {
        let kernels = self.choose(&plan, progress).await?;
        let kernels = self.halved(&plan, kernels, lookup, progress).await?;
        self.compile(&kernels, progress).await?;
        self.assemble(plan, &kernels, lookup, &self.params, progress).await
    }

    /// As [`Gpu::prepare`], with parameters shared with no other program.
    pub async fn prepare_alone(
        &self,
        plan: Plan,
        lookup: &dyn Lookup,
        progress: &Progress<'_>,
    ) -> Result<Program, ExecError> {
        let kernels = self.choose(&plan, progress).await?;
        self.compile(&kernels, progress).await?;
        self.assemble(plan, &kernels, lookup, &Mutex::default(), progress).await
    }

    /// As [`Gpu::prepare`], with kernels of the caller's choice, one for each step, and parameters shared with no
    /// other program: how tests reach every variant.
    pub async fn prepare_unshared(
        &self,
        plan: Plan,
        kernels: Vec<Kernel>,
        lookup: &dyn Lookup,
    ) -> Result<Program, ExecError> {
        let unshared = &Mutex::default();
        self.assemble(plan, &kernels, lookup, unshared, &|_, _, _| {}).await
    }

    /// Uploads parameters and makes a program; those that the plan's updates change are the program's own.
    async fn assemble(
        &self,
        plan: Plan,
        kernels: &[Kernel],
        lookup: &dyn Lookup,
        shared: &Params,
        progress: &Progress<'_>,
    ) -> Result<Program, ExecError> {
        let own = &Params::default();
        for update in &plan.updates {
            self.param(plan.graph.param(update.param), Layout::AsIs, lookup, own).await?;
        }
        let trained: Vec<ParamId> = plan.updates.iter().map(|update| update.param).collect();
        let place = |id: ParamId| if trained.contains(&id) { own } else { shared };
        let params = self.upload(&plan, kernels, lookup, place, progress).await?;
        let own = std::mem::take(&mut *lock(own));
        let compiled = Compiled::new(&self.device, &self.pipelines, &plan, &own).await?;
        let training = (!plan.updates.is_empty()).then_some((compiled, own));
        Program::new(self.device.clone(), &self.pipelines, plan, kernels, &params, training).await
    }

    /// One kernel for each step: the only one that fits, or the fastest of its class.
    async fn choose(&self, plan: &Plan, progress: &Progress<'_>) -> Result<Vec<Kernel>, ExecError> {
        let mut variants = Vec::with_capacity(plan.steps.len());
        for step in &plan.steps {
            let node = plan.graph.node(step.node);
            variants.push(fitting(node, &plan.graph, self.device.limits)?);
        }
        let macs = tuning::affordable(&self.device.adapter);
        let classes: Vec<_> = plan
            .steps
            .iter()
            .zip(&variants)
            .map(|(step, variants)| {
                let node = plan.graph.node(step.node);
                (variants.len() > 1).then(|| node.op.class(&shapes(node, &plan.graph), macs)).flatten()
            })
            .collect();
        let mut unknown = HashMap::new();
        for class in classes.iter().flatten().filter(|class| lock(&self.tuning).choice(&class.name).is_none())
        {
            unknown.insert(&class.name, class);
        }
        let mut spent = tuning::Spent::default();
        for (done, (_, class)) in unknown.iter().enumerate() {
            progress(Phase::Tune, done, unknown.len());
            let fastest = tuning::fastest(&self.device, &self.pipelines, class, &mut spent).await?;
            if let Some(fastest) = fastest {
                lock(&self.tuning).choose(&class.name, fastest);
            }
        }
        if !unknown.is_empty() {
            progress(Phase::Tune, unknown.len(), unknown.len());
        }
        let tuning = lock(&self.tuning);
        Ok(variants.into_iter().zip(&classes).map(|(v, class)| tuning.pick(v, class.as_ref())).collect())
    }

    async fn compile(&self, kernels: &[Kernel], progress: &Progress<'_>) -> Result<(), ExecError> {
        let mut distinct: HashMap<String, &Kernel> = HashMap::new();
        for kernel in kernels.iter().filter(|kernel| !self.pipelines.has(kernel)) {
            distinct.insert(key(kernel), kernel);
        }
        for (done, kernel) in distinct.values().enumerate() {
            progress(Phase::Kernels, done, distinct.len());
            self.pipelines.get(&self.device, kernel).await?;
        }
        progress(Phase::Kernels, distinct.len(), distinct.len());
        Ok(())
    }

    /// The buffers of each step's bindings that are parameters, in the order of the bindings.
    async fn upload<'p>(
        &self,
        plan: &Plan,
        kernels: &[Kernel],
        lookup: &dyn Lookup,
        place: impl Fn(ParamId) -> &'p Params,
        progress: &Progress<'_>,
    ) -> Result<Vec<Vec<wgpu::Buffer>>, ExecError> {
        let bound = |(step, kernel): (&crate::plan::Step, &Kernel)| -> Vec<(ParamId, Layout)> {
            let node = plan.graph.node(step.node);
            let param = |binding: &Binding| match binding {
                Binding::Param(i, layout) => Some((node.params[*i], *layout)),
                Binding::Input(_) | Binding::State(_) | Binding::Output => None,
            };
            kernel.bindings.iter().filter_map(param).collect()
        };
        let bound: Vec<Vec<(ParamId, Layout)>> = plan.steps.iter().zip(kernels).map(bound).collect();
        let total = bound.iter().flatten().count();
        let mut done = 0;
        let mut buffers = Vec::with_capacity(bound.len());
        for params in bound {
            let mut of_step = Vec::with_capacity(params.len());
            for (id, layout) in params {
                progress(Phase::Upload, done, total);
                of_step.push(self.param(plan.graph.param(id), layout, lookup, place(id)).await?);
                done += 1;
            }
            buffers.push(of_step);
        }
        progress(Phase::Upload, total, total);
        Ok(buffers)
    }

    async fn param(
        &self,
        param: &Param,
        layout: Layout,
        lookup: &dyn Lookup,
        shared: &Params,
    ) -> Result<wgpu::Buffer, ExecError> {
        let key = (param.name.clone(), layout);
        if let Some(buffer) = lock(shared).get(&key) {
            return Ok(buffer.clone());
        }
        self.send(param, layout, lookup.values(param).await?, shared).await
    }

    /// Brings values to the device, in that order.
    async fn send(
        &self,
        param: &Param,
        layout: Layout,
        values: Tensor<f32>,
        shared: &Params,
    ) -> Result<wgpu::Buffer, ExecError> {
        self.write(param, layout, &layout.apply(values), shared).await
    }

    /// Brings words that are in that order to the device.
    async fn write(
        &self,
        param: &Param,
        layout: Layout,
        words: &[f32],
        shared: &Params,
    ) -> Result<wgpu::Buffer, ExecError> {
        let bytes = bytemuck::cast_slice(words);
        use wgpu::BufferUsages as Usage;
        let usage = Usage::STORAGE | Usage::COPY_SRC | Usage::COPY_DST;
        let upload = || {
            let buffer = self.device.buffer(&param.name, bytes.len() as u64, usage)?;
            self.device.queue.write_buffer(&buffer, 0, bytes);
            Ok(buffer)
        };
        let buffer = self.device.checked(&param.name, upload).await??;
        lock(shared).insert((param.name.clone(), layout), buffer.clone());
        Ok(buffer)
    }
}

/// The variants of a node that the device's limits allow, at least one.
fn fitting(node: &Node, graph: &Graph, limits: Limits) -> Result<Vec<Kernel>, ExecError> {
    let inputs = shapes(node, graph);
    let site = Site { inputs: &inputs, output: node.shape, limits };
    let values = |binding: &Binding| match *binding {
        Binding::Input(i) => inputs[i].len(),
        Binding::Param(i, layout) => layout.len(Shape::from_dims(&graph.param(node.params[i]).dims)),
        Binding::State(_) | Binding::Output => node.shape.len(),
    };
    let bytes = |kernel: &Kernel| 4 * kernel.bindings.iter().map(values).max().unwrap_or(0) as u64;
    let variants = node.op.variants(&site);
    let smallest = variants.iter().map(bytes).min().unwrap_or(0);
    let fits = |kernel: &Kernel| {
        bytes(kernel) <= limits.binding_bytes && kernel.grid.iter().all(|side| *side <= limits.workgroups)
    };
    let fitting: Vec<Kernel> = variants.into_iter().filter(fits).collect();
    if fitting.is_empty() {
        let limit = limits.binding_bytes;
        return Err(ExecError::TooLarge { node: node.name.clone(), bytes: smallest, limit });
    }
    Ok(fitting)
}

/// Shapes of what a node reads.
fn shapes(node: &Node, graph: &Graph) -> Vec<Shape> {
    node.inputs.iter().map(|id| graph.node(*id).shape).collect()
}

/// Nothing that holds these locks can panic half way.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
