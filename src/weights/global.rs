//! The names of Python that a checkpoint may mention, and what they stand for. The list is the whole of what is
//! trusted: none of these is ever called, and a name that is not here ends the reading.

use super::Kind;

#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Global {
    OrderedDict,
    /// Makes a tensor of a storage, an offset, a size and strides.
    RebuildTensor,
    /// Makes a parameter of a tensor.
    RebuildParameter,
    /// The class of a storage, which decides what its bytes mean.
    Storage(Type),
    /// A type of values by itself.
    Type(Type),
    /// A tuple of dimensions.
    Size,
    /// A device, a layout and the like: whatever it is, no values depend on it.
    Harmless,
}

/// The type of a tensor's values, by the name that PyTorch has for it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Type {
    pub name: &'static str,
    /// Bytes of one value.
    pub bytes: u64,
}

/// The class of the storage, the type's name and the bytes of a value.
const TYPES: [(&str, &str, u64); 14] = [
    ("FloatStorage", "float32", 4),
    ("HalfStorage", "float16", 2),
    ("BFloat16Storage", "bfloat16", 2),
    ("DoubleStorage", "float64", 8),
    ("LongStorage", "int64", 8),
    ("IntStorage", "int32", 4),
    ("ShortStorage", "int16", 2),
    ("CharStorage", "int8", 1),
    ("ByteStorage", "uint8", 1),
    ("BoolStorage", "bool", 1),
    ("ComplexFloatStorage", "complex64", 8),
    ("ComplexDoubleStorage", "complex128", 16),
    // Bytes whose type the tensor itself names.
    ("UntypedStorage", "", 1),
    ("", "uint16", 2),
];

impl Global {
    /// What `module.name` stands for, if it may be mentioned.
    pub fn find(module: &str, name: &str) -> Option<Self> {
        let of = |names: fn(&(&'static str, &'static str, u64)) -> &'static str| {
            let known = TYPES.iter().find(|entry| !names(entry).is_empty() && names(entry) == name)?;
            Some(Type { name: known.1, bytes: known.2 })
        };
        match (module, name) {
            ("collections", "OrderedDict") => Some(Self::OrderedDict),
            ("torch._utils", "_rebuild_tensor" | "_rebuild_tensor_v2" | "_rebuild_tensor_v3") => {
                Some(Self::RebuildTensor)
            }
            ("torch._utils", "_rebuild_parameter" | "_rebuild_parameter_with_state") => {
                Some(Self::RebuildParameter)
            }
            ("torch.nn.parameter", "Parameter") => Some(Self::RebuildParameter),
            ("torch", "Size") => Some(Self::Size),
            ("torch", "device") | ("torch.serialization", "_get_layout") | ("_codecs", "encode") => {
                Some(Self::Harmless)
            }
            ("builtins" | "__builtin__", "set") => Some(Self::Harmless),
            ("torch" | "torch.storage", _) => {
                of(|entry| entry.0).map(Self::Storage).or_else(|| of(|entry| entry.1).map(Self::Type))
            }
            _ => None,
        }
    }
}

impl Type {
    pub fn kind(self) -> Kind {
        match self.name {
            "float32" => Kind::F32,
            "float16" => Kind::F16,
            "bfloat16" => Kind::Bf16,
            other => Kind::Other(other.into()),
        }
    }
}
