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

/// `f` of every one of `own` and its number, in order; natively on all cores at once.
pub fn map_with<O: Send, T: Send>(own: &mut [O], f: impl Fn(usize, &mut O) -> T + Sync + Send) -> Vec<T> {
    #[cfg(target_arch = "wasm32")]
    return own.iter_mut().enumerate().map(|(at, own)| f(at, own)).collect();
    #[cfg(not(target_arch = "wasm32"))]
    {
        use rayon::prelude::*;
        own.par_iter_mut().enumerate().map(|(at, own)| f(at, own)).collect()
    }
}
