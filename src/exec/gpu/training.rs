//! The part of a program that changes its parameters: one dispatch for each update of the plan, and one for each
//! parameter that kernels read in another order than the updates write it.
//!
//! The parameters are the program's own, since another program of the same network must not see them change.

use std::collections::HashMap;
use std::sync::Arc;

use super::device::Device;
use super::pipelines::{Pipeline, Pipelines};
use super::program::{Dispatch, Words, bind};
use crate::exec::{ExecError, Stored};
use crate::graph::Param;
use crate::ops::kernel::{Binding, Kernel, Layout};
use crate::plan::{Moment, Plan};
use crate::shape::Shape;

/// The buffers of trained parameters, by name and order of values.
pub type Own = HashMap<(String, Layout), wgpu::Buffer>;

pub struct Training {
    pub dispatches: Vec<Dispatch>,
    words: Words,
    /// For each update of the plan.
    parameters: Vec<wgpu::Buffer>,
    states: Vec<Vec<wgpu::Buffer>>,
}

/// The kernels of a plan's updates and of what follows them, compiled.
pub struct Compiled {
    updates: Vec<(Kernel, Pipeline)>,
    repacks: Vec<((String, Layout), Kernel, Pipeline)>,
}

/// Any moment: the words of a kernel are written anew for every step.
const START: Moment = Moment { step: 1, learning_rate: 0.0 };

impl Compiled {
    pub async fn new(
        device: &Device,
        pipelines: &Pipelines,
        plan: &Plan,
        own: &Own,
    ) -> Result<Self, ExecError> {
        let mut compiled = Self { updates: Vec::new(), repacks: Vec::new() };
        for update in &plan.updates {
            let param = plan.graph.param(update.param);
            let kernel = update.rule.kernel(START, values(param), update.scale.is_some(), device.limits);
            let pipeline = pipelines.get(device, &kernel).await?;
            compiled.updates.push((kernel, pipeline));
            let mut orders: Vec<&(String, Layout)> = own.keys().filter(|key| key.0 == param.name).collect();
            orders.sort_by_key(|(_, layout)| format!("{layout:?}"));
            for key in orders {
                if let Some(kernel) = key.1.kernel(Shape::from_dims(&param.dims), device.limits) {
                    let pipeline = pipelines.get(device, &kernel).await?;
                    compiled.repacks.push((key.clone(), kernel, pipeline));
                }
            }
        }
        Ok(compiled)
    }
}

impl Training {
    pub fn new(
        device: &Arc<Device>,
        compiled: &Compiled,
        plan: &Plan,
        own: &Own,
        slots: &[wgpu::Buffer],
    ) -> Result<Self, ExecError> {
        use wgpu::BufferUsages as Usage;
        let kernels = compiled.updates.iter().map(|(kernel, _)| kernel);
        let words = Words::new(device, kernels.chain(compiled.repacks.iter().map(|(_, kernel, _)| kernel)))?;
        // Parameters that are written before the first step are brought into their other orders by these numbers.
        words.upload(device);
        let mut training = Self { dispatches: Vec::new(), words, parameters: Vec::new(), states: Vec::new() };
        for (i, (update, (kernel, pipeline))) in plan.updates.iter().zip(&compiled.updates).enumerate() {
            let param = plan.graph.param(update.param);
            let parameter = &own[&(param.name.clone(), Layout::AsIs)];
            let usage = Usage::STORAGE | Usage::COPY_SRC | Usage::COPY_DST;
            let state = |_: &Binding| device.buffer(&param.name, 4 * values(param) as u64, usage);
            let remembered = kernel.bindings.iter().filter(|binding| matches!(binding, Binding::State(_)));
            let states = remembered.map(state).collect::<Result<Vec<_>, _>>()?;
            let storage = kernel.bindings.iter().map(|binding| match *binding {
                Binding::Input(0) => &slots[update.gradient.1.0],
                Binding::Input(_) => &slots[update.scale.expect("a scaled update has a scale").0],
                Binding::State(state) => &states[state],
                Binding::Output => parameter,
                Binding::Param(..) => panic!("an update reads gradients and states"),
            });
            let bindings = bind(device, &param.name, pipeline, storage, training.words.of(i));
            training.dispatches.push(Dispatch::new(pipeline, bindings, kernel.grid, 0));
            training.parameters.push(parameter.clone());
            training.states.push(states);
        }
        for (i, (key, kernel, pipeline)) in compiled.repacks.iter().enumerate() {
            let storage = [&own[&(key.0.clone(), Layout::AsIs)], &own[key]];
            let uniform = training.words.of(compiled.updates.len() + i);
            let bindings = bind(device, &key.0, pipeline, storage, uniform);
            training.dispatches.push(Dispatch::new(pipeline, bindings, kernel.grid, 0));
        }
        Ok(training)
    }

    /// Tells the kernels at which moment they run next.
    pub fn advance(&self, device: &Device, plan: &Plan, at: Moment) {
        for (i, update) in plan.updates.iter().enumerate() {
            self.words.write(i, &update.rule.words(at, values(plan.graph.param(update.param))));
        }
        self.words.upload(device);
    }

    /// The dispatches that bring changed parameters into their other orders.
    pub fn repacks(&self) -> &[Dispatch] {
        &self.dispatches[self.parameters.len()..]
    }

    /// Where a parameter or what its rule remembers is.
    pub fn buffer(&self, what: Stored) -> &wgpu::Buffer {
        match what {
            Stored::Parameter(update) => &self.parameters[update],
            Stored::State(update, index) => &self.states[update][index],
            Stored::Gradient(_) => panic!("a gradient is a value of the plan"),
        }
    }
}

/// As of [`super::program::Program`]: these buffers are nobody else's.
impl Drop for Training {
    fn drop(&mut self) {
        self.parameters.iter().chain(self.states.iter().flatten()).for_each(wgpu::Buffer::destroy);
    }
}

fn values(param: &Param) -> usize {
    param.dims.iter().product()
}
