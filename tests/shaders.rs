//! Every shader is valid WGSL as it lies, keeps the binding contract of `shaders/README.md`, fits WebGPU's default
//! limits and is used by some kernel.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use headstart::ops::Op;
use headstart::ops::kernel::{Kernel, Layout, Limits, Site};
use headstart::plan::{Moment, Rule};
use headstart::shape::Shape;
use naga::valid::{Capabilities, ValidationFlags, Validator};
use naga::{AddressSpace, Module, StorageAccess, TypeInner};

fn shaders() -> BTreeMap<String, String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("shaders");
    let files = std::fs::read_dir(folder).expect("the folder of shaders");
    let files =
        files.map(|entry| entry.unwrap().path()).filter(|path| path.extension().is_some_and(|e| e == "wgsl"));
    files
        .map(|path| {
            let name = path.file_stem().unwrap().to_string_lossy().into_owned();
            (name, std::fs::read_to_string(&path).unwrap())
        })
        .collect()
}

fn parse(name: &str, source: &str) -> Module {
    let module = naga::front::wgsl::parse_str(source)
        .unwrap_or_else(|error| panic!("{name}.wgsl: {}", error.emit_to_string(source)));
    // Unpacking half precision is in every WebGPU; naga also knows platforms without it.
    Validator::new(ValidationFlags::all(), Capabilities::SHADER_FLOAT16_IN_FLOAT32)
        .validate(&module)
        .unwrap_or_else(|error| panic!("{name}.wgsl: {}", error.emit_to_string(source)));
    module
}

/// The kernels of all cases, those for half precision, of all updates, and of the order that matrix products read
/// weights in.
fn kernels() -> Vec<Kernel> {
    let at = Moment { step: 1, learning_rate: 0.1 };
    let updates = Rule::examples().into_iter().map(|rule| rule.kernel(at, 100, true, Limits::DEFAULT));
    let order =
        Layout::OutputsLast { inputs: 4, outputs: 16 }.kernel(Shape::new(3, 5, 3, 3), Limits::DEFAULT);
    let of_case = |case: headstart::ops::Case| {
        let output = case.op.infer(&case.inputs).unwrap();
        let variants = case.op.variants(&Site { inputs: &case.inputs, output, limits: Limits::DEFAULT });
        variants.into_iter().flat_map(|kernel| [kernel.in_half(), Some(kernel)]).flatten()
    };
    Op::cases().into_iter().flat_map(of_case).chain(updates).chain(order).collect()
}

#[test]
fn every_shader_is_valid_and_used() {
    let used: BTreeSet<String> = kernels().iter().map(|kernel| kernel.shader.name.to_string()).collect();
    let shaders = shaders();
    for (name, source) in &shaders {
        parse(name, source);
    }
    assert_eq!(shaders.into_keys().collect::<BTreeSet<_>>(), used);
}

#[test]
fn bindings_are_storage_buffers_read_then_written_then_the_uniform() {
    // What an update changes beside its parameter.
    let remembered = |name: &str| match name {
        "sgd" => 1,
        "adam" => 2,
        _ => 0,
    };
    for (name, source) in shaders() {
        let module = parse(&name, &source);
        let mut spaces = BTreeMap::new();
        for (_, variable) in module.global_variables.iter() {
            if let Some(binding) = &variable.binding {
                assert_eq!(binding.group, 0, "{name}: everything is in group 0");
                spaces.insert(binding.binding, variable.space);
            }
        }
        let read = AddressSpace::Storage { access: StorageAccess::LOAD };
        let written = AddressSpace::Storage { access: StorageAccess::LOAD | StorageAccess::STORE };
        let count = spaces.len();
        let expected: Vec<_> = (0..count)
            .map(|i| match count - i {
                1 => AddressSpace::Uniform,
                left if left <= 2 + remembered(&name) => written,
                _ => read,
            })
            .collect();
        assert_eq!(
            spaces.keys().copied().collect::<Vec<_>>(),
            (0..count as u32).collect::<Vec<_>>(),
            "{name}"
        );
        assert_eq!(spaces.into_values().collect::<Vec<_>>(), expected, "{name}");
        assert!(count <= 9, "{name}: {} storage buffers, WebGPU promises 8", count - 1);
    }
}

#[test]
fn workgroups_fit_the_default_limits() {
    for (name, source) in shaders() {
        let module = parse(&name, &source);
        let workgroup = module.global_variables.iter().filter(|(_, v)| v.space == AddressSpace::WorkGroup);
        let bytes: u32 = workgroup.map(|(_, v)| module.types[v.ty].inner.size(module.to_ctx())).sum();
        assert!(bytes <= Limits::DEFAULT.workgroup_bytes, "{name}: {bytes} bytes of workgroup memory");
        assert_eq!(module.entry_points.len(), 1, "{name}");
        assert_eq!(module.entry_points[0].name, "main", "{name}");
        let invocations: u32 = module.entry_points[0].workgroup_size.iter().product();
        assert!(invocations <= Limits::DEFAULT.invocations, "{name}: {invocations} invocations");
    }
    for kernel in kernels() {
        let size = |name| kernel.overrides.iter().find(|o| o.0 == name).map_or(1.0, |o| o.1);
        assert!(size("WIDTH") * size("HEIGHT") <= 256.0, "{}: {:?}", kernel.shader.name, kernel.overrides);
    }
}

#[test]
fn kernels_name_the_overrides_and_give_the_words_that_their_shader_declares() {
    for kernel in kernels() {
        let name = kernel.shader.name;
        let module = parse(name, kernel.shader.source);
        for (given, _) in &kernel.overrides {
            let declared = module.overrides.iter().any(|(_, o)| o.name.as_deref() == Some(*given));
            assert!(declared, "{name} has no override {given}");
        }
        let dims = module.types.iter().find(|(_, ty)| ty.name.as_deref() == Some("Dims"));
        let TypeInner::Struct { members, .. } = &dims.expect("a struct Dims").1.inner else {
            panic!("{name}: Dims is a struct")
        };
        assert_eq!(members.len(), kernel.dims.len(), "{name}: words of Dims");
        let bound = module.global_variables.iter().filter(|(_, v)| v.binding.is_some()).count();
        assert_eq!(bound, kernel.bindings.len() + 1, "{name}: bindings");
    }
}
