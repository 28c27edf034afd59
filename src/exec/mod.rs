//! Running plans. A backend prepares a [`Plan`](crate::plan::Plan) once, with its weights where it wants them, and
//! then runs it as often as there are pictures. Every backend runs every plan and gives the same answers within
//! the ops' tolerances.

pub mod cpu;
pub mod gpu;

use std::pin::Pin;

use thiserror::Error;

use crate::graph::Param;
use crate::plan::{Moment, Plan};
use crate::shape::Shape;
use crate::tensor::Tensor;

/// A place where plans run.
pub enum Backend {
    Cpu(cpu::Cpu),
    Gpu(gpu::Gpu),
}

/// A plan with its weights, ready to run on the backend that prepared it.
pub enum Program {
    Cpu(cpu::Program),
    Gpu(gpu::Program),
}

/// Where a backend gets the values of a parameter: the checkpoint, a fold of it, or its initialisation. It is asked for
/// one parameter after the other, and nobody keeps more of the values than the backend does.
///
/// Any `async |param: &Param| …` is one. The future is boxed so that preparing a plan is compiled once, and not for each
/// of those who look values up: that was a tenth of the page's module.
pub trait Lookup {
    fn values<'a>(&'a self, param: &'a Param) -> Values<'a>;
}

/// What comes of looking a parameter up.
pub type Values<'a> = Pin<Box<dyn Future<Output = Result<Tensor<f32>, ExecError>> + 'a>>;

impl<F: AsyncFn(&Param) -> Result<Tensor<f32>, ExecError>> Lookup for F {
    fn values<'a>(&'a self, param: &'a Param) -> Values<'a> {
        Box::pin(self(param))
    }
}

/// Called while a plan is prepared: what is going on, how many are done, of how many.
pub type Progress<'a> = dyn Fn(Phase, usize, usize) + 'a;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Compiling kernels.
    Kernels,
    /// Measuring which of several kernels is fastest here.
    Tune,
    /// Bringing weights to where they are used.
    Upload,
}

/// Why a plan cannot be prepared or run.
#[derive(Clone, Debug, Error, PartialEq)]
pub enum ExecError {
    #[error("input {index} takes {expected} values, got {found}")]
    InputLength { index: usize, expected: usize, found: usize },
    #[error("expects {expected} inputs, got {found}")]
    InputCount { expected: usize, found: usize },
    #[error("{0}")]
    Weights(String),
    #[error(
        "there is no WebGPU adapter ({0}); a browser falls back to the CPU backend, and a native program needs a Vulkan driver (on Debian: apt install mesa-vulkan-drivers)"
    )]
    NoAdapter(String),
    #[error("the graphics device was lost ({0}); the page starts it again, your examples are safe")]
    DeviceLost(String),
    #[error(
        "{node} needs a buffer of {bytes} bytes, and this graphics device allows {limit}; choose a smaller input, a smaller batch or the CPU backend"
    )]
    TooLarge { node: String, bytes: u64, limit: u64 },
    #[error("the graphics device refused {what}: {reason}; try the CPU backend with ?backend=cpu")]
    Device { what: String, reason: String },
}

impl Backend {
    /// Brings the weights to where they are used and compiles what must be compiled.
    pub async fn prepare(
        &self,
        plan: Plan,
        lookup: &dyn Lookup,
        progress: &Progress<'_>,
    ) -> Result<Program, ExecError> {
        match self {
            Self::Cpu(cpu) => cpu.prepare(plan, lookup).await.map(Program::Cpu),
            Self::Gpu(gpu) => gpu.prepare(plan, lookup, progress).await.map(Program::Gpu),
        }
    }

    /// As [`Backend::prepare`], with weights that are shared with no other program: those of a network that has the
    /// names of another one but not its values.
    pub async fn prepare_alone(
        &self,
        plan: Plan,
        lookup: &dyn Lookup,
        progress: &Progress<'_>,
    ) -> Result<Program, ExecError> {
        match self {
            Self::Cpu(_) => cpu::Cpu::new().prepare(plan, lookup).await.map(Program::Cpu),
            Self::Gpu(gpu) => gpu.prepare_alone(plan, lookup, progress).await.map(Program::Gpu),
        }
    }

    /// Bytes of the largest buffer that kernels can read; none where nothing but memory limits it.
    pub fn largest_buffer(&self) -> Option<u64> {
        match self {
            Self::Cpu(_) => None,
            Self::Gpu(gpu) => Some(gpu.limits().binding_bytes),
        }
    }

    /// Lets go of the weights that programs share, before another network with the same names is loaded.
    pub fn forget(&self) {
        match self {
            Self::Cpu(cpu) => cpu.forget(),
            Self::Gpu(gpu) => gpu.forget(),
        }
    }

    /// The measured choices of kernels, as text; empty where nothing is measured.
    pub fn tuning(&self) -> String {
        match self {
            Self::Cpu(_) => String::new(),
            Self::Gpu(gpu) => gpu.tuning(),
        }
    }

    /// Gives the device up, as if it had been taken away.
    pub fn lose(&self) {
        if let Self::Gpu(gpu) = self {
            gpu.destroy();
        }
    }
}

impl Program {
    pub fn plan(&self) -> &Plan {
        match self {
            Self::Cpu(program) => program.plan(),
            Self::Gpu(program) => program.plan(),
        }
    }

    /// The values of every output of the plan; `x` holds the values of every input, in order.
    pub async fn run(&mut self, x: &[&[f32]]) -> Result<Vec<Vec<f32>>, ExecError> {
        match self {
            Self::Cpu(program) => program.run(x),
            Self::Gpu(program) => program.run(x).await,
        }
    }

    /// Runs the plan and then updates its parameters: one step of training, as one submit. The outputs are those of
    /// before the update; not asked for, they stay where they are, and nobody waits for the device.
    pub async fn train(
        &mut self,
        x: &[&[f32]],
        at: Moment,
        outputs: bool,
    ) -> Result<Vec<Vec<f32>>, ExecError> {
        match self {
            Self::Cpu(program) => program.train(x, at),
            Self::Gpu(program) => program.train(x, at, outputs).await,
        }
    }

    /// The values of a trained parameter, its gradient, or what its rule remembers.
    pub async fn read(&mut self, what: Stored) -> Result<Vec<f32>, ExecError> {
        match self {
            Self::Cpu(program) => Ok(program.read(what)),
            Self::Gpu(program) => program.read(what).await,
        }
    }

    /// Sets a trained parameter or what its rule remembers, to go on from a checkpoint for instance.
    ///
    /// # Panics
    /// If `values` are not as many as there are, or are for a gradient.
    pub fn write(&mut self, what: Stored, values: &[f32]) {
        match self {
            Self::Cpu(program) => program.write(what, values),
            Self::Gpu(program) => program.write(what, values),
        }
    }
}

/// What a program in training holds for an update of its plan, by the update's index.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stored {
    Parameter(usize),
    /// The gradient of the last run.
    Gradient(usize),
    /// What the rule remembers: the first or second tensor of it.
    State(usize, usize),
}

/// Whether `x` holds the values of every input of the plan, in order.
pub fn check_inputs(plan: &Plan, x: &[&[f32]]) -> Result<(), ExecError> {
    let shapes: Vec<Shape> = plan.input_shapes().collect();
    if shapes.len() != x.len() {
        return Err(ExecError::InputCount { expected: shapes.len(), found: x.len() });
    }
    for (index, (shape, values)) in shapes.iter().zip(x).enumerate() {
        if shape.len() != values.len() {
            return Err(ExecError::InputLength { index, expected: shape.len(), found: values.len() });
        }
    }
    Ok(())
}
