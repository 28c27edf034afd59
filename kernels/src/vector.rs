//! What a loop that is written for any number of lanes asks of a vector: four lanes everywhere, and the eight or
//! sixteen of [`super::wide`] where a processor has them.
//!
//! A product is computed by one type from corner to corner, because one that rounds once and one that rounds twice
//! would make unequal sums of equal windows, and a pooling layer behind them would see a largest value in a tie.

use std::ops::{Add, Mul, Sub};

use super::simd::{self, F32x4};

pub trait Vector: Copy + Add<Output = Self> + Sub<Output = Self> + Mul<Output = Self> {
    /// A multiple of four.
    const LANES: usize;

    fn splat(value: f32) -> Self;

    /// Reads [`Vector::LANES`] values; `source` needs no alignment.
    ///
    /// # Safety
    /// `source` is valid for reading as many values.
    unsafe fn load(source: *const f32) -> Self;

    /// Writes [`Vector::LANES`] values; `target` needs no alignment.
    ///
    /// # Safety
    /// `target` is valid for writing as many values.
    unsafe fn store(self, target: *mut f32);

    /// `self * factor + addend`.
    fn multiply_add(self, factor: Self, addend: Self) -> Self;

    /// The larger of each pair; the first one where one is not a number.
    fn max(self, other: Self) -> Self;

    /// The smaller of each pair; the first one where one is not a number.
    fn min(self, other: Self) -> Self;

    /// `f` of every four lanes.
    fn by_fours(self, f: impl Fn(F32x4) -> F32x4) -> Self;

    /// Four neighbouring values of as many lines as there are lanes: the first ones, the second ones and so on.
    ///
    /// # Safety
    /// `line` of every lane is valid for reading four values.
    unsafe fn columns(line: impl Fn(usize) -> *const f32) -> [Self; 4];

    /// The way back from [`Vector::columns`]: calls `f` with every lane and its four values.
    fn lines(columns: [Self; 4], f: impl FnMut(usize, F32x4));

    /// The sum of all lanes of each of four vectors.
    fn sums(vectors: [Self; 4]) -> F32x4;

    /// The sum of all lanes.
    fn sum(self) -> f32;
}

impl Vector for F32x4 {
    const LANES: usize = simd::LANES;

    #[inline(always)]
    fn splat(value: f32) -> Self {
        Self::splat(value)
    }

    #[inline(always)]
    unsafe fn load(source: *const f32) -> Self {
        unsafe { Self::load(source) }
    }

    #[inline(always)]
    unsafe fn store(self, target: *mut f32) {
        unsafe { self.store(target) }
    }

    #[inline(always)]
    fn multiply_add(self, factor: Self, addend: Self) -> Self {
        self.multiply_add(factor, addend)
    }

    #[inline(always)]
    fn max(self, other: Self) -> Self {
        self.max(other)
    }

    #[inline(always)]
    fn min(self, other: Self) -> Self {
        self.min(other)
    }

    #[inline(always)]
    fn by_fours(self, f: impl Fn(F32x4) -> F32x4) -> Self {
        f(self)
    }

    #[inline(always)]
    unsafe fn columns(line: impl Fn(usize) -> *const f32) -> [Self; 4] {
        Self::transpose([0, 1, 2, 3].map(|lane| unsafe { Self::load(line(lane)) }))
    }

    #[inline(always)]
    fn lines(columns: [Self; 4], mut f: impl FnMut(usize, F32x4)) {
        for (lane, line) in Self::transpose(columns).into_iter().enumerate() {
            f(lane, line);
        }
    }

    #[inline(always)]
    fn sums(vectors: [Self; 4]) -> F32x4 {
        let [a, b, c, d] = Self::transpose(vectors);
        (a + b) + (c + d)
    }

    #[inline(always)]
    fn sum(self) -> f32 {
        self.sum()
    }
}
