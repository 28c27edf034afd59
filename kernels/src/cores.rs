//! The same work for many numbers at once, where there is more than one core.

/// `f` of every number below `count`, in order; natively on all cores at once.
pub fn map<T: Send>(count: usize, f: impl Fn(usize) -> T + Sync + Send) -> Vec<T> {
    #[cfg(target_arch = "wasm32")]
    return (0..count).map(f).collect();
    #[cfg(not(target_arch = "wasm32"))]
    {
        use rayon::prelude::*;
        (0..count).into_par_iter().map(f).collect()
    }
}
