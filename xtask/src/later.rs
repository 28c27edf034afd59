//! What of the engine is loaded on request, as `headstart_later.wasm`: training from a cut, the self-test, and what
//! reads other files of weights than are published with the page. Training a head alone is no part of it: every visitor does that.
//!
//! The engine's source knows nothing of it. What moves is named here, [`crate::split`] moves it, and `later.js` at the end
//! of `headstart.js` loads it before the first call that needs it.

use crate::split::{Later, split};
use anyhow::{Context, Result, ensure};
use std::fs;
use std::path::Path;

pub const FILE: &str = "headstart_later.wasm";

/// The methods of `Engine` by which everything here begins; all of them return promises.
const BEGINNINGS: [&str; 6] = ["trainer", "fineTune", "trainingCost", "variants", "selfTest", "inspect"];

/// The classes that only they give to JavaScript.
const CLASSES: [&str; 2] = ["Trainer", "FineTuning"];

/// Functions that others call for plans with updates or changed pictures, or with a trainer, and so never before one of
/// [`BEGINNINGS`]. On the way forward, every layer has loops of its own on the CPU, so that only the way back runs definitions.
/// Also the readers that `load` gets to with other files than safetensors, which `later.js` looks at.
const ONLY_THEN: [&str; 9] = [
    "headstart::augment::",
    "headstart::exec::cpu::backward::",
    "headstart::exec::gpu::training::",
    "headstart::ops::Op::reference",
    "headstart::ops::warp::",
    "headstart::train::Trainer::",
    "headstart::train::snapshot::<impl headstart::train::Trainer>",
    "headstart::weights::onnx::index",
    "headstart::weights::pytorch::index",
];

/// Appended to what wasm-bindgen wrote.
const SCRIPT: &str = include_str!("later.js");
const DECLARATION: &str = include_str!("later.d.ts");

/// What [`SCRIPT`] uses of what wasm-bindgen wrote.
const EXPECTED: [&str; 6] = [
    "\nlet wasmModule, wasmInstance, wasm;\n",
    "\nfunction __wbg_get_imports() {\n",
    "\nasync function __wbg_load(module, imports) {\n",
    "\nexport { initSync, __wbg_init as default };\n",
    "\nexport class Engine {\n",
    "\n    load(id, weights, options) {\n",
];

/// Divides the engine in `folder`, as Trunk leaves it, in two. Returns a sentence on how it went.
pub fn divide(folder: &Path) -> Result<String> {
    let [module, script, declaration] =
        ["headstart_bg.wasm", "headstart.js", "headstart.d.ts"].map(|name| folder.join(name));
    let whole = fs::read(&module).context("the built page has no headstart_bg.wasm")?;
    let parts = split(&whole, &Later { exported: is_exported_later, named: is_named_later })?;
    fs::write(&module, &parts.first)?;
    fs::write(folder.join(FILE), &parts.second)?;
    fs::write(&script, extended(&fs::read_to_string(&script)?)?)?;
    fs::write(&declaration, fs::read_to_string(&declaration)? + "\n" + DECLARATION)?;
    Ok(format!("{} of {} functions are in {FILE}, loaded on request.", parts.moved, parts.functions))
}

/// Whether nobody calls an export of wasm-bindgen's before the second part is there.
fn is_exported_later(name: &str) -> bool {
    let of_class = |class: &str| {
        let class = class.to_lowercase();
        name.starts_with(&format!("{class}_")) || name.starts_with(&format!("__wbg_{class}_"))
    };
    CLASSES.into_iter().any(of_class) || BEGINNINGS.iter().any(|method| name == format!("engine_{method}"))
}

/// Also the layers of the backward pass, which their names tell.
fn is_named_later(name: &str) -> bool {
    let is_gradient = name.starts_with("<headstart::ops::") && name.contains("Gradient");
    is_gradient || ONLY_THEN.iter().any(|start| name.starts_with(start))
}

/// `script` of wasm-bindgen with what loads the second part.
fn extended(script: &str) -> Result<String> {
    let calls = BEGINNINGS.map(|method| format!("        const ret = wasm.engine_{method}(this.__wbg_ptr"));
    for expected in EXPECTED.into_iter().chain(calls.iter().map(String::as_str)) {
        ensure!(
            script.matches(expected).count() == 1,
            "headstart.js: expects {expected:?} once, which is not what this wasm-bindgen writes: see xtask/src/later.js"
        );
    }
    let beginnings = serde_json::to_string(&BEGINNINGS)?;
    Ok(format!("{script}\n{}", SCRIPT.replace("[\"BEGINNINGS\"]", &beginnings).replace("FILE", FILE)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_few_visitors_ask_for_is_loaded_later() {
        for name in ["trainer_step", "__wbg_finetuning_free", "engine_fineTune", "engine_inspect"] {
            assert!(is_exported_later(name), "{name}");
        }
        for name in ["engine_startTraining", "engine_predict", "__wbg_engine_free", "memory"] {
            assert!(!is_exported_later(name), "{name}");
        }
        assert!(is_named_later(
            "<headstart::ops::lrn::LrnGradient as headstart::ops::Operator>::variants::h1"
        ));
        assert!(is_named_later("headstart::weights::pytorch::index_zip::{{closure}}::h1"));
        assert!(!is_named_later("headstart::weights::pytorch::is_zip::h1"));
        assert!(!is_named_later("headstart::transfer::trainer::Training::new::h1"));
    }

    #[test]
    fn a_script_that_wasm_bindgen_writes_in_another_way_is_refused() {
        let calls =
            BEGINNINGS.map(|method| format!("        const ret = wasm.engine_{method}(this.__wbg_ptr);\n"));
        let script = EXPECTED.concat() + &calls.concat();
        let extended = extended(&script).expect("as expected");
        assert!(extended.starts_with(&script) && extended.contains("\"fineTune\""), "{extended}");
        let error = super::extended(&script.replace("wasmInstance, ", "")).expect_err("another").to_string();
        assert!(error.contains("expects"), "{error}");
    }
}
