//! The whole point, on real photos: EfficientNet-Lite0's features and our head against the reference's logistic
//! regression, with its splits (`reference.json` beside the photos defines the protocol).
//!
//! The photos are looked for in `../shared/data`, or in the folder that HEADSTART_DATA names.

mod common;

use std::fs;
use std::path::Path;

use common::data;
use headstart::exec::cpu::Cpu;
use headstart::graph::{Graph, Param};
use headstart::image::preprocess;
use headstart::models;
use headstart::plan::Plan;
use headstart::transfer::{Example, Settings, probe};
use headstart::weights::convert::{Precision, convert};
use headstart::weights::{Checkpoint, Parameters};
use pollster::block_on;
use serde::Deserialize;
use serde_json::Value;

const SEEDS: u32 = 5;

/// Points of accuracy that our head may be worse than the reference.
const TOLERANCE: f64 = 0.015;

#[derive(Deserialize)]
struct Index {
    classes: Vec<String>,
    /// File, class, file it was copied from.
    images: Vec<(String, usize, String)>,
}

#[test]
fn a_head_on_a_few_photos_is_as_good_as_the_reference_probe() {
    hold_against_the_reference("as bundled", &bundled());
}

#[test]
fn so_is_a_head_on_weights_of_eight_bits() {
    let (bundled, graph) = (bundled(), graph());
    let file = Path::new(env!("CARGO_TARGET_TMPDIR")).join("lite0.int8.safetensors");
    let note = "efficientnet_lite0 whole";
    block_on(convert(&bundled, &graph, Precision::Int8, note, &file, u64::MAX)).expect("there is room");
    hold_against_the_reference("in eight bits", &read(&file));
}

fn hold_against_the_reference(weights: &str, parameters: &Parameters) {
    let Some(folder) = data::optional("transfer/hand-signs") else { return };
    let index = fs::read(folder.join("index.json")).expect("the index lies beside the photos");
    let index: Index = serde_json::from_slice(&index).expect("a readable index");
    let reference = fs::read(folder.join("reference.json")).expect("the reference lies beside the photos");
    let reference: Value = serde_json::from_slice(&reference).expect("a readable reference");
    let examples = examples(parameters, &folder, &index);

    for per_class in [10, 40] {
        let at = format!("/train_images_per_class/{per_class}/lite0 + logistic regression/mean");
        let expected = reference.pointer(&at).and_then(Value::as_f64).expect("the reference's mean");
        for hidden in [0, 100] {
            let accuracies: Vec<f64> =
                (0..SEEDS).map(|seed| accuracy(&examples, &index, per_class, hidden, seed)).collect();
            let mean = accuracies.iter().sum::<f64>() / f64::from(SEEDS);
            println!(
                "{weights}, {per_class} per class, {hidden} hidden: {mean:.4} {accuracies:.4?}, reference {expected:.4}"
            );
            assert!(
                mean >= expected - TOLERANCE,
                "{weights}, {per_class} per class: {mean:.4}, reference {expected:.4}"
            );
        }
    }
}

/// Accuracy with the default settings on the reference's split number `seed`.
fn accuracy(examples: &[Example], index: &Index, per_class: usize, hidden: usize, seed: u32) -> f64 {
    let mut numpy = NumpyRandom::new(seed);
    let (mut training, mut test) = (Vec::new(), Vec::new());
    for class in &index.classes {
        let members: Vec<&Example> = examples.iter().filter(|example| example.class == *class).collect();
        let order = numpy.permutation(members.len());
        let (first, others) = order.split_at(per_class);
        training.extend(first.iter().map(|&i| members[i]));
        test.extend(others.iter().map(|&i| members[i]));
    }
    let classes = index.classes.clone();
    let settings = Settings { classes, hidden, seed: u64::from(seed), ..Settings::default() };
    probe(&training, &test, &settings).expect("sound settings")
}

fn graph() -> Graph {
    models::find("efficientnet_lite0").expect("in the catalogue").published(1).expect("a possible network")
}

fn bundled() -> Parameters {
    let spec = models::find("efficientnet_lite0").expect("in the catalogue");
    let file = spec.weights.expect("pretrained weights").file;
    read(&Path::new(env!("CARGO_MANIFEST_DIR")).join("www").join(file))
}

fn read(file: &Path) -> Parameters {
    let checkpoint = Checkpoint::read(fs::read(file).expect("a file of weights")).expect("a readable one");
    Parameters::from_checkpoint(checkpoint, &graph(), false, 0).expect("fitting weights")
}

/// The features of every photo.
fn examples(parameters: &Parameters, folder: &Path, index: &Index) -> Vec<Example> {
    let (graph, input) = (graph(), models::find("efficientnet_lite0").expect("in the catalogue").input);
    let plan = Plan::new(&graph, &[graph.taps.features.expect("an embedding")]);
    let lookup = async |param: &Param| Ok(parameters.values(param).await.expect("the file can be read"));
    let mut program = block_on(Cpu::new().prepare(plan, &lookup)).expect("a plan the CPU can run");
    let example = |(file, class, _): &(String, usize, String)| {
        let photo = image::open(folder.join(file)).expect("a readable photo").into_rgba8();
        let (width, height) = photo.dimensions();
        let x = preprocess(&photo, width as usize, height as usize, &input).expect("a sound photo");
        let features = program.run(&[&x]).expect("an input of the right size").remove(0);
        let class = index.classes[*class].clone();
        Example { id: file.clone(), class, burst: file.clone(), features }
    };
    index.images.iter().map(example).collect()
}

/// `numpy.random.RandomState`: the Mersenne Twister of Matsumoto and Nishimura 1998, and numpy's way to shuffle.
struct NumpyRandom {
    state: [u32; 624],
    next: usize,
}

impl NumpyRandom {
    fn new(seed: u32) -> Self {
        let mut state = [seed; 624];
        for i in 1..624 {
            let before = state[i - 1] ^ state[i - 1] >> 30;
            state[i] = before.wrapping_mul(1_812_433_253).wrapping_add(i as u32);
        }
        Self { state, next: 624 }
    }

    fn next_u32(&mut self) -> u32 {
        if self.next == 624 {
            for i in 0..624 {
                let joined = self.state[i] & 0x8000_0000 | self.state[(i + 1) % 624] & 0x7fff_ffff;
                let twist = if joined & 1 == 1 { 0x9908_b0df } else { 0 };
                self.state[i] = self.state[(i + 397) % 624] ^ joined >> 1 ^ twist;
            }
            self.next = 0;
        }
        let mut y = self.state[self.next];
        self.next += 1;
        y ^= y >> 11;
        y ^= y << 7 & 0x9d2c_5680;
        y ^= y << 15 & 0xefc6_0000;
        y ^ y >> 18
    }

    /// The numbers below `n` in a random order.
    fn permutation(&mut self, n: usize) -> Vec<usize> {
        let mut order: Vec<usize> = (0..n).collect();
        for last in (1..n).rev() {
            let mask = (last + 1).next_power_of_two() - 1;
            let drawn =
                std::iter::repeat_with(|| self.next_u32() as usize & mask).find(|drawn| *drawn <= last);
            order.swap(last, drawn.expect("an endless sequence"));
        }
        order
    }
}

#[test]
fn numpys_permutations_are_reproduced() {
    // numpy.random.RandomState(seed).permutation(80)[:6]
    let expected = [[50, 27, 30, 77, 45, 71], [63, 27, 31, 69, 46, 47], [25, 30, 29, 77, 74, 57]];
    for (seed, expected) in (0..).zip(expected) {
        assert_eq!(NumpyRandom::new(seed).permutation(80)[..6], expected, "seed {seed}");
    }
}
