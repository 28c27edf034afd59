//! Fresh parameters: random, yet the same for the same seed and name on every machine.
//!
//! Each parameter draws from a stream of its own, so changing one layer leaves the others as they were.

use std::f64::consts::TAU;
use std::ops::Range;

use crate::graph::Param;
use crate::ops::Init;
use crate::random::Random;

/// The values of some rows, along the first dimension, of a parameter before any training.
pub(super) fn initialised(param: &Param, rows: Range<usize>, seed: u64) -> Vec<f32> {
    let row: usize = param.dims.iter().skip(1).product();
    let count = rows.len() * row;
    let mut random = Random::new(seed, fnv1a(&param.name));
    let mut skip = |draws: usize| random.skip((rows.start * row * draws) as u64);
    match param.init {
        Init::Constant(value) => vec![value; count],
        Init::Uniform { bound } => {
            skip(1);
            (0..count).map(|_| random.uniform(-bound, bound)).collect()
        }
        Init::He { fan_out } => {
            skip(2);
            let deviation = (2.0 / fan_out.max(1) as f64).sqrt();
            (0..count).map(|_| (deviation * normal(&mut random)) as f32).collect()
        }
    }
}

/// A standard normal number. Box and Muller 1958.
fn normal(random: &mut Random) -> f64 {
    // One minus a number below one is above zero, where the logarithm is finite.
    let radius = (-2.0 * f64::from(1.0 - random.uniform(0.0, 1.0)).ln()).sqrt();
    radius * (TAU * f64::from(random.uniform(0.0, 1.0))).cos()
}

/// FNV-1a, 64 bits: a stream for every name.
fn fnv1a(name: &str) -> u64 {
    name.bytes().fold(0xcbf2_9ce4_8422_2325, |h, byte| (h ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graph::Source;

    fn param(name: &str, init: Init) -> Param {
        Param { name: name.into(), dims: vec![64, 8, 3, 3], init, source: Source::Checkpoint }
    }

    #[test]
    fn a_seed_and_a_name_decide_every_value() {
        let of = |name: &str, seed| initialised(&param(name, Init::He { fan_out: 576 }), 0..64, seed);
        assert_eq!(of("conv1.weight", 1), of("conv1.weight", 1));
        assert_ne!(of("conv1.weight", 1), of("conv1.weight", 2));
        assert_ne!(of("conv1.weight", 1), of("conv2.weight", 1));
    }

    #[test]
    fn rows_are_the_same_alone_and_together() {
        for init in [Init::He { fan_out: 8 }, Init::Uniform { bound: 0.5 }, Init::Constant(1.0)] {
            let param = param("w", init);
            let whole = initialised(&param, 0..64, 3);
            assert_eq!(initialised(&param, 10..12, 3), whole[10 * 72..12 * 72]);
        }
    }

    #[test]
    fn he_initialisation_has_variance_two_over_fan_out() {
        let values = initialised(&param("w", Init::He { fan_out: 8 }), 0..64, 7);
        let count = values.len() as f64;
        let mean = values.iter().map(|&v| f64::from(v)).sum::<f64>() / count;
        let variance = values.iter().map(|&v| (f64::from(v) - mean).powi(2)).sum::<f64>() / count;
        assert!(mean.abs() < 0.03, "mean {mean}");
        assert!((variance - 0.25).abs() < 0.02, "variance {variance}");
    }

    #[test]
    fn uniform_initialisation_fills_its_bounds() {
        let values = initialised(&param("w", Init::Uniform { bound: 0.5 }), 0..64, 7);
        assert!(values.iter().all(|v| v.abs() <= 0.5));
        assert!(values.iter().any(|&v| v > 0.45) && values.iter().any(|&v| v < -0.45));
    }
}
