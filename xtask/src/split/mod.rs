//! Divides the engine's module in two: what a visitor needs before the page works, and what only some ask for later. Both
//! share memory, tables and globals, so that the engine is one, and knows nothing of it.

mod module;
mod moving;
mod order;
mod writing;

pub use moving::Later;

use anyhow::Result;
use module::Module;

/// The two modules.
pub struct Parts {
    pub first: Vec<u8>,
    pub second: Vec<u8>,
    /// How many functions moved, and of how many.
    pub moved: usize,
    pub functions: usize,
}

/// `module` as wasm-bindgen leaves it, with the names of its functions, which neither of the parts has.
pub fn split(module: &[u8], later: &Later) -> Result<Parts> {
    let module = Module::read(module)?;
    let plan = moving::plan(&module, later);
    let staying: Vec<_> = module.with_bodies().filter(|index| plan.staying.contains(index)).collect();
    let first = [alike(&module, &staying), plan.forwarded.keys().copied().collect()].concat();
    let shared = writing::shared(&module, &plan.moved);
    Ok(Parts {
        first: writing::first(&module, &plan, &first, shared)?,
        second: writing::second(&module, &plan, &alike(&module, &plan.moved))?,
        moved: plan.moved.len(),
        functions: module.functions.len(),
    })
}

/// `functions` in the order in which they compress best.
fn alike(module: &Module, functions: &[u32]) -> Vec<u32> {
    let bodies: Vec<_> = functions
        .iter()
        .filter_map(|index| module.function(*index))
        .map(|function| function.body.as_bytes())
        .collect();
    order::alike(&bodies).into_iter().map(|index| functions[index]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use wasmparser::{ElementItems, ElementKind, Parser, Payload, Validator};

    /// An engine in small: `step` trains, `ask` answers, `run` calls a layer's gradient if it is told to. At 1024 lies the table
    /// of methods of something that only `step` has, at 1040 that of something that `ask` has too.
    const WHOLE: &str = r#"(module
        (import "js" "log" (func $log (param i32)))
        (import "js" "tell" (func $tell (param i32)))
        (type $method (func (param i32) (result i32)))
        (memory (export "memory") 1)
        (table 6 6 funcref)
        (global $stack (mut i32) (i32.const 4096))
        (elem (i32.const 1) $only_step $both $loose $drop)
        (data (i32.const 1024) "\04\00\00\00\08\00\00\00\04\00\00\00\01\00\00\00" "\04\00\00\00\08\00\00\00\04\00\00\00\02\00\00\00")
        (func $only_step (type $method) (call $tell (local.get 0)) (i32.const 10))
        (func $both (type $method) (i32.const 20))
        (func $loose (type $method) (i32.const 30))
        (func $drop (param i32))
        (func $helper (result i32) (global.get $stack))
        (func $shared (result i32) (global.get $stack))
        (func $gradient (param i32) (result i32) (i32.add (local.get 0) (call $helper)))
        (func $run (export "run") (param i32) (result i32) (call $log (i32.const 7)) (call $gradient (local.get 0)))
        (func $ask (export "ask") (result i32)
            (call_indirect (type $method) (i32.const 1) (i32.load (i32.const 1052)))
            (i32.add (call $shared)) (i32.add (i32.load (i32.const 1040))))
        (func $step (export "step") (result i32)
            (call_indirect (type $method) (i32.const 1) (i32.load offset=12 (i32.const 1024)))
            (i32.add (call $shared)) (i32.add (call $run (i32.const 1)))))"#;

    const LATER: Later = Later { exported: |name| name == "step", named: |name| name == "gradient" };

    fn parts(whole: &str) -> (Vec<u8>, Vec<u8>) {
        let parts = split(&wat::parse_str(whole).expect("text of a module"), &LATER)
            .expect("a module that can be split");
        for part in [&parts.first, &parts.second] {
            Validator::new().validate_all(part).expect("a valid module");
        }
        (parts.first, parts.second)
    }

    #[test]
    fn what_only_later_calls_reach_moves_with_the_table_of_methods_that_only_they_mention() {
        let whole = wat::parse_str(WHOLE).unwrap();
        let module = Module::read(&whole).unwrap();
        let plan = moving::plan(&module, &LATER);
        let names = |moved: &[u32]| {
            moved.iter().map(|index| module.function(*index).unwrap().name).collect::<Vec<_>>()
        };
        assert_eq!(names(&plan.moved), ["only_step", "helper", "gradient", "step"]);
        let forwarded: Vec<_> =
            plan.forwarded.into_iter().map(|(index, pointer)| (names(&[index])[0], pointer)).collect();
        assert_eq!(forwarded, [("gradient", 6)], "called by `run`, by a pointer of its own");
    }

    #[test]
    fn the_second_imports_what_it_shares_and_fills_the_empty_pointers() {
        let (first, second) = parts(WHOLE);
        assert_eq!(listed(&first), "js.log memory run ask 0 1 2 3 4 pointer 2 of 3");
        assert_eq!(
            listed(&second),
            "js.tell first.0 first.1 first.2 first.3 first.4 step pointer 1 of 1 pointer 6 of 1"
        );
    }

    #[test]
    fn a_module_without_names_cannot_be_split() {
        let error = split(b"\0asm\x01\0\0\0", &LATER).err().expect("no names").to_string();
        assert!(error.contains("wasm-bindgen"), "{error}");
    }

    /// Imports, exports, and where runs of pointers begin and how long they are.
    fn listed(part: &[u8]) -> String {
        let mut words = Vec::new();
        for payload in Parser::new(0).parse_all(part) {
            match payload.unwrap() {
                Payload::ImportSection(section) => {
                    let imports = section.into_imports().map(Result::unwrap);
                    words.extend(imports.map(|import| format!("{}.{}", import.module, import.name)));
                }
                Payload::ExportSection(section) => {
                    words.extend(section.into_iter().map(|export| export.unwrap().name.to_string()));
                }
                Payload::ElementSection(section) => words.extend(section.into_iter().map(|element| {
                    let element = element.unwrap();
                    let ElementKind::Active { offset_expr, .. } = element.kind else { panic!("no pointer") };
                    let ElementItems::Functions(items) = element.items else { panic!("no functions") };
                    format!("pointer {} of {}", module::constant(&offset_expr).unwrap(), items.count())
                })),
                _ => {}
            }
        }
        words.join(" ")
    }
}
