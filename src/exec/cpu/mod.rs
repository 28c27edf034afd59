//! The CPU backend: any plan, with four lanes, or eight or sixteen where a processor has them; one thread in the browser,
//! all cores natively.
//!
//! It runs in a worker of the page where there is no graphics device, and natively. Weights are packed when a plan is
//! prepared; activations live in the plan's slots, which the first run makes for all programs, and a later run allocates
//! nothing but the outputs it hands out.
//! [`kernel`] chooses the loops; the loops themselves are the crate `headstart-kernels`, in `kernels/`.

mod backward;
mod held;
mod kernel;
mod parts;
mod room;

use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use self::held::{Held, Place, Values};
use self::kernel::{Kernel, Packing, parts};
use self::parts::Parts;
use self::room::{Room, Rooms};
use super::{ExecError, Lookup, Stored, check_inputs};
use crate::graph::{Param, ParamId};
use crate::plan::{Moment, Plan, Slot, Step};

/// The backend: the packed weights that its programs share, and where they compute.
#[derive(Default)]
pub struct Cpu {
    shared: Mutex<HashMap<(String, Packing), Values>>,
    rooms: Rooms,
}

/// Inputs of one step at most.
const MOST_INPUTS: usize = 8;

/// A plan with its weights and buffers.
pub struct Program {
    plan: Plan,
    /// One for each step of the plan, and how the step is divided.
    kernels: Vec<(Kernel, Parts)>,
    held: Held,
    /// One for each update of the plan.
    trained: Vec<Trained>,
    /// Whether parameters were written since their other orders were made.
    stale: bool,
    /// Where it computes: only while it runs, unless it is trained, because gradients may be read afterwards.
    room: Room,
    rooms: Rooms,
}

/// A parameter that training changes, and what its rule remembers.
struct Trained {
    place: Place,
    states: Vec<Vec<f32>>,
}

impl Cpu {
    pub fn new() -> Self {
        Self::default()
    }

    /// Packs the weights of `plan`, or finds them packed by name, for another batch size for instance.
    ///
    /// Fails where `lookup` does.
    pub async fn prepare(&self, plan: Plan, lookup: &dyn Lookup) -> Result<Program, ExecError> {
        let (mut held, mut trained) = (Held::default(), Vec::with_capacity(plan.updates.len()));
        for update in &plan.updates {
            let values = lookup.values(plan.graph.param(update.param)).await?;
            let states = vec![vec![0.0; values.data.len()]; update.rule.states()];
            trained.push(Trained { place: held.own(values), states });
        }
        let held = RefCell::new(held);
        let mut kernels = Vec::with_capacity(plan.steps.len());
        for step in &plan.steps {
            let place = async |id: ParamId, packing: Packing| {
                if let Some(own) = plan.updates.iter().position(|update| update.param == id) {
                    return Ok(held.borrow_mut().packed(trained[own].place, packing));
                }
                let values = self.values(plan.graph.param(id), packing, lookup).await?;
                Ok(held.borrow_mut().share(values))
            };
            let (node, trains) = (plan.graph.node(step.node), !plan.updates.is_empty());
            let parts = parts(&plan.graph, node);
            kernels.push((Kernel::new(&plan.graph, node, parts, trains, place).await?, parts));
        }
        let (held, rooms) = (held.into_inner(), self.rooms.clone());
        let mut program =
            Program { plan, kernels, held, trained, stale: false, room: Room::default(), rooms };
        if program.trains() {
            program.furnish();
        }
        Ok(program)
    }

    async fn values(
        &self,
        param: &Param,
        packing: Packing,
        lookup: &dyn Lookup,
    ) -> Result<Values, ExecError> {
        let key = (param.name.clone(), packing);
        if let Some(values) = self.shared().get(&key) {
            return Ok(values.clone());
        }
        let values = Arc::new(packing.apply(lookup.values(param).await?));
        self.shared().insert(key, values.clone());
        Ok(values)
    }

    /// Lets go of the shared weights, before another network with the same names is loaded, and of the room it took.
    pub fn forget(&self) {
        self.shared().clear();
        self.rooms.clear();
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
        if self.trains() {
            return Ok(self.compute(x));
        }
        self.room = self.rooms.enter();
        self.furnish();
        let outputs = self.compute(x);
        self.rooms.leave(std::mem::take(&mut self.room));
        Ok(outputs)
    }

    fn trains(&self) -> bool {
        !self.plan.updates.is_empty()
    }

    fn furnish(&mut self) {
        let parts = self.kernels.iter().map(|(_, parts)| parts.count).max().unwrap_or(1);
        self.room.furnish(&self.plan.slots, parts);
    }

    fn compute(&mut self, x: &[&[f32]]) -> Vec<Vec<f32>> {
        if std::mem::take(&mut self.stale) {
            self.held.repack();
        }
        for (slot, x) in self.plan.inputs.iter().zip(x) {
            self.room.slots[slot.0][..x.len()].copy_from_slice(x);
        }
        for index in 0..self.kernels.len() {
            self.step(index);
        }
        let value = |(node, slot): &(_, Slot)| {
            self.room.slots[slot.0][..self.plan.graph.node(*node).shape.len()].to_vec()
        };
        self.plan.outputs.iter().map(value).collect()
    }

    /// Runs the plan and then updates its parameters: one step of training.
    ///
    /// # Panics
    /// If two updates of the plan are of one parameter.
    pub fn train(&mut self, x: &[&[f32]], at: Moment) -> Result<Vec<Vec<f32>>, ExecError> {
        let outputs = self.run(x)?;
        for (update, trained) in self.plan.updates.iter().zip(&mut self.trained) {
            let (node, slot) = update.gradient;
            let gradient = &self.room.slots[slot.0][..self.plan.graph.node(node).shape.len()];
            let scale = update.scale.map_or(1.0, |slot| self.room.slots[slot.0][0]);
            let parameter = self.held.change(trained.place);
            update.rule.apply(at, parameter, gradient, scale, &mut trained.states);
        }
        self.held.repack();
        Ok(outputs)
    }

    /// What [`super::Program::read`] reads.
    pub fn read(&self, what: Stored) -> Vec<f32> {
        match what {
            Stored::Parameter(update) => self.held.get(self.trained[update].place).to_vec(),
            Stored::State(update, index) => self.trained[update].states[index].clone(),
            Stored::Gradient(update) => {
                let (node, slot) = self.plan.updates[update].gradient;
                self.room.slots[slot.0][..self.plan.graph.node(node).shape.len()].to_vec()
            }
        }
    }

    /// What [`super::Program::write`] writes.
    pub fn write(&mut self, what: Stored, values: &[f32]) {
        match what {
            Stored::Parameter(update) => {
                self.held.change(self.trained[update].place).copy_from_slice(values);
                self.stale = true;
            }
            Stored::State(update, index) => self.trained[update].states[index].copy_from_slice(values),
            Stored::Gradient(_) => panic!("gradients are computed"),
        }
    }

    fn step(&mut self, index: usize) {
        let Step { node, inputs, output } = &self.plan.steps[index];
        let node = self.plan.graph.node(*node);
        // The output is taken out of the slots, so that the inputs can be borrowed from them.
        let mut y = std::mem::take(&mut self.room.slots[output.0]);
        let mut x: [&[f32]; MOST_INPUTS] = [&[]; MOST_INPUTS];
        let count = inputs.len();
        assert!(count <= x.len(), "{} has {count} inputs, a step takes {MOST_INPUTS} at most", node.name);
        for (x, (slot, id)) in x.iter_mut().zip(inputs.iter().zip(&node.inputs)) {
            *x = &self.room.slots[slot.0][..self.plan.graph.node(*id).shape.len()];
        }
        let (kernel, parts) = &self.kernels[index];
        parts.run(kernel, &x[..count], &self.held, &mut y[..node.shape.len()], &mut self.room.workspaces);
        self.room.slots[output.0] = y;
    }
}
