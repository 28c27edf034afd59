//! The reader of ONNX files.
#![no_main]

use headstart::weights::Format;
use libfuzzer_sys::{Corpus, fuzz_target};

fuzz_target!(|bytes: &[u8]| -> Corpus {
    if headstart_fuzz::read(bytes, Format::Onnx) { Corpus::Keep } else { Corpus::Reject }
});
