//! The reader of PyTorch's layout before 1.6.
#![no_main]

use headstart::weights::Format;
use libfuzzer_sys::{Corpus, fuzz_target};

fuzz_target!(|bytes: &[u8]| -> Corpus {
    if headstart_fuzz::read(bytes, Format::Legacy) { Corpus::Keep } else { Corpus::Reject }
});
