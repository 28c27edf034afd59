//! Eight and sixteen lanes, for processors of the x86-64 family that have AVX2 and fused multiplication and addition, or
//! AVX-512.
//!
//! Which processor it is turns out when the program runs. A loop that is written for any [`Vector`] is [`Work`], and
//! [`run`] has it compiled once for each of them.

use super::simd::F32x4;
use super::vector::Vector;

/// Lanes of the widest vector.
pub const MOST_LANES: usize = 16;

/// Lanes of this processor's widest vectors: 4, 8 or 16.
#[inline(always)]
pub fn lanes() -> usize {
    #[cfg(target_arch = "x86_64")]
    {
        let most = ALLOWED.get();
        if most >= 16 && std::is_x86_feature_detected!("avx512f") {
            return 16;
        }
        if most >= 8 && std::is_x86_feature_detected!("avx2") && std::is_x86_feature_detected!("fma") {
            return 8;
        }
    }
    4
}

/// A loop for any number of lanes, with all that it needs.
pub trait Work {
    /// To be inlined, with everything that it calls: what stays a function of its own is compiled without the
    /// instructions for wide vectors.
    fn run<V: Vector>(self);
}

/// Does the work with this processor's widest vectors.
#[inline(always)]
pub fn run(work: impl Work) {
    run_with(lanes(), work);
}

/// Does the work with vectors of so many lanes, or of as many as this processor has.
#[inline(always)]
pub fn run_with(most: usize, work: impl Work) {
    match most.min(lanes()) {
        // This processor has what the functions need, as just asked.
        #[cfg(target_arch = "x86_64")]
        16 => unsafe { run_sixteen(work) },
        #[cfg(target_arch = "x86_64")]
        8 => unsafe { run_eight(work) },
        _ => work.run::<F32x4>(),
    }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma")]
#[inline(never)]
fn run_eight(work: impl Work) {
    work.run::<F32x8>();
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f")]
#[inline(never)]
fn run_sixteen(work: impl Work) {
    work.run::<F32x16>();
}

#[cfg(target_arch = "x86_64")]
thread_local! {
    static ALLOWED: std::cell::Cell<usize> = const { std::cell::Cell::new(MOST_LANES) };
}

/// `f` of this thread, computed as on a processor that has `most` lanes at most.
pub fn with_lanes<T>(most: usize, f: impl FnOnce() -> T) -> T {
    #[cfg(target_arch = "x86_64")]
    let before = ALLOWED.replace(most);
    #[cfg(not(target_arch = "x86_64"))]
    let _ = most;
    let result = f();
    #[cfg(target_arch = "x86_64")]
    ALLOWED.set(before);
    result
}

#[cfg(target_arch = "x86_64")]
pub use vectors::{F32x8, F32x16};

#[cfg(target_arch = "x86_64")]
mod vectors {
    use std::arch::x86_64 as lanes;

    use super::super::simd::F32x4;
    use super::super::vector::Vector;

    /// Eight f32 values that are added, multiplied and compared together. To be used only where [`super::lanes`] says 8 or
    /// more.
    #[derive(Clone, Copy)]
    pub struct F32x8(lanes::__m256);

    /// Sixteen f32 values that are added, multiplied and compared together. To be used only where [`super::lanes`] says 16.
    #[derive(Clone, Copy)]
    pub struct F32x16(lanes::__m512);

    impl F32x8 {
        /// Vectors of four, one after the other.
        #[inline(always)]
        fn join([low, high]: [F32x4; 2]) -> Self {
            unsafe { Self(lanes::_mm256_set_m128(high.0, low.0)) }
        }

        #[inline(always)]
        fn fours(self) -> [F32x4; 2] {
            unsafe {
                let high = lanes::_mm256_extractf128_ps::<1>(self.0);
                [lanes::_mm256_castps256_ps128(self.0), high].map(F32x4)
            }
        }
    }

    impl F32x16 {
        /// Vectors of four, one after the other.
        #[inline(always)]
        fn join([a, b, c, d]: [F32x4; 4]) -> Self {
            unsafe {
                let ab = lanes::_mm512_insertf32x4::<1>(lanes::_mm512_castps128_ps512(a.0), b.0);
                Self(lanes::_mm512_insertf32x4::<3>(lanes::_mm512_insertf32x4::<2>(ab, c.0), d.0))
            }
        }

        #[inline(always)]
        fn fours(self) -> [F32x4; 4] {
            unsafe {
                [
                    lanes::_mm512_castps512_ps128(self.0),
                    lanes::_mm512_extractf32x4_ps::<1>(self.0),
                    lanes::_mm512_extractf32x4_ps::<2>(self.0),
                    lanes::_mm512_extractf32x4_ps::<3>(self.0),
                ]
                .map(F32x4)
            }
        }
    }

    /// What the vectors have in common, by the names of the instructions.
    macro_rules! vector {
        (
            $vector:ident, $lanes:literal, $splat:ident, $load:ident, $store:ident, $multiply_add:ident, $max:ident,
            $min:ident, $add:ident, $sub:ident, $mul:ident, $unpack_low:ident, $unpack_high:ident, $shuffle:ident
        ) => {
            impl $vector {
                /// Rows become columns in every four lanes.
                #[inline(always)]
                fn transpose([a, b, c, d]: [Self; 4]) -> [Self; 4] {
                    unsafe {
                        let (ab_low, ab_high) = (lanes::$unpack_low(a.0, b.0), lanes::$unpack_high(a.0, b.0));
                        let (cd_low, cd_high) = (lanes::$unpack_low(c.0, d.0), lanes::$unpack_high(c.0, d.0));
                        [
                            Self(lanes::$shuffle::<0b01_00_01_00>(ab_low, cd_low)),
                            Self(lanes::$shuffle::<0b11_10_11_10>(ab_low, cd_low)),
                            Self(lanes::$shuffle::<0b01_00_01_00>(ab_high, cd_high)),
                            Self(lanes::$shuffle::<0b11_10_11_10>(ab_high, cd_high)),
                        ]
                    }
                }
            }

            impl Vector for $vector {
                const LANES: usize = $lanes;

                #[inline(always)]
                fn splat(value: f32) -> Self {
                    unsafe { Self(lanes::$splat(value)) }
                }

                #[inline(always)]
                unsafe fn load(source: *const f32) -> Self {
                    unsafe { Self(lanes::$load(source)) }
                }

                #[inline(always)]
                unsafe fn store(self, target: *mut f32) {
                    unsafe { lanes::$store(target, self.0) }
                }

                #[inline(always)]
                fn multiply_add(self, factor: Self, addend: Self) -> Self {
                    unsafe { Self(lanes::$multiply_add(self.0, factor.0, addend.0)) }
                }

                #[inline(always)]
                fn max(self, other: Self) -> Self {
                    unsafe { Self(lanes::$max(other.0, self.0)) }
                }

                #[inline(always)]
                fn min(self, other: Self) -> Self {
                    unsafe { Self(lanes::$min(other.0, self.0)) }
                }

                #[inline(always)]
                fn by_fours(self, f: impl Fn(F32x4) -> F32x4) -> Self {
                    Self::join(self.fours().map(f))
                }

                #[inline(always)]
                unsafe fn columns(line: impl Fn(usize) -> *const f32) -> [Self; 4] {
                    let every_fourth = |first: usize| {
                        Self::join(std::array::from_fn(|k| unsafe { F32x4::load(line(first + 4 * k)) }))
                    };
                    Self::transpose([every_fourth(0), every_fourth(1), every_fourth(2), every_fourth(3)])
                }

                #[inline(always)]
                fn lines(columns: [Self; 4], mut f: impl FnMut(usize, F32x4)) {
                    for (first, lines) in Self::transpose(columns).into_iter().enumerate() {
                        for (k, line) in lines.fours().into_iter().enumerate() {
                            f(first + 4 * k, line);
                        }
                    }
                }

                #[inline(always)]
                fn sums(vectors: [Self; 4]) -> F32x4 {
                    let [a, b, c, d] = Self::transpose(vectors);
                    ((a + b) + (c + d)).fours().into_iter().reduce(|a, b| a + b).expect("at least one")
                }

                #[inline(always)]
                fn sum(self) -> f32 {
                    self.fours().into_iter().reduce(|a, b| a + b).expect("at least one").sum()
                }
            }

            operator!($vector, Add, add, $add);
            operator!($vector, Sub, sub, $sub);
            operator!($vector, Mul, mul, $mul);
        };
    }

    macro_rules! operator {
        ($vector:ident, $operator:ident, $method:ident, $instruction:ident) => {
            impl std::ops::$operator for $vector {
                type Output = Self;

                #[inline(always)]
                fn $method(self, other: Self) -> Self {
                    unsafe { Self(lanes::$instruction(self.0, other.0)) }
                }
            }
        };
    }

    #[rustfmt::skip]
    vector!(
        F32x8, 8, _mm256_set1_ps, _mm256_loadu_ps, _mm256_storeu_ps, _mm256_fmadd_ps, _mm256_max_ps,
        _mm256_min_ps, _mm256_add_ps, _mm256_sub_ps, _mm256_mul_ps, _mm256_unpacklo_ps, _mm256_unpackhi_ps, _mm256_shuffle_ps
    );
    #[rustfmt::skip]
    vector!(
        F32x16, 16, _mm512_set1_ps, _mm512_loadu_ps, _mm512_storeu_ps, _mm512_fmadd_ps, _mm512_max_ps,
        _mm512_min_ps, _mm512_add_ps, _mm512_sub_ps, _mm512_mul_ps, _mm512_unpacklo_ps, _mm512_unpackhi_ps, _mm512_shuffle_ps
    );
}
