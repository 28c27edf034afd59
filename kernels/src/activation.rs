//! The pointwise non-linearities.

/// A function applied to every value on its own; also the last step of a fused operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Activation {
    /// `max(x, 0)`. Nair and Hinton 2010.
    Relu,
    /// `min(max(x, 0), 6)`. Howard et al. 2017, MobileNets.
    Relu6,
    /// Hyperbolic tangent, LeNet-5's squashing function without its scale. LeCun et al. 1998.
    Tanh,
    /// `1 / (1 + exp(-x))`.
    Sigmoid,
}

impl Activation {
    pub const ALL: [Self; 4] = [Self::Relu, Self::Relu6, Self::Tanh, Self::Sigmoid];

    pub const fn name(self) -> &'static str {
        match self {
            Self::Relu => "ReLU",
            Self::Relu6 => "ReLU6",
            Self::Tanh => "Tanh",
            Self::Sigmoid => "Sigmoid",
        }
    }
}
