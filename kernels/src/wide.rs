//! Eight lanes, for processors of the x86-64 family that have AVX2 and fused multiplication and addition.
//!
//! Which processor it is turns out when the program runs. Whoever writes a loop for any [`Vector`] compiles it once
//! more, in a function with `#[target_feature(enable = "avx2,fma")]`, and calls that where [`present`] says so; all that
//! the function uses has to be inlined into it.

/// Lanes of the widest vector.
pub const MOST_LANES: usize = 8;

/// Whether this processor has eight lanes.
#[inline(always)]
pub fn present() -> bool {
    #[cfg(target_arch = "x86_64")]
    return !FORBIDDEN.get() && std::is_x86_feature_detected!("avx2") && std::is_x86_feature_detected!("fma");
    #[cfg(not(target_arch = "x86_64"))]
    false
}

/// Lanes of the vectors that products are computed with.
#[inline(always)]
pub fn lanes() -> usize {
    if present() { 8 } else { 4 }
}

#[cfg(target_arch = "x86_64")]
thread_local! {
    static FORBIDDEN: std::cell::Cell<bool> = const { std::cell::Cell::new(false) };
}

/// `f` of this thread, computed as on a processor that has four lanes only.
pub fn with_four_lanes<T>(f: impl FnOnce() -> T) -> T {
    #[cfg(target_arch = "x86_64")]
    let before = FORBIDDEN.replace(true);
    let result = f();
    #[cfg(target_arch = "x86_64")]
    FORBIDDEN.set(before);
    result
}

#[cfg(target_arch = "x86_64")]
pub use eight::F32x8;

#[cfg(target_arch = "x86_64")]
mod eight {
    use std::arch::x86_64 as lanes;

    use super::super::simd::F32x4;
    use super::super::vector::Vector;

    /// Eight f32 values that are added, multiplied and compared together. To be used only where [`super::present`].
    #[derive(Clone, Copy)]
    pub struct F32x8(lanes::__m256);

    impl F32x8 {
        /// Two vectors of four, one after the other.
        #[inline(always)]
        fn join(low: F32x4, high: F32x4) -> Self {
            unsafe { Self(lanes::_mm256_set_m128(high.0, low.0)) }
        }

        #[inline(always)]
        fn halves(self) -> [F32x4; 2] {
            unsafe {
                let high = lanes::_mm256_extractf128_ps::<1>(self.0);
                [lanes::_mm256_castps256_ps128(self.0), high].map(F32x4)
            }
        }

        /// Rows become columns in the lower four lanes, and in the upper four.
        #[inline(always)]
        fn transpose([a, b, c, d]: [Self; 4]) -> [Self; 4] {
            unsafe {
                let (ab_low, ab_high) =
                    (lanes::_mm256_unpacklo_ps(a.0, b.0), lanes::_mm256_unpackhi_ps(a.0, b.0));
                let (cd_low, cd_high) =
                    (lanes::_mm256_unpacklo_ps(c.0, d.0), lanes::_mm256_unpackhi_ps(c.0, d.0));
                [
                    Self(lanes::_mm256_shuffle_ps::<0b01_00_01_00>(ab_low, cd_low)),
                    Self(lanes::_mm256_shuffle_ps::<0b11_10_11_10>(ab_low, cd_low)),
                    Self(lanes::_mm256_shuffle_ps::<0b01_00_01_00>(ab_high, cd_high)),
                    Self(lanes::_mm256_shuffle_ps::<0b11_10_11_10>(ab_high, cd_high)),
                ]
            }
        }
    }

    impl Vector for F32x8 {
        const LANES: usize = 8;

        #[inline(always)]
        fn splat(value: f32) -> Self {
            unsafe { Self(lanes::_mm256_set1_ps(value)) }
        }

        #[inline(always)]
        unsafe fn load(source: *const f32) -> Self {
            unsafe { Self(lanes::_mm256_loadu_ps(source)) }
        }

        #[inline(always)]
        unsafe fn store(self, target: *mut f32) {
            unsafe { lanes::_mm256_storeu_ps(target, self.0) }
        }

        #[inline(always)]
        fn multiply_add(self, factor: Self, addend: Self) -> Self {
            unsafe { Self(lanes::_mm256_fmadd_ps(self.0, factor.0, addend.0)) }
        }

        #[inline(always)]
        fn max(self, other: Self) -> Self {
            unsafe { Self(lanes::_mm256_max_ps(other.0, self.0)) }
        }

        #[inline(always)]
        fn min(self, other: Self) -> Self {
            unsafe { Self(lanes::_mm256_min_ps(other.0, self.0)) }
        }

        #[inline(always)]
        fn by_fours(self, f: impl Fn(F32x4) -> F32x4) -> Self {
            let [low, high] = self.halves();
            Self::join(f(low), f(high))
        }

        #[inline(always)]
        unsafe fn columns(line: impl Fn(usize) -> *const f32) -> [Self; 4] {
            let pair =
                |lane: usize| unsafe { Self::join(F32x4::load(line(lane)), F32x4::load(line(lane + 4))) };
            Self::transpose([pair(0), pair(1), pair(2), pair(3)])
        }

        #[inline(always)]
        fn lines(columns: [Self; 4], mut f: impl FnMut(usize, F32x4)) {
            for (lane, pair) in Self::transpose(columns).into_iter().enumerate() {
                let [low, high] = pair.halves();
                f(lane, low);
                f(lane + 4, high);
            }
        }

        #[inline(always)]
        fn sums(vectors: [Self; 4]) -> F32x4 {
            let [a, b, c, d] = Self::transpose(vectors);
            let [low, high] = ((a + b) + (c + d)).halves();
            low + high
        }
    }

    macro_rules! operator {
        ($operator:ident, $method:ident, $avx:ident) => {
            impl std::ops::$operator for F32x8 {
                type Output = Self;

                #[inline(always)]
                fn $method(self, other: Self) -> Self {
                    unsafe { Self(lanes::$avx(self.0, other.0)) }
                }
            }
        };
    }

    operator!(Add, add, _mm256_add_ps);
    operator!(Sub, sub, _mm256_sub_ps);
    operator!(Mul, mul, _mm256_mul_ps);
}
