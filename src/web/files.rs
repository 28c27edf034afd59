//! Files of weights as JavaScript hands them over. Of bytes and of blobs alike, only the range asked for comes into
//! WebAssembly's memory.

use std::cell::RefCell;
use std::ops::Range;
use std::rc::Rc;

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
        let (len, file) =
            (blob.size() as u64, Rc::new(File { blob: blob.clone(), open: RefCell::default() }));
        return Ok(Storage::elsewhere(len, move |range| Rc::clone(&file).read(range)));
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

/// Up to so many bytes are asked for alone, which takes one answer instead of two.
const FEW: u64 = 64 << 10;

/// Bytes between two ranges up to which reading on and dropping them is faster than opening the file there.
const SKIP: u64 = 4 << 20;

/// A blob, and the stream that the last large range came from: networks are read nearly in the order of their files, and
/// reading on takes a fifth of the time of asking for every range anew.
struct File {
    blob: Blob,
    open: RefCell<Option<Open>>,
}

/// A stream of a blob from some place on.
struct Open {
    reader: ReadableStreamByobReader,
    /// What passes between the browser and here, over and over.
    buffer: ArrayBuffer,
    /// Where the next bytes lie in the blob.
    at: u64,
}

impl File {
    async fn read(self: Rc<Self>, range: Range<u64>) -> Result<Vec<u8>, String> {
        if range.end - range.start <= FEW {
            return self.slice(range).await;
        }
        // A range that is asked for meanwhile finds none and opens its own.
        let before = self.open.take();
        let open = match before {
            Some(open) if (open.at..=open.at + SKIP).contains(&range.start) => Some(open),
            before => {
                if let Some(open) = before {
                    // It is given up: whether it still worked does not matter.
                    let _ = open.reader.cancel();
                }
                self.open_at(range.start)?
            }
        };
        // Older Safari has no such reader.
        let Some(mut open) = open else { return self.slice(range).await };
        open.skip(range.start - open.at).await?;
        let bytes = open.read((range.end - range.start) as usize).await?;
        self.open.replace(Some(open));
        Ok(bytes)
    }

    /// A range that is read alone. Its buffer is left to the garbage collector, which comes too late for large ones: a
    /// network of half a gigabyte would take as much again.
    async fn slice(&self, range: Range<u64>) -> Result<Vec<u8>, String> {
        let buffer = JsFuture::from(self.part(range)?.array_buffer()).await.map_err(text)?;
        Ok(Uint8Array::new(&buffer).to_vec())
    }

    fn open_at(&self, at: u64) -> Result<Option<Open>, String> {
        let options = ReadableStreamGetReaderOptions::new();
        options.set_mode(ReadableStreamReaderMode::Byob);
        let stream = self.part(at..self.blob.size() as u64)?.stream().unchecked_into::<Stream>();
        let open = |reader| Open { reader, buffer: ArrayBuffer::new(CHUNK), at };
        Ok(stream.get_reader(&options).ok().map(open))
    }

    fn part(&self, range: Range<u64>) -> Result<Blob, String> {
        self.blob.slice_with_f64_and_f64(range.start as f64, range.end as f64).map_err(text)
    }
}

impl Open {
    async fn read(&mut self, count: usize) -> Result<Vec<u8>, String> {
        let mut bytes = Vec::with_capacity(count);
        while bytes.len() < count {
            let chunk = self.chunk(count - bytes.len()).await?;
            let (before, more) = (bytes.len(), chunk.length() as usize);
            chunk.copy_to_uninit(&mut bytes.spare_capacity_mut()[..more]);
            // As many were just written.
            unsafe { bytes.set_len(before + more) };
        }
        Ok(bytes)
    }

    async fn skip(&mut self, mut count: u64) -> Result<(), String> {
        while count > 0 {
            count -= u64::from(self.chunk(count as usize).await?.length());
        }
        Ok(())
    }

    /// The next bytes, `most` of them at most, which lie in the buffer until more are asked for.
    async fn chunk(&mut self, most: usize) -> Result<Uint8Array, String> {
        let view = Uint8Array::new_with_byte_offset_and_length(&self.buffer, 0, CHUNK.min(most as u32));
        let read = JsFuture::from(self.reader.read_with_array_buffer_view(&view)).await.map_err(text)?;
        let chunk = field(&read, "value").and_then(|value| value.dyn_into::<Uint8Array>().ok());
        let chunk = chunk.filter(|chunk| (1..=most as u32).contains(&chunk.length()));
        let chunk = chunk.ok_or("the file ends early")?;
        // Reading takes the buffer away and hands it back.
        self.buffer = chunk.buffer();
        self.at += u64::from(chunk.length());
        Ok(chunk)
    }
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

fn text(error: JsValue) -> String {
    let message = error.dyn_ref::<js_sys::Error>().map(|error| String::from(error.message()));
    message.unwrap_or_else(|| "the browser does not say why".into())
}
