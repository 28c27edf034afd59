//! Large weights in half precision where that loses nothing: half the memory of the graphics card, half the bytes to read.
//!
//! Whether it loses anything is seen from the values, not from the file they came from.

use super::{Gpu, lock};
use crate::exec::{ExecError, Lookup, Phase, Progress};
use crate::ops::half::{WORTH_HALVING, is_exact};
use crate::ops::kernel::{Binding, Kernel, Layout};
use crate::plan::Plan;

impl Gpu {
    /// `kernels` with those for half precision in the place of others whose large weights it holds exactly. What had to
    /// be looked up to know that is uploaded at once, so that nothing is looked up twice.
    pub(super) async fn halved(
        &self,
        plan: &Plan,
        mut kernels: Vec<Kernel>,
        lookup: &dyn Lookup,
        progress: &Progress<'_>,
    ) -> Result<Vec<Kernel>, ExecError> {
        // What is trained takes steps too small for half precision.
        if !plan.updates.is_empty() {
            return Ok(kernels);
        }
        let total = kernels.len();
        for (done, (step, kernel)) in plan.steps.iter().zip(&mut kernels).enumerate() {
            let Some(twin) = kernel.in_half() else { continue };
            let param = plan.graph.param(plan.graph.node(step.node).params[0]);
            if param.dims.iter().product::<usize>() < WORTH_HALVING {
                continue;
            }
            progress(Phase::Upload, done, total);
            let known =
                |kernel: &Kernel| lock(&self.params).contains_key(&(param.name.clone(), weight(kernel)));
            if known(kernel) {
                continue;
            }
            if !known(&twin) {
                let values = lookup.values(param).await?;
                let layout = weight(if is_exact(&values.data) { &twin } else { kernel });
                self.send(param, layout, values, &self.params).await?;
            }
            if known(&twin) {
                *kernel = twin;
            }
        }
        Ok(kernels)
    }
}

/// The order in which a kernel that has parameters wants the first.
fn weight(kernel: &Kernel) -> Layout {
    let layout = |binding: &Binding| match binding {
        Binding::Param(0, layout) => Some(*layout),
        _ => None,
    };
    kernel.bindings.iter().find_map(layout).expect("a kernel with a twin reads a weight")
}
