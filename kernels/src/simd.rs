//! Four f32 lanes: the vector type every kernel of this backend runs with, and most are written with.
//!
//! On wasm it is a `v128`, on x86-64 an SSE register (always present there), elsewhere an array that the compiler
//! vectorises, so the same kernels run in the browser and under `cargo test`.
//! Knows arithmetic only: no shapes, no layers.

#[cfg(target_arch = "wasm32")]
use std::arch::wasm32 as lanes;
#[cfg(target_arch = "x86_64")]
use std::arch::x86_64 as lanes;

/// Four f32 values that are added, multiplied and compared together.
#[derive(Clone, Copy)]
pub struct F32x4(pub(super) Register);

#[cfg(target_arch = "wasm32")]
type Register = lanes::v128;
#[cfg(target_arch = "x86_64")]
type Register = lanes::__m128;
#[cfg(not(any(target_arch = "wasm32", target_arch = "x86_64")))]
type Register = [f32; 4];

/// Number of values in one [`F32x4`].
pub const LANES: usize = 4;

impl F32x4 {
    #[inline(always)]
    pub fn zero() -> Self {
        Self::splat(0.0)
    }

    /// Reads four values; `source` needs no alignment.
    ///
    /// # Safety
    /// `source` is valid for reading four values.
    #[inline(always)]
    pub unsafe fn load(source: *const f32) -> Self {
        unsafe { Self(source.cast::<Register>().read_unaligned()) }
    }

    /// Reads four 16-bit integers; `source` needs no alignment.
    ///
    /// # Safety
    /// `source` is valid for reading four integers.
    #[inline(always)]
    pub unsafe fn load_words(source: *const i16) -> Self {
        #[cfg(target_arch = "wasm32")]
        return unsafe { Self(lanes::f32x4_convert_i32x4(lanes::i32x4_load_extend_i16x4(source))) };
        #[cfg(target_arch = "x86_64")]
        unsafe {
            let words = lanes::_mm_loadl_epi64(source.cast());
            // The sign comes down from the upper half of each lane.
            let wide = lanes::_mm_srai_epi32::<16>(lanes::_mm_unpacklo_epi16(words, words));
            Self(lanes::_mm_cvtepi32_ps(wide))
        }
        #[cfg(not(any(target_arch = "wasm32", target_arch = "x86_64")))]
        return Self(unsafe { source.cast::<[i16; 4]>().read_unaligned() }.map(f32::from));
    }

    /// Writes four values; `target` needs no alignment.
    ///
    /// # Safety
    /// `target` is valid for writing four values.
    #[inline(always)]
    pub unsafe fn store(self, target: *mut f32) {
        unsafe { target.cast::<Register>().write_unaligned(self.0) }
    }

    /// Writes the first `count` values, at most four.
    ///
    /// # Safety
    /// `target` is valid for writing `count` values.
    #[inline(always)]
    pub unsafe fn store_first(self, count: usize, target: *mut f32) {
        if count >= LANES {
            return unsafe { self.store(target) };
        }
        for (lane, value) in self.to_array().into_iter().take(count).enumerate() {
            unsafe { target.add(lane).write(value) };
        }
    }

    /// Up to four values, the missing ones zero.
    #[inline(always)]
    pub fn load_first(values: &[f32]) -> Self {
        if let Some(values) = values.first_chunk::<LANES>() {
            return Self::from_array(*values);
        }
        let mut lanes = [0.0; LANES];
        for (lane, &value) in lanes.iter_mut().zip(values) {
            *lane = value;
        }
        Self::from_array(lanes)
    }

    #[inline(always)]
    pub fn from_array(values: [f32; 4]) -> Self {
        unsafe { Self::load(values.as_ptr()) }
    }

    #[inline(always)]
    pub fn to_array(self) -> [f32; 4] {
        let mut values = [0.0; 4];
        unsafe { self.store(values.as_mut_ptr()) };
        values
    }

    /// The sum of the four values.
    #[inline(always)]
    pub fn sum(self) -> f32 {
        let [a, b, c, d] = self.to_array();
        (a + b) + (c + d)
    }

    /// `self * factor + addend`, rounded once or twice as the machine prefers.
    #[inline(always)]
    pub fn multiply_add(self, factor: Self, addend: Self) -> Self {
        #[cfg(all(target_arch = "wasm32", target_feature = "relaxed-simd"))]
        return Self(lanes::f32x4_relaxed_madd(self.0, factor.0, addend.0));
        #[cfg(not(all(target_arch = "wasm32", target_feature = "relaxed-simd")))]
        return addend + self * factor;
    }

    /// Rows become columns.
    #[inline(always)]
    pub fn transpose([a, b, c, d]: [Self; 4]) -> [Self; 4] {
        let (ab_low, cd_low) = (a.interleave_low(b), c.interleave_low(d));
        let (ab_high, cd_high) = (a.interleave_high(b), c.interleave_high(d));
        [
            ab_low.halves_low(cd_low),
            ab_low.halves_high(cd_low),
            ab_high.halves_low(cd_high),
            ab_high.halves_high(cd_high),
        ]
    }
}

#[cfg(target_arch = "wasm32")]
impl F32x4 {
    #[inline(always)]
    pub fn splat(value: f32) -> Self {
        Self(lanes::f32x4_splat(value))
    }

    /// The larger of each pair.
    #[inline(always)]
    pub fn max(self, other: Self) -> Self {
        Self(lanes::f32x4_pmax(self.0, other.0))
    }

    /// The smaller of each pair.
    #[inline(always)]
    pub fn min(self, other: Self) -> Self {
        Self(lanes::f32x4_pmin(self.0, other.0))
    }

    /// `[self 0, self 2, other 0, other 2]`.
    #[inline(always)]
    pub fn even(self, other: Self) -> Self {
        Self(lanes::i32x4_shuffle::<0, 2, 4, 6>(self.0, other.0))
    }

    /// `[self 1, self 3, other 1, other 3]`.
    #[inline(always)]
    pub fn odd(self, other: Self) -> Self {
        Self(lanes::i32x4_shuffle::<1, 3, 5, 7>(self.0, other.0))
    }

    #[inline(always)]
    fn interleave_low(self, other: Self) -> Self {
        Self(lanes::i32x4_shuffle::<0, 4, 1, 5>(self.0, other.0))
    }

    #[inline(always)]
    fn interleave_high(self, other: Self) -> Self {
        Self(lanes::i32x4_shuffle::<2, 6, 3, 7>(self.0, other.0))
    }

    #[inline(always)]
    fn halves_low(self, other: Self) -> Self {
        Self(lanes::i64x2_shuffle::<0, 2>(self.0, other.0))
    }

    #[inline(always)]
    fn halves_high(self, other: Self) -> Self {
        Self(lanes::i64x2_shuffle::<1, 3>(self.0, other.0))
    }

    /// `2` to the power of each value, which is a whole number between -126 and 127.
    #[inline(always)]
    pub fn power_of_two(self) -> Self {
        let exponent = lanes::i32x4_add(lanes::i32x4_trunc_sat_f32x4(self.0), lanes::i32x4_splat(127));
        Self(lanes::i32x4_shl(exponent, 23))
    }
}

#[cfg(target_arch = "x86_64")]
impl F32x4 {
    #[inline(always)]
    pub fn splat(value: f32) -> Self {
        unsafe { Self(lanes::_mm_set1_ps(value)) }
    }

    /// The larger of each pair.
    #[inline(always)]
    pub fn max(self, other: Self) -> Self {
        unsafe { Self(lanes::_mm_max_ps(other.0, self.0)) }
    }

    /// The smaller of each pair.
    #[inline(always)]
    pub fn min(self, other: Self) -> Self {
        unsafe { Self(lanes::_mm_min_ps(other.0, self.0)) }
    }

    /// `[self 0, self 2, other 0, other 2]`.
    #[inline(always)]
    pub fn even(self, other: Self) -> Self {
        unsafe { Self(lanes::_mm_shuffle_ps::<0b10_00_10_00>(self.0, other.0)) }
    }

    /// `[self 1, self 3, other 1, other 3]`.
    #[inline(always)]
    pub fn odd(self, other: Self) -> Self {
        unsafe { Self(lanes::_mm_shuffle_ps::<0b11_01_11_01>(self.0, other.0)) }
    }

    #[inline(always)]
    fn interleave_low(self, other: Self) -> Self {
        unsafe { Self(lanes::_mm_unpacklo_ps(self.0, other.0)) }
    }

    #[inline(always)]
    fn interleave_high(self, other: Self) -> Self {
        unsafe { Self(lanes::_mm_unpackhi_ps(self.0, other.0)) }
    }

    #[inline(always)]
    fn halves_low(self, other: Self) -> Self {
        unsafe { Self(lanes::_mm_movelh_ps(self.0, other.0)) }
    }

    #[inline(always)]
    fn halves_high(self, other: Self) -> Self {
        unsafe { Self(lanes::_mm_movehl_ps(other.0, self.0)) }
    }

    /// `2` to the power of each value, which is a whole number between -126 and 127.
    #[inline(always)]
    pub fn power_of_two(self) -> Self {
        unsafe {
            let exponent = lanes::_mm_add_epi32(lanes::_mm_cvttps_epi32(self.0), lanes::_mm_set1_epi32(127));
            Self(lanes::_mm_castsi128_ps(lanes::_mm_slli_epi32::<23>(exponent)))
        }
    }
}

#[cfg(not(any(target_arch = "wasm32", target_arch = "x86_64")))]
impl F32x4 {
    #[inline(always)]
    pub fn splat(value: f32) -> Self {
        Self([value; 4])
    }

    /// The larger of each pair.
    #[inline(always)]
    pub fn max(self, other: Self) -> Self {
        self.zip(other, |a, b| if a < b { b } else { a })
    }

    /// The smaller of each pair.
    #[inline(always)]
    pub fn min(self, other: Self) -> Self {
        self.zip(other, |a, b| if b < a { b } else { a })
    }

    /// `[self 0, self 2, other 0, other 2]`.
    #[inline(always)]
    pub fn even(self, other: Self) -> Self {
        Self([self.0[0], self.0[2], other.0[0], other.0[2]])
    }

    /// `[self 1, self 3, other 1, other 3]`.
    #[inline(always)]
    pub fn odd(self, other: Self) -> Self {
        Self([self.0[1], self.0[3], other.0[1], other.0[3]])
    }

    #[inline(always)]
    fn interleave_low(self, other: Self) -> Self {
        Self([self.0[0], other.0[0], self.0[1], other.0[1]])
    }

    #[inline(always)]
    fn interleave_high(self, other: Self) -> Self {
        Self([self.0[2], other.0[2], self.0[3], other.0[3]])
    }

    #[inline(always)]
    fn halves_low(self, other: Self) -> Self {
        Self([self.0[0], self.0[1], other.0[0], other.0[1]])
    }

    #[inline(always)]
    fn halves_high(self, other: Self) -> Self {
        Self([self.0[2], self.0[3], other.0[2], other.0[3]])
    }

    /// `2` to the power of each value, which is a whole number between -126 and 127.
    #[inline(always)]
    pub fn power_of_two(self) -> Self {
        Self(self.0.map(|value| f32::from_bits(((value as i32 + 127) << 23) as u32)))
    }

    #[inline(always)]
    fn zip(self, other: Self, f: impl Fn(f32, f32) -> f32) -> Self {
        Self(std::array::from_fn(|lane| f(self.0[lane], other.0[lane])))
    }
}

/// One arithmetic operator: its trait, its method, and what it is on wasm, on x86-64 and elsewhere.
macro_rules! operator {
    ($operator:ident, $method:ident, $wasm:ident, $sse:ident) => {
        impl std::ops::$operator for F32x4 {
            type Output = Self;

            #[inline(always)]
            fn $method(self, other: Self) -> Self {
                #[cfg(target_arch = "wasm32")]
                return Self(lanes::$wasm(self.0, other.0));
                #[cfg(target_arch = "x86_64")]
                return unsafe { Self(lanes::$sse(self.0, other.0)) };
                #[cfg(not(any(target_arch = "wasm32", target_arch = "x86_64")))]
                return self.zip(other, |a, b| std::ops::$operator::$method(a, b));
            }
        }
    };
}

operator!(Add, add, f32x4_add, _mm_add_ps);
operator!(Sub, sub, f32x4_sub, _mm_sub_ps);
operator!(Mul, mul, f32x4_mul, _mm_mul_ps);
operator!(Div, div, f32x4_div, _mm_div_ps);

#[cfg(test)]
mod tests {
    use super::*;

    fn ramp(start: f32) -> F32x4 {
        F32x4::from_array([start, start + 1.0, start + 2.0, start + 3.0])
    }

    #[test]
    fn transposing_swaps_rows_and_columns() {
        let columns = F32x4::transpose([ramp(0.0), ramp(10.0), ramp(20.0), ramp(30.0)]).map(F32x4::to_array);
        assert_eq!(columns[0], [0.0, 10.0, 20.0, 30.0]);
        assert_eq!(columns[3], [3.0, 13.0, 23.0, 33.0]);
        assert_eq!(columns[1][2], 21.0);
    }

    #[test]
    fn even_and_odd_lanes_of_two_vectors_are_told_apart() {
        assert_eq!(ramp(0.0).even(ramp(4.0)).to_array(), [0.0, 2.0, 4.0, 6.0]);
        assert_eq!(ramp(0.0).odd(ramp(4.0)).to_array(), [1.0, 3.0, 5.0, 7.0]);
    }

    #[test]
    fn arithmetic_works_lane_by_lane() {
        let (a, b) = (ramp(1.0), F32x4::splat(2.0));
        assert_eq!((a * b - a / b + a).to_array(), [2.5, 5.0, 7.5, 10.0]);
        assert_eq!(a.multiply_add(b, a).to_array(), [3.0, 6.0, 9.0, 12.0]);
        assert_eq!((a.max(b).to_array(), a.min(b).to_array()), ([2.0, 2.0, 3.0, 4.0], [1.0, 2.0, 2.0, 2.0]));
        assert_eq!(a.sum(), 10.0);
    }

    #[test]
    fn not_a_number_in_the_first_operand_survives_clamping() {
        let clamped = F32x4::splat(f32::NAN).max(F32x4::zero()).min(F32x4::splat(6.0));
        assert!(clamped.to_array().into_iter().all(f32::is_nan));
    }

    #[test]
    fn powers_of_two_are_exact() {
        let powers = F32x4::from_array([-126.0, -1.0, 0.0, 127.0]).power_of_two().to_array();
        assert_eq!(powers, [f32::MIN_POSITIVE, 0.5, 1.0, 2f32.powi(127)]);
    }

    #[test]
    fn a_partial_store_leaves_the_rest_alone() {
        let mut values = [9.0; 4];
        unsafe { ramp(0.0).store_first(3, values.as_mut_ptr()) };
        assert_eq!(values, [0.0, 1.0, 2.0, 9.0]);
    }
}
