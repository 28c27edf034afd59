//! The hash that fills every tensor of the reference cases, bit for bit as PyTorch's side has it.
//!
//! ```text
//! a = fnv1a(name);  b = mix(a ^ seed)
//! s(i) = ((mix(mix(i + a) + b) >> 8) - 2^23) / 2^23        in [-1, 1), exact in f32
//! value(i) = f32(mid + half * s(i))                        product and sum in f64, one rounding
//! ```

use std::ops::Range;

/// FNV-1a over bytes, 32 bits.
pub fn fnv1a(bytes: &[u8]) -> u32 {
    bytes.iter().fold(0x811C_9DC5, |h, &byte| (h ^ u32::from(byte)).wrapping_mul(0x0100_0193))
}

/// murmur3's fmix32.
pub fn mix(mut h: u32) -> u32 {
    h ^= h >> 16;
    h = h.wrapping_mul(0x85EB_CA6B);
    h ^= h >> 13;
    h = h.wrapping_mul(0xC2B2_AE35);
    h ^ (h >> 16)
}

/// The first `count` values of the tensor called `name`.
pub fn hashed(seed: u32, name: &str, count: usize, mid: f32, half: f32) -> Vec<f32> {
    hashed_part(seed, name, 0..count as u32, mid, half)
}

/// The values at these flat indices of the tensor called `name`.
pub fn hashed_part(seed: u32, name: &str, indices: Range<u32>, mid: f32, half: f32) -> Vec<f32> {
    let a = fnv1a(name.as_bytes());
    let b = mix(a ^ seed);
    indices
        .map(|i| {
            let bits = mix(mix(i.wrapping_add(a)).wrapping_add(b)) >> 8;
            let s = (f64::from(bits) - 8_388_608.0) / 8_388_608.0;
            (f64::from(mid) + f64::from(half) * s) as f32
        })
        .collect()
}
