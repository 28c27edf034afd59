//! Files of weights as JavaScript hands them over. Of bytes and of blobs alike, only the range asked for comes into
//! WebAssembly's memory.

use std::ops::Range;

use js_sys::{ArrayBuffer, Function, Uint8Array};
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::JsFuture;
use web_sys::Blob;

use super::field;
use crate::weights::Storage;

/// What `load` takes as weights: a file, or an array of files that belong together; none for `null`.
pub(super) fn files(value: &JsValue) -> Result<Vec<Storage>, JsError> {
    if value.is_null() || value.is_undefined() {
        return Ok(Vec::new());
    }
    match value.dyn_ref::<js_sys::Array>() {
        Some(files) => files.iter().map(|file| storage(&file)).collect(),
        None => Ok(vec![storage(value)?]),
    }
}

fn storage(value: &JsValue) -> Result<Storage, JsError> {
    if let Some(blob) = value.dyn_ref::<Blob>() {
        let (blob, len) = (blob.clone(), blob.size() as u64);
        return Ok(Storage::elsewhere(len, move |range| slice(blob.clone(), range)));
    }
    let bytes = match value.dyn_ref::<ArrayBuffer>() {
        Some(buffer) => Some(Uint8Array::new(buffer)),
        None => value.dyn_ref::<Uint8Array>().cloned(),
    };
    let Some(bytes) = bytes else {
        return Err(JsError::new("weights are a Blob or a Uint8Array, an array of them, or null"));
    };
    // They stay where they are: the page has room for them, WebAssembly's memory never shrinks again.
    Ok(Storage::elsewhere(u64::from(bytes.length()), move |range| {
        std::future::ready(Ok(bytes.subarray(range.start as u32, range.end as u32).to_vec()))
    }))
}

async fn slice(blob: Blob, range: Range<u64>) -> Result<Vec<u8>, String> {
    let part = blob.slice_with_f64_and_f64(range.start as f64, range.end as f64).map_err(text)?;
    let buffer = JsFuture::from(part.array_buffer()).await.map_err(text)?;
    let bytes = Uint8Array::new(&buffer).to_vec();
    // A buffer that is moved into one of no length is freed at once; garbage of half a network would pile up otherwise.
    if let Some(transfer) = field(&buffer, "transfer").and_then(|f| f.dyn_into::<Function>().ok()) {
        let _ = transfer.call1(&buffer, &0.into());
    }
    Ok(bytes)
}

fn text(error: JsValue) -> String {
    let message = error.dyn_ref::<js_sys::Error>().map(|error| String::from(error.message()));
    message.unwrap_or_else(|| "the browser does not say why".into())
}
