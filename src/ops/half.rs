//! Kernels that keep weights in half precision: half the bytes to hold and to read, and the same values where the weights
//! were stored so. `unpack2x16float` is in every WebGPU, so no optional feature is needed.
//!
//! A batch norm folded into a weight leaves nothing that was stored so. Convolutions therefore take what their output
//! channels are multiplied by apart from the weight.

use half::f16;

use super::kernel::{Binding, Kernel, Layout, shader};

impl Kernel {
    /// The same computation with parameter 0 in half precision, where there is a shader for it and its rows fill words.
    pub fn in_half(&self) -> Option<Self> {
        let whole_rows = self.dims.get(1).is_some_and(|c| c % 2 == 0);
        let (shader, order) = match (self.shader.name, self.weight()?) {
            ("linear_columns", Layout::Transposed { outputs }) => {
                (shader!("linear_columns_half"), Layout::TransposedHalf { outputs })
            }
            ("linear_workgroup", Layout::AsIs) if whole_rows => {
                (shader!("linear_workgroup_half"), Layout::Half)
            }
            ("conv2d_direct", Layout::AsIs) => (shader!("conv2d_direct_half"), Layout::Half),
            (name, Layout::OutputsLast { inputs, outputs }) => {
                let shader = match name {
                    "conv2d_registers_8x4" => shader!("conv2d_registers_8x4_half"),
                    "conv2d_registers_16x8" => shader!("conv2d_registers_16x8_half"),
                    "conv2d_workgroup" => shader!("conv2d_workgroup_half"),
                    _ => return None,
                };
                (shader, Layout::OutputsLastHalf { inputs, outputs })
            }
            _ => return None,
        };
        let mut twin = Self { shader, ..self.clone() };
        for binding in &mut twin.bindings {
            if let Binding::Param(0, layout) = binding {
                *layout = order;
            }
        }
        if shader.name.starts_with("conv2d") {
            // After the bias, or what stands in for it.
            twin.bindings.insert(3, Binding::Param(0, Layout::Factors));
        }
        Some(twin)
    }

    /// The order in which the kernel wants the values of parameter 0.
    pub fn weight(&self) -> Option<Layout> {
        self.bindings.iter().find_map(|binding| match binding {
            Binding::Param(0, layout) => Some(*layout),
            _ => None,
        })
    }

    /// Whether what every output channel of the weight is multiplied by comes apart from it.
    pub fn has_factors(&self) -> bool {
        self.bindings.contains(&Binding::Param(0, Layout::Factors))
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
