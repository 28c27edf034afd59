//! Kernels that keep weights in half precision: half the bytes to hold and to read, and the same values where the weights
//! were stored so. `unpack2x16float` is in every WebGPU, so no optional feature is needed.

use half::f16;

use super::kernel::{Binding, Kernel, Layout, Shader, shader};

/// Values of a weight from which on its bytes matter.
pub const WORTH_HALVING: usize = 1 << 20;

/// Shaders, and those that compute the same from weights in half precision.
const TWINS: [(&str, Shader); 2] = [
    ("linear_columns", shader!("linear_columns_half")),
    ("linear_workgroup", shader!("linear_workgroup_half")),
];

impl Kernel {
    /// The same computation with parameter 0 in half precision, where there is a shader for it and its rows fill words.
    pub fn in_half(&self) -> Option<Self> {
        let (_, shader) = TWINS.into_iter().find(|(name, _)| *name == self.shader.name)?;
        let [_, c, _] = self.dims[..] else { return None };
        let mut twin = Self { shader, ..self.clone() };
        for binding in &mut twin.bindings {
            match binding {
                Binding::Param(0, layout @ Layout::AsIs) if c % 2 == 0 => *layout = Layout::Half,
                Binding::Param(0, Layout::Transposed { outputs }) => {
                    *binding = Binding::Param(0, Layout::TransposedHalf { outputs: *outputs });
                }
                Binding::Param(0, _) => return None,
                _ => {}
            }
        }
        Some(twin)
    }
}

/// Whether half precision holds every value as it is.
pub fn is_exact(values: &[f32]) -> bool {
    values.iter().all(|&value| {
        let magnitude = value.abs();
        let normal = (6.103_515_6e-5..=65_504.0).contains(&magnitude) && value.to_bits() & 0x1fff == 0;
        // Below the normal numbers lies a grid of 2^-24.
        normal || (magnitude < 6.103_515_6e-5 && (value * 16_777_216.0).fract() == 0.0)
    })
}

/// Two values to a word, the first in its low half.
pub(super) fn pack(values: &[f32]) -> Vec<f32> {
    let bits = |value: Option<&f32>| u32::from(value.map_or(0, |&value| f16::from_f32(value).to_bits()));
    values.chunks(2).map(|pair| f32::from_bits(bits(pair.first()) | bits(pair.get(1)) << 16)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exact_values_are_those_that_come_back() {
        for bits in 0..=u16::MAX {
            let value = f16::from_bits(bits).to_f32();
            assert_eq!(is_exact(&[value]), value.is_finite(), "{value}");
            let beside = f32::from_bits(value.to_bits() + 1);
            assert!(!value.is_normal() || !is_exact(&[beside]), "{beside}");
        }
    }

    #[test]
    fn the_first_of_two_values_is_in_the_low_half() {
        let words: Vec<u32> = pack(&[1.0, -2.0, 0.5]).into_iter().map(f32::to_bits).collect();
        assert_eq!(words, [0xc000_3c00, 0x0000_3800]);
    }
}
