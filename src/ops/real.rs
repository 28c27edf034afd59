//! The numbers a definition can be computed in: `f32` as the networks run, `f64` as the oracle.

use std::fmt::Debug;
use std::ops::{Add, AddAssign, Div, Mul, Sub};

pub trait Real:
    Copy
    + Debug
    + PartialOrd
    + Add<Output = Self>
    + Sub<Output = Self>
    + Mul<Output = Self>
    + Div<Output = Self>
    + AddAssign
{
    const ZERO: Self;
    const ONE: Self;

    fn of(value: f64) -> Self;
    fn to_f64(self) -> f64;
    fn exp(self) -> Self;
    fn ln(self) -> Self;
    fn tanh(self) -> Self;
    fn sqrt(self) -> Self;
    fn power(self, exponent: Self) -> Self;

    /// The larger of two; NaN in `self` stays NaN, as in PyTorch.
    fn larger(self, other: Self) -> Self {
        if other > self { other } else { self }
    }

    fn smaller(self, other: Self) -> Self {
        if other < self { other } else { self }
    }
}

macro_rules! real {
    ($type:ty) => {
        impl Real for $type {
            const ZERO: Self = 0.0;
            const ONE: Self = 1.0;

            fn of(value: f64) -> Self {
                value as $type
            }
            fn to_f64(self) -> f64 {
                self as f64
            }
            fn exp(self) -> Self {
                self.exp()
            }
            fn ln(self) -> Self {
                self.ln()
            }
            fn tanh(self) -> Self {
                self.tanh()
            }
            fn sqrt(self) -> Self {
                self.sqrt()
            }
            fn power(self, exponent: Self) -> Self {
                self.powf(exponent)
            }
        }
    };
}

real!(f32);
real!(f64);
