//! A step on a batch as the same step on several equal parts of it, which natively run on all cores at once.
//!
//! How many parts there are depends on the batch alone and not on the machine, and no value depends on another part, so
//! that the number of cores changes no bit. In the browser there is one thread, and one part.

use super::held::Held;
use super::kernel::Kernel;

use headstart_kernels::conv::Workspace;

/// How a step is divided.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Parts {
    pub count: usize,
    /// So many of the first inputs are divided like the output; the others are handed to every part.
    pub inputs: usize,
}

/// Parts of one step, at most: enough to keep cores busy that other programs take time from.
const MOST: usize = 8;
/// Values of a part's output, at least; smaller parts cost more to hand out than they save.
const FEWEST_VALUES: usize = 1024;

impl Parts {
    pub const WHOLE: Self = Self { count: 1, inputs: 0 };

    /// For an output of `batch` pictures of `image` values.
    pub fn new(batch: usize, image: usize, inputs: usize) -> Self {
        if cfg!(target_arch = "wasm32") {
            return Self::WHOLE;
        }
        let most = MOST.min(batch * image / FEWEST_VALUES);
        let count = (1..=most).rev().find(|count| batch.is_multiple_of(*count)).unwrap_or(1);
        Self { count, inputs }
    }

    /// Runs `kernel`, which was made for one part, on all of them. There is one workspace for each of them at least.
    pub fn run(
        self,
        kernel: &Kernel,
        x: &[&[f32]],
        held: &Held,
        y: &mut [f32],
        workspaces: &mut [Workspace],
    ) {
        #[cfg(not(target_arch = "wasm32"))]
        if self.count > 1 {
            return self.spread(kernel, x, held, y, workspaces);
        }
        kernel.run(x, held, y, &mut workspaces[0]);
    }

    #[cfg(not(target_arch = "wasm32"))]
    fn spread(self, kernel: &Kernel, x: &[&[f32]], held: &Held, y: &mut [f32], workspaces: &mut [Workspace]) {
        rayon::scope(|scope| {
            let outputs = y.chunks_exact_mut(y.len() / self.count);
            for (part, (y, workspace)) in outputs.zip(workspaces).enumerate() {
                scope.spawn(move |_| {
                    let mut own: [&[f32]; super::MOST_INPUTS] = [&[]; super::MOST_INPUTS];
                    for (index, (own, x)) in own.iter_mut().zip(x).enumerate() {
                        let len = x.len() / self.count;
                        *own = if index < self.inputs { &x[part * len..][..len] } else { x };
                    }
                    kernel.run(&own[..x.len()], held, y, workspace);
                });
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_batch_is_divided_evenly_and_small_steps_are_not_divided() {
        let count = |batch, image| Parts::new(batch, image, 1).count;
        assert_eq!([count(128, 16_384), count(64, 4096), count(12, 4096)], [8, 8, 6]);
        assert_eq!([count(1, 1 << 20), count(7, 4096), count(13, 4096)], [1, 7, 1]);
        assert_eq!([count(64, 10), count(64, 84)], [1, 4]);
    }
}
