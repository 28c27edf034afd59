//! Files that somebody made to do harm, or that something cut short: each is answered with an error, without a panic
//! and without memory beyond a small multiple of what was sent. Memory is counted by the allocator of this program,
//! so nothing else is tested in it.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::fs;
use std::path::Path;

use headstart::weights::{Checkpoint, WeightsError};
use pollster::block_on;
use safetensors::tensor::{Dtype, TensorView, serialize};

/// What reading any file may cost, and beside it every byte of the file: a one-byte operation of a pickle makes a tuple.
const MEBIBYTE: usize = 1 << 20;
const PER_BYTE: usize = 100;

thread_local! {
    static HELD: Cell<usize> = const { Cell::new(0) };
    static PEAK: Cell<usize> = const { Cell::new(0) };
}

/// The system's allocator, with a count for each thread, for tests run side by side.
struct Counting;

// SAFETY: every request is the system allocator's, unchanged.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let _ = HELD.try_with(|held| {
            held.set(held.get().saturating_add(layout.size()));
            let _ = PEAK.try_with(|peak| peak.set(peak.get().max(held.get())));
        });
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        let _ = HELD.try_with(|held| held.set(held.get().saturating_sub(layout.size())));
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// The result of reading a file and every value in it, and the bytes that were held at once on the way.
fn read(bytes: &[u8]) -> (Result<(), WeightsError>, usize) {
    let copy = bytes.to_vec();
    let before = HELD.with(Cell::get);
    PEAK.with(|peak| peak.set(before));
    let result = Checkpoint::read(copy).and_then(|checkpoint| {
        checkpoint.names().try_for_each(|(name, _)| block_on(checkpoint.values(name)).map(drop))
    });
    (result, PEAK.with(Cell::get) - before)
}

/// The sentence with which a file is refused.
#[track_caller]
fn refusal(name: &str, bytes: &[u8]) -> String {
    let (result, held) = read(bytes);
    assert!(held < MEBIBYTE + PER_BYTE * bytes.len(), "{name}: {held} bytes for a file of {}", bytes.len());
    let sentence = result.expect_err(name).to_string();
    assert!(!sentence.contains('\n'), "{name}: {sentence}");
    sentence
}

/// The files that libraries wrote for us.
fn written() -> Vec<(String, Vec<u8>)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/weights");
    let files =
        fs::read_dir(folder).expect("the folder is in the repository").map(|entry| entry.unwrap().path());
    let mut files: Vec<_> = files
        .filter(|path| path.extension().is_some_and(|ending| ending != "py" && ending != "json"))
        .map(|path| {
            (
                path.file_name().unwrap().to_string_lossy().into_owned(),
                fs::read(path).expect("a readable file"),
            )
        })
        .collect();
    files.sort();
    assert!(files.len() > 20, "{} files", files.len());
    files
}

/// A pickle in the legacy layout, after the magic number, the protocol and a note of the machine.
fn legacy(object: &[u8]) -> Vec<u8> {
    let magic = b"\x80\x02\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19.";
    [magic, &b"\x80\x02M\xe9\x03."[..], b"\x80\x02}.", object, b"\x80\x02]."].concat()
}

#[test]
fn every_file_cut_anywhere_is_an_error() {
    for (name, bytes) in written() {
        for length in (0..bytes.len()).step_by(64) {
            refusal(&format!("{name} up to {length}"), &bytes[..length]);
        }
    }
}

#[test]
fn every_byte_of_every_file_may_be_another() {
    for (name, mut bytes) in written() {
        for at in (0..bytes.len()).step_by(3) {
            let original = bytes[at];
            for other in [0, 0x7f, 0xff, original ^ 0x20] {
                bytes[at] = other;
                let held = read(&bytes).1;
                assert!(held < MEBIBYTE, "{name}: {held} bytes with {other} at {at}");
            }
            bytes[at] = original;
        }
    }
}

#[test]
fn lengths_beyond_the_file_allocate_nothing() {
    let mut safetensors = (1u64 << 63).to_le_bytes().to_vec();
    safetensors.extend(b"{}");
    refusal("a header of 2^63 bytes", &safetensors);
    let mut header =
        br#"{"a":{"dtype":"F32","shape":[2305843009213693952],"data_offsets":[0,9223372036854775808]}}"#
            .to_vec();
    let mut bytes = (header.len() as u64).to_le_bytes().to_vec();
    bytes.append(&mut header);
    refusal("a tensor of 2^63 bytes", &bytes);
    // A graph of 2^63 - 1 bytes after the version.
    refusal("an ONNX graph", b"\x08\x08\x12\x01x\x3a\xff\xff\xff\xff\xff\xff\xff\xff\x7f");
    refusal("a string of 2^63 bytes", &legacy(b"\x80\x04\x8d\x00\x00\x00\x00\x00\x00\x00\x80."));
    refusal("a long of 2^31 bytes", &legacy(b"\x80\x02\x8b\xff\xff\xff\x7f."));
}

#[test]
fn tensors_that_share_bytes_are_refused() {
    let header = r#"{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"b":{"dtype":"F32","shape":[2],"data_offsets":[4,12]}}"#;
    let mut bytes = (header.len() as u64).to_le_bytes().to_vec();
    bytes.extend(header.bytes());
    bytes.extend([0; 12]);
    refusal("safetensors", &bytes);
    let mut zip = fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/weights/zip.pth")).unwrap();
    // The directory says of every entry where its header is; the second storage's is said to be the first's.
    let entries: Vec<usize> = (0..zip.len() - 4).filter(|&at| zip[at..].starts_with(b"PK\x01\x02")).collect();
    let storage = |key: &str| {
        let named = |at: &&usize| zip[**at + 46..].starts_with(format!("zip/data/{key}").as_bytes());
        *entries.iter().find(named).expect("a storage of that number")
    };
    let (first, second) = (storage("1"), storage("2"));
    zip.copy_within(first + 42..first + 46, second + 42);
    let found = refusal("zip", &zip);
    assert!(found.contains("two of its storages overlap"), "{found}");
}

#[test]
fn pickles_that_nest_or_grow_without_end_are_refused() {
    let nested = |operation: &[u8], count: usize| {
        legacy(&[b"\x80\x02", operation.repeat(count).as_slice(), b"."].concat())
    };
    refusal("tuples in tuples", &nested(b"\x85", 1));
    refusal("marks", &nested(b"(", 10_000));
    let mut deep = b"\x80\x02N".to_vec();
    deep.extend(b"\x85".repeat(20_000));
    deep.push(b'.');
    refusal("20,000 tuples, one in another", &legacy(&deep));
    // Each list holds the one before twice: with 64 of them, 2^64 items for a program that would copy.
    let mut doubling = b"\x80\x02]q\x00".to_vec();
    for i in 1..64u8 {
        doubling.extend([b']', b'q', i, b'(', b'h', i - 1, b'h', i - 1, b'e']);
    }
    doubling.push(b'.');
    refusal("lists of lists", &legacy(&doubling));
    // A list that holds itself.
    refusal("a cycle", &legacy(b"\x80\x02]q\x00h\x00a."));
    // A dictionary that wraps itself.
    refusal("a wrapper in itself", &legacy(b"\x80\x02}q\x00X\x0a\x00\x00\x00state_dicth\x00s."));
}

#[test]
fn a_pickle_of_too_many_values_ends_early() {
    let bytes = legacy(&[b"\x80\x02", b"N".repeat(4 << 20).as_slice(), b"."].concat());
    let (result, held) = read(&bytes);
    let sentence = result.expect_err("four million values").to_string();
    assert!(sentence.contains("more than 524288 values"), "{sentence}");
    assert!(held < 16 * bytes.len(), "{held} bytes for a file of {}", bytes.len());
}

#[test]
fn values_that_are_no_numbers_are_named() {
    for (value, shown) in [(f32::NAN, "NaN"), (f32::INFINITY, "inf"), (f32::NEG_INFINITY, "-inf")] {
        let bytes: Vec<u8> = [1.0, value].iter().flat_map(|v| v.to_le_bytes()).collect();
        let view = TensorView::new(Dtype::F32, vec![2], &bytes).expect("two values");
        let file = serialize([("layer1.weight", view)], None).expect("can be written");
        let expected = format!(
            "layer1.weight: value 1 is {shown}, so the weights are damaged; download them again or choose others"
        );
        assert_eq!(refusal("safetensors", &file), expected);
    }
}
