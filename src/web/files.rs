//! Files of weights as JavaScript hands them over. Of bytes and of blobs alike, only the range asked for comes into
//! WebAssembly's memory.

use std::ops::Range;

use js_sys::{ArrayBuffer, Uint8Array};
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::JsFuture;
use web_sys::{Blob, ReadableStreamByobReader, ReadableStreamGetReaderOptions, ReadableStreamReaderMode};

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

/// Bytes that pass from the browser to WebAssembly at once.
const CHUNK: u32 = 1 << 20;

/// The bytes of a part of a blob, read as a stream into one buffer. `arrayBuffer()` would leave a copy of every part for
/// the garbage collector, which comes too late: a network of half a gigabyte takes as much again.
async fn slice(blob: Blob, range: Range<u64>) -> Result<Vec<u8>, String> {
    let part = blob.slice_with_f64_and_f64(range.start as f64, range.end as f64).map_err(text)?;
    let options = ReadableStreamGetReaderOptions::new();
    options.set_mode(ReadableStreamReaderMode::Byob);
    // Older Safari has no such reader.
    let Ok(reader) = catching_reader(&part, &options) else {
        let buffer = JsFuture::from(part.array_buffer()).await.map_err(text)?;
        return Ok(Uint8Array::new(&buffer).to_vec());
    };
    let mut bytes = vec![0; (range.end - range.start) as usize];
    let (mut done, mut buffer) = (0, ArrayBuffer::new(CHUNK.min(bytes.len() as u32)));
    while done < bytes.len() {
        let read = reader.read_with_array_buffer_view(&Uint8Array::new(&buffer));
        let read = JsFuture::from(read).await.map_err(text)?;
        let chunk = field(&read, "value").and_then(|value| value.dyn_into::<Uint8Array>().ok());
        let chunk = chunk.filter(|chunk| chunk.length() > 0).ok_or("the file ends early")?;
        let end = done + chunk.length() as usize;
        chunk.copy_to(bytes.get_mut(done..end).ok_or("the file is longer than it was")?);
        (done, buffer) = (end, chunk.buffer());
    }
    Ok(bytes)
}

#[wasm_bindgen]
extern "C" {
    #[wasm_bindgen(extends = web_sys::ReadableStream, js_name = ReadableStream)]
    type Stream;

    #[wasm_bindgen(method, catch, js_name = getReader)]
    fn get_reader(
        this: &Stream,
        options: &ReadableStreamGetReaderOptions,
    ) -> Result<ReadableStreamByobReader, JsValue>;
}

fn catching_reader(
    part: &Blob,
    options: &ReadableStreamGetReaderOptions,
) -> Result<ReadableStreamByobReader, JsValue> {
    part.stream().unchecked_into::<Stream>().get_reader(options)
}

fn text(error: JsValue) -> String {
    let message = error.dyn_ref::<js_sys::Error>().map(|error| String::from(error.message()));
    message.unwrap_or_else(|| "the browser does not say why".into())
}
