//! The reader of safetensors files, with its scales of whole numbers.
#![no_main]

use headstart::weights::Format;
use libfuzzer_sys::{Corpus, fuzz_target};

fuzz_target!(|bytes: &[u8]| -> Corpus {
    if headstart_fuzz::read(bytes, Format::Safetensors) { Corpus::Keep } else { Corpus::Reject }
});
