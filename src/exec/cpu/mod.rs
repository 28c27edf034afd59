//! The CPU backend: one thread, four lanes, any plan.
//!
//! It runs in a worker of the page where there is no graphics device, and natively. Weights are packed when a plan is
//! prepared, activations live in the plan's slots, and a run allocates nothing but the outputs it hands out.
//! [`kernel`] chooses the loops; all other files are loops over slices and know neither graphs nor ops.

mod blocks;
pub mod conv;
pub mod depthwise;
pub mod epilogue;
pub mod gemm;
mod kernel;
pub mod linear;
pub mod lrn;
mod padding;
pub mod pool;
pub mod simd;
mod tile;
pub mod winograd;
mod winograd_transform;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use self::conv::Workspace;
use self::kernel::{Kernel, Packing, Values};
use super::{ExecError, Lookup, check_inputs};
use crate::graph::Param;
use crate::plan::{Plan, Slot, Step};

/// The backend: the packed weights that its programs share.
#[derive(Default)]
pub struct Cpu {
    shared: Mutex<HashMap<(String, Packing), Values>>,
}

/// Inputs of one step at most.
const MOST_INPUTS: usize = 8;

/// A plan with its weights and buffers.
pub struct Program {
    plan: Plan,
    /// One for each step of the plan.
    kernels: Vec<Kernel>,
    slots: Vec<Vec<f32>>,
    workspace: Workspace,
}

impl Cpu {
    pub fn new() -> Self {
        Self::default()
    }

    /// Packs the weights of `plan`, or finds them packed by name, for another batch size for instance.
    ///
    /// Fails where `lookup` does.
    pub async fn prepare(&self, plan: Plan, lookup: &impl Lookup) -> Result<Program, ExecError> {
        let mut kernels = Vec::with_capacity(plan.steps.len());
        for step in &plan.steps {
            let values =
                async |id, packing: Packing| self.values(plan.graph.param(id), packing, lookup).await;
            kernels.push(Kernel::new(&plan.graph, plan.graph.node(step.node), values).await?);
        }
        let slots = plan.slots.iter().map(|&len| vec![0.0; len]).collect();
        Ok(Program { plan, kernels, slots, workspace: Workspace::default() })
    }

    async fn values(
        &self,
        param: &Param,
        packing: Packing,
        lookup: &impl Lookup,
    ) -> Result<Values, ExecError> {
        let key = (param.name.clone(), packing);
        if let Some(values) = self.shared().get(&key) {
            return Ok(values.clone());
        }
        let values = Arc::new(packing.apply(lookup(param).await?));
        self.shared().insert(key, values.clone());
        Ok(values)
    }

    /// Lets go of the shared weights, before another network with the same names is loaded.
    pub fn forget(&self) {
        self.shared().clear();
    }

    fn shared(&self) -> MutexGuard<'_, HashMap<(String, Packing), Values>> {
        // A lookup that panicked half way left complete entries only.
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Program {
    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// The values of every output of the plan; `x` holds the values of every input, in order.
    pub fn run(&mut self, x: &[&[f32]]) -> Result<Vec<Vec<f32>>, ExecError> {
        check_inputs(&self.plan, x)?;
        for (slot, x) in self.plan.inputs.iter().zip(x) {
            self.slots[slot.0][..x.len()].copy_from_slice(x);
        }
        for index in 0..self.kernels.len() {
            self.step(index);
        }
        let value =
            |(node, slot): &(_, Slot)| self.slots[slot.0][..self.plan.graph.node(*node).shape.len()].to_vec();
        Ok(self.plan.outputs.iter().map(value).collect())
    }

    fn step(&mut self, index: usize) {
        let Step { node, inputs, output } = &self.plan.steps[index];
        let node = self.plan.graph.node(*node);
        // The output is taken out of the slots, so that the inputs can be borrowed from them.
        let mut y = std::mem::take(&mut self.slots[output.0]);
        let mut x: [&[f32]; MOST_INPUTS] = [&[]; MOST_INPUTS];
        let count = inputs.len();
        assert!(count <= x.len(), "{} has {count} inputs, a step takes {MOST_INPUTS} at most", node.name);
        for (x, (slot, id)) in x.iter_mut().zip(inputs.iter().zip(&node.inputs)) {
            *x = &self.slots[slot.0][..self.plan.graph.node(*id).shape.len()];
        }
        self.kernels[index].run(&x[..count], &mut y[..node.shape.len()], &mut self.workspace);
        self.slots[output.0] = y;
    }
}
