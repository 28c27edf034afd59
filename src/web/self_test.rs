//! Every layer on the visitor's own device against its definition: what a bug report should contain.

use std::collections::HashMap;

use serde::Serialize;
use wasm_bindgen::prelude::*;

use super::{Engine, sentence, to_js};
use crate::exec::{Backend, ExecError};
use crate::graph::Param;
use crate::ops::{Case, Op};
use crate::plan::Plan;
use crate::tensor::Tensor;

#[derive(Serialize)]
struct SelfTestResult {
    name: String,
    /// Largest difference over the largest value; `null` in JavaScript where there was no number.
    error: f64,
    tolerance: f64,
    ok: bool,
}

#[wasm_bindgen]
impl Engine {
    /// Runs every layer's cases on this backend and compares them with the definition in double precision.
    #[wasm_bindgen(js_name = selfTest, unchecked_return_type = "SelfTestResult[]")]
    pub async fn self_test(
        &self,
        #[wasm_bindgen(unchecked_param_type = "((done: number, total: number) => void) | undefined")]
        on_case: JsValue,
    ) -> Result<JsValue, JsError> {
        let cases = Op::cases();
        let listener = on_case.dyn_ref::<js_sys::Function>();
        // The network keeps its own prepared plans; only the lock keeps it from running in between.
        let _network = self.network.lock().await;
        let mut results = Vec::with_capacity(cases.len());
        for case in &cases {
            let error = error(&self.backend, case).await.map_err(sentence)?;
            let tolerance = case.op.tolerance();
            results.push(SelfTestResult {
                name: case.name.clone(),
                error,
                tolerance,
                ok: error <= tolerance,
            });
            if let Some(f) = listener {
                let (done, total) = (results.len() as u32, cases.len() as u32);
                let _ = f.call2(&JsValue::NULL, &done.into(), &total.into());
            }
        }
        self.backend.forget();
        to_js(&results)
    }
}

async fn error(backend: &Backend, case: &Case) -> Result<f64, ExecError> {
    let plan = Plan::of_op(&case.op, &case.inputs).expect("a case's shapes fit");
    let shape = plan.graph.node(plan.outputs[0].0).shape;
    let params: HashMap<&str, Tensor<f32>> =
        case.op.params(&case.inputs).iter().map(|spec| spec.suffix).zip(case.param_values()).collect();
    // Cases name their parameters alike, so nothing of the one before may be left.
    backend.forget();
    let lookup = async |param: &Param| Ok(params[param.name.as_str()].clone());
    let mut program = backend.prepare(plan, &lookup, &|_, _, _| {}).await?;
    let inputs = case.input_values();
    let inputs: Vec<&[f32]> = inputs.iter().map(|x| &x.data[..]).collect();
    let y = program.run(&inputs).await?.swap_remove(0);
    Ok(case.error(&Tensor::new(shape, y)))
}
