//! Weights in half precision where that loses nothing: half the memory of the graphics card, half the bytes to read.
//!
//! Whether it loses anything is seen from the values, not from the file they came from.

use super::{Gpu, lock};
use crate::exec::{ExecError, Lookup, Phase, Progress};
use crate::graph::Param;
use crate::ops::half::is_exact;
use crate::ops::kernel::{Kernel, Layout};
use crate::plan::Plan;

impl Gpu {
    /// `kernels` with those for half precision in the place of others whose weights it holds exactly. What had to be
    /// looked up to know that is uploaded at once, so that nothing is looked up twice.
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
            progress(Phase::Upload, done, total);
            let known =
                |kernel: &Kernel| lock(&self.params).contains_key(&(param.name.clone(), order(kernel)));
            if known(kernel) {
                continue;
            }
            if !known(&twin) {
                match param.unfolded().filter(|_| twin.has_factors()) {
                    Some(apart) => self.send_apart(param, apart, &twin, lookup).await?,
                    None => self.send_whole(param, kernel, &twin, lookup).await?,
                }
            }
            if known(&twin) {
                *kernel = twin;
            }
        }
        Ok(kernels)
    }

    /// Uploads a weight for the twin, or for the kernel itself if half precision would change it.
    async fn send_whole(
        &self,
        param: &Param,
        kernel: &Kernel,
        twin: &Kernel,
        lookup: &dyn Lookup,
    ) -> Result<(), ExecError> {
        let values = lookup.values(param).await?;
        if !is_exact(&values.data) {
            return self.send(param, order(kernel), values, &self.params).await.map(drop);
        }
        if twin.has_factors() {
            let ones = Layout::Factors.apply(values.clone());
            self.write(param, Layout::Factors, &ones, &self.params).await?;
        }
        self.send(param, order(twin), values, &self.params).await.map(drop)
    }

    /// Uploads a weight as it was before a batch norm was folded into it, and the factors; neither, if half precision
    /// would change it.
    async fn send_apart(
        &self,
        param: &Param,
        [weight, factors]: [Param; 2],
        twin: &Kernel,
        lookup: &dyn Lookup,
    ) -> Result<(), ExecError> {
        // One output channel tells nearly always, and the weight is not looked up for nothing.
        if !is_exact(&lookup.values(&weight.rows(0..1)).await?.data) {
            return Ok(());
        }
        let values = lookup.values(&weight).await?;
        if is_exact(&values.data) {
            let factors = lookup.values(&factors).await?.data;
            self.write(param, Layout::Factors, &factors, &self.params).await?;
            self.send(param, order(twin), values, &self.params).await?;
        }
        Ok(())
    }
}

/// The order in which a kernel that has a twin wants its weight.
fn order(kernel: &Kernel) -> Layout {
    kernel.weight().expect("a kernel with a twin reads a weight")
}
