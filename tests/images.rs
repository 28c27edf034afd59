//! Preparing pictures gives the bytes Pillow gives: `tests/golden/make_resize.py` holds the other side.

mod common;

use common::hash::{fnv1a, mix};
use headstart::image::{Filter, InputSpec, preprocess};
use serde::Deserialize;

#[derive(Deserialize)]
struct Golden {
    pillow: String,
    cases: Vec<Case>,
}

#[derive(Debug, Deserialize)]
struct Case {
    picture: u32,
    width: usize,
    height: usize,
    alpha: bool,
    resize_short: usize,
    crop: [usize; 2],
    filter: String,
    channels: usize,
    fnv1a: u32,
    first: Vec<u8>,
    last: Vec<u8>,
}

#[test]
fn resized_pictures_have_the_bytes_pillow_gives() {
    let golden: Golden = serde_json::from_str(include_str!("golden/resize.json"))
        .expect("resize.json is as its script writes it");
    assert!(golden.cases.len() >= 30, "only {} cases", golden.cases.len());
    for case in &golden.cases {
        let bytes = prepared(case);
        let ends = (&bytes[..6], &bytes[bytes.len() - 6..]);
        assert_eq!(
            ends,
            (case.first.as_slice(), case.last.as_slice()),
            "Pillow {} on {case:?}",
            golden.pillow
        );
        assert_eq!(fnv1a(&bytes), case.fnv1a, "Pillow {} on {case:?}: a byte in the middle", golden.pillow);
    }
}

/// The prepared picture as interleaved bytes.
fn prepared(case: &Case) -> Vec<u8> {
    let spec = InputSpec {
        channels: case.channels,
        height: case.crop[0],
        width: case.crop[1],
        resize_short: case.resize_short,
        order: headstart::image::Order::Rgb,
        filter: if case.filter == "bicubic" { Filter::Bicubic } else { Filter::Bilinear },
        mean: [0.0; 3],
        std: [1.0; 3],
    };
    let rgba = picture(case.picture, case.width, case.height, case.alpha);
    let planes = preprocess(&rgba, case.width, case.height, &spec).expect("every case is a possible picture");
    let plane = spec.height * spec.width;
    (0..planes.len()).map(|i| planes[i % spec.channels * plane + i / spec.channels] as u8).collect()
}

/// The script's generated picture: noise and gradient in bands, RGBA.
fn picture(k: u32, width: usize, height: usize, alpha: bool) -> Vec<u8> {
    let byte = |i: usize| {
        let (x, y, c) = (i / 4 % width, i / 4 / width, i % 4);
        let noise = (mix((i as u32).wrapping_add(1_000_003 * k)) >> 24) as u8;
        match c {
            3 if alpha => noise,
            3 => 255,
            _ if y / 16 % 2 == 1 => noise,
            _ => (7 * x + 3 * y + 61 * c) as u8,
        }
    };
    (0..width * height * 4).map(byte).collect()
}
