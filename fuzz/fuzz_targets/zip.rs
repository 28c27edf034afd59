//! The reader of PyTorch's zip archives, and of the pickles in them.
#![no_main]

use headstart::weights::Format;
use libfuzzer_sys::{Corpus, fuzz_target};

fuzz_target!(|bytes: &[u8]| -> Corpus {
    if headstart_fuzz::read(bytes, Format::Zip) { Corpus::Keep } else { Corpus::Reject }
});
