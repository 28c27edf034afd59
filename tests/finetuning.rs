//! Claims about fine-tuning a loaded network on examples, on made-up pictures.

use headstart::augment::Augmentation;
use headstart::augment::device::{frame, framed};
use headstart::exec::Backend;
use headstart::exec::cpu::Cpu;
use headstart::exec::gpu::Gpu;
use headstart::finetune::{Checkpoint, Course, FineTuning, Labels, Room, Settings, Tuned, cost};
use headstart::models;
use headstart::network::{LoadOptions, Network};
use headstart::random::Random;
use headstart::shape::Shape;
use headstart::tensor::Tensor;
use headstart::transfer::{self, EpochReport, Evaluation};
use pollster::block_on;

/// Pictures of two classes: bright above, or bright below, in noise.
fn pictures(network: &Network, each: usize) -> Vec<(Labels, Vec<f32>)> {
    let mut random = Random::new(11, 0);
    let len = network.input.len();
    let picture = |i: usize| {
        let below = i % 2 == 1;
        let value = |at: usize| {
            let bright = ((at % (len / network.input.channels)) * 2 >= len / network.input.channels) == below;
            random.uniform(-1.0, 1.0) + if bright { 0.8 } else { 0.0 }
        };
        let x = (0..len).map(value).collect();
        let class = if below { "below" } else { "above" };
        (Labels { id: format!("{i}"), class: class.into(), burst: format!("{i}") }, x)
    };
    (0..2 * each).map(picture).collect()
}

fn network(id: &str, trunk: bool) -> Network {
    let (height, width) = if id == "lenet5" { (None, None) } else { (Some(32), Some(32)) };
    let options = LoadOptions { seed: 5, trunk, height, width, ..LoadOptions::default() };
    block_on(Network::new(models::find(id).expect("a known network"), None, options)).expect("it builds")
}

fn settings(cut: &str, epochs: usize, learning_rate: f64) -> Settings {
    let classes = ["above", "below"].map(String::from).to_vec();
    let training =
        transfer::Settings { classes, epochs, learning_rate, batch_size: 8, ..transfer::Settings::default() };
    Settings { training, cut: cut.into(), ..Settings::default() }
}

fn prepared(network: &Network, settings: &Settings, backend: &Backend, each: usize) -> FineTuning {
    let mut tuning =
        block_on(FineTuning::new(network, settings, backend, &|_, _, _| {})).expect("a legal cut");
    for (labels, x) in pictures(network, each) {
        block_on(tuning.add(labels, &x)).expect("a sound picture");
    }
    tuning
}

/// Learns to the end of the epoch.
fn epoch(tuning: &mut FineTuning, backend: &Backend) -> EpochReport {
    loop {
        if let Some(report) = block_on(tuning.step(backend)).expect("a step").report {
            return report;
        }
    }
}

fn trained(network: &Network, settings: &Settings, backend: &Backend) -> (EpochReport, Vec<u8>, Evaluation) {
    let mut tuning = prepared(network, settings, backend, 20);
    block_on(tuning.begin(settings.clone(), backend)).expect("a run");
    let mut last = epoch(&mut tuning, backend);
    while !last.done {
        last = epoch(&mut tuning, backend);
    }
    let (bytes, evaluation) = block_on(tuning.finish(backend)).expect("an end");
    (last, bytes, evaluation)
}

#[test]
fn a_run_of_other_settings_than_were_made_ready_is_refused() {
    let backend = Backend::Cpu(Cpu::new());
    let ready = settings("conv2", 1, 0.001);
    let mut tuning = prepared(&network("lenet5", false), &ready, &backend, 4);
    let mut begin = |settings: Settings| block_on(tuning.begin(settings, &backend)).err();
    let fewer = transfer::Settings { classes: vec!["above".into()], ..ready.training.clone() };
    for other in [
        Settings { fresh: true, ..ready.clone() },
        settings("image", 1, 0.001),
        Settings { training: fewer, ..ready.clone() },
    ] {
        let error = begin(other).expect("other settings").to_string();
        assert!(error.contains("made ready for training 2 classes from conv2"), "{error}");
    }
    assert!(begin(ready).is_none());
}

#[test]
fn every_cut_of_a_network_learns_and_predicts_what_it_was_checked_to() {
    let backend = Backend::Cpu(Cpu::new());
    let cases = [
        ("lenet5", false, "image", false),
        ("lenet5", false, "image", true),
        ("lenet5", false, "features", false),
        ("resnet20", false, "layer2", false),
        ("resnet20", true, "layer3", true),
    ];
    for (id, trunk, cut, fresh) in cases {
        let network = network(id, trunk);
        let settings = Settings { fresh, ..settings(cut, 12, 0.002) };
        let (last, bytes, evaluation) = trained(&network, &settings, &backend);
        assert_eq!(last.epoch, 12);
        assert!(last.accuracy > 0.9, "{id} from {cut}: {last:?}");
        assert_eq!(last.validation_accuracy, evaluation.accuracy, "{id} from {cut}");
        let file = Checkpoint::from_bytes(&bytes, &network.fingerprint).expect("a file");
        let mut tuned = block_on(Tuned::new(file, &network, &backend)).expect("it fits");
        for checked in &evaluation.validation {
            let (_, x) = pictures(&network, 20).swap_remove(checked.id.parse().expect("a number"));
            let shares = block_on(tuned.predict(&x)).expect("a prediction");
            let of = |class: &str| shares[tuned.classes().iter().position(|c| c == class).expect("a class")];
            let (found, expected) = (of(&checked.predicted), checked.probability);
            assert!((found - expected).abs() < 1e-4, "{id} from {cut}: {found} for {expected}");
        }
    }
}

#[test]
fn a_run_that_was_broken_off_goes_on_bit_for_bit() {
    let backend = Backend::Cpu(Cpu::new());
    let network = network("lenet5", false);
    let plain = settings("conv2", 4, 0.001);
    let everything = Settings { schedule: Course::OneCycle, average: 0.7, clip_norm: 1.0, ..plain.clone() };
    for settings in [plain, everything] {
        goes_on(&network, &settings, &backend);
    }
}

fn goes_on(network: &Network, settings: &Settings, backend: &Backend) {
    let mut whole = prepared(network, settings, backend, 20);
    block_on(whole.begin(settings.clone(), backend)).expect("a run");
    let mut checkpoint = Vec::new();
    for number in 1..=4 {
        epoch(&mut whole, backend);
        if number == 2 {
            checkpoint = whole.checkpoint().expect("a run under way");
        }
    }
    let mut rest = prepared(network, settings, backend, 20);
    let run = block_on(rest.resume(&checkpoint, backend)).expect("a checkpoint of this run");
    assert_eq!(run.history().len(), 2);
    (0..2).for_each(|_| drop(epoch(&mut rest, backend)));
    assert_eq!(rest.run().expect("a run").history(), whole.run().expect("a run").history());
    let read = |bytes: Vec<u8>| Checkpoint::from_bytes(&bytes, &network.fingerprint).expect("a file");
    let [rest, whole] = [rest, whole].map(|tuning| read(tuning.checkpoint().expect("a run")));
    assert!(rest.snapshot == whole.snapshot, "other weights");
}

#[test]
fn the_average_of_the_weights_is_what_is_checked_and_kept() {
    let backend = Backend::Cpu(Cpu::new());
    let network = network("lenet5", false);
    let after = |epochs, average| {
        let settings = Settings { average, ..settings("conv2", epochs, 0.001) };
        let (last, bytes, evaluation) = trained(&network, &settings, &backend);
        assert_eq!(last.validation_accuracy, evaluation.accuracy);
        Checkpoint::from_bytes(&bytes, &network.fingerprint).expect("a file").snapshot.tensors
    };
    let (first, second, average) = (after(1, 0.0), after(2, 0.0), after(2, 0.25));
    for ((first, second), average) in first.iter().zip(&second).zip(&average) {
        let mean = first.values.iter().zip(&second.values).map(|(a, b)| 0.25 * a + 0.75 * b);
        assert!(mean.zip(&average.values).all(|(mean, found)| (mean - found).abs() < 1e-6), "{}", first.name);
    }
    assert_eq!(after(1, 0.9)[0].values, first[0].values, "an average starts at the first epoch");
}

#[test]
fn epochs_learn_from_the_variants_in_turn_and_what_is_held_out_stays() {
    let backend = Backend::Cpu(Cpu::new());
    let network = network("lenet5", false);
    let settings = settings("conv2", 2, 0.001);
    let losses = |variants: &dyn Fn(&[f32]) -> Vec<Vec<f32>>| {
        let mut tuning = prepared(&network, &settings, &backend, 10);
        for (labels, x) in pictures(&network, 10) {
            for varied in variants(&x) {
                block_on(tuning.vary(&labels.id, &varied)).expect("an example that is there");
            }
        }
        let start = block_on(tuning.begin(settings.clone(), &backend)).expect("a run").start();
        assert_eq!((start.training, start.validation), (16, 4));
        [epoch(&mut tuning, &backend).loss, epoch(&mut tuning, &backend).loss]
    };
    let dark = |x: &[f32]| x.iter().map(|value| value - 3.0).collect::<Vec<f32>>();
    let plain = losses(&|_| Vec::new());
    assert_eq!(losses(&|x| vec![x.to_vec()]), plain, "a variant like the picture itself changes nothing");
    assert_eq!(losses(&|x| vec![x.to_vec(), x.to_vec()]), plain);
    assert_ne!(losses(&|x| vec![dark(x)])[0], plain[0]);
    assert_ne!(losses(&|x| vec![x.to_vec(), dark(x)]), losses(&|x| vec![dark(x)]));
    let mut tuning = prepared(&network, &settings, &backend, 1);
    let sentence = block_on(tuning.vary("nobody", &[0.0])).expect_err("no such example").to_string();
    assert!(sentence.contains("no example nobody"), "{sentence}");
}

#[test]
fn numbers_beyond_all_bounds_end_a_run_with_its_last_good_weights() {
    let backend = Backend::Cpu(Cpu::new());
    let network = network("resnet20", false);
    let settings = Settings {
        training: transfer::Settings {
            optimizer: transfer::optimizer::Method::Sgd,
            ..settings("layer2", 5, 10.0).training
        },
        ..settings("layer2", 5, 10.0)
    };
    let mut tuning = prepared(&network, &settings, &backend, 20);
    let mut gentle = settings.clone();
    gentle.training.learning_rate = 1e-4;
    block_on(tuning.begin(gentle, &backend)).expect("a run");
    epoch(&mut tuning, &backend);
    let good = tuning.checkpoint().expect("a run");
    let mut file = Checkpoint::from_bytes(&good, &network.fingerprint).expect("a file");
    file.settings.training.learning_rate = 10.0;
    block_on(tuning.resume(&file.to_bytes(), &backend)).expect("a checkpoint");
    let mut last = epoch(&mut tuning, &backend);
    while !last.done {
        last = epoch(&mut tuning, &backend);
    }
    let note = last.note.expect("a reason");
    assert!(note.contains("grew beyond all bounds") && note.contains("below 10"), "{note}");
    let (bytes, _) = block_on(tuning.finish(&backend)).expect("an end");
    let kept = Checkpoint::from_bytes(&bytes, &network.fingerprint).expect("a file");
    let values = kept.snapshot.tensors.iter().flat_map(|kept| &kept.values);
    assert!(values.clone().count() > 1000 && values.clone().all(|value| value.is_finite()));
}

#[test]
fn fewer_examples_of_each_class_leave_the_held_out_ones_as_they_are() {
    let backend = Backend::Cpu(Cpu::new());
    let network = network("lenet5", false);
    let settings = settings("features", 1, 0.001);
    let mut tuning = prepared(&network, &settings, &backend, 20);
    for (per_class, run_seed, expected) in [(None, None, 32), (Some(1), Some(9), 2), (Some(5), Some(3), 10)] {
        let settings = Settings { per_class, run_seed, ..settings.clone() };
        let start = block_on(tuning.begin(settings, &backend)).expect("a run").start();
        assert_eq!((start.training, start.validation), (expected, 8));
    }
}

#[test]
fn a_run_over_the_limits_is_refused_with_what_would_fit() {
    let network = network("resnet20", false);
    let of = |batch_size, cut: &str, memory| {
        let mut settings = settings(cut, 1, 0.001);
        settings.training.batch_size = batch_size;
        cost(&network, &settings, Room { memory, buffer: None, pictures: 0 }).expect("a legal cut")
    };
    let (whole, head) = (of(64, "image", u64::MAX), of(64, "features", u64::MAX));
    assert_eq!((head.trained, head.picture_bytes), (2 * 64 + 2, 4 * 64));
    assert!(whole.trained == whole.parameters - 2 * 7 * (16 + 32 + 64), "{whole:?}");
    assert!(head.bytes * 10 < whole.bytes, "{head:?} {whole:?}");
    let memory = whole.bytes / 3;
    let refused = of(64, "image", memory);
    let sentence = refused.sentence.expect("a refusal");
    let (batch, deepest) = (refused.largest_batch.unwrap(), refused.deepest_cut.unwrap());
    assert!(
        sentence.contains(&format!("batches of {batch} or less, or train only what comes after {deepest}"))
    );
    assert!(of(batch, "image", memory).fits && !of(batch + 1, "image", memory).fits, "{batch}");
    assert!(of(64, &deepest, memory).fits && !refused.fits, "{deepest}");
}

#[test]
fn changed_pictures_are_drawn_from_the_seed_and_learned_from() {
    let backend = Backend::Cpu(Cpu::new());
    let network = network("lenet5", false);
    let (height, width) = (network.input.height, network.input.width);
    let augmentation = vec![
        Augmentation::RandomResizedCrop { scale: [0.6, 1.0], ratio: [0.8, 1.25] },
        Augmentation::Cutout { side: 6 },
    ];
    let run = |cut: &str, seed, augmentation: &[Augmentation]| {
        let mut settings = Settings { augmentation: augmentation.to_vec(), ..settings(cut, 3, 0.002) };
        settings.training.seed = seed;
        let mut tuning = prepared(&network, &settings, &backend, 0);
        for (labels, x) in pictures(&network, 12) {
            let id = labels.id.clone();
            block_on(tuning.add(labels, &x)).expect("a sound picture");
            let pixels = x.iter().map(|v| (127.5 + 60.0 * v).clamp(0.0, 255.0)).collect();
            let picture = framed(Tensor::new(Shape::new(1, 1, height, width), pixels), frame(&network.input));
            block_on(tuning.change(&id, &picture)).expect("an example that is there");
        }
        block_on(tuning.begin(settings.clone(), &backend)).expect("a run");
        (0..3).map(|_| epoch(&mut tuning, &backend)).collect::<Vec<_>>()
    };
    for cut in ["image", "conv2"] {
        let once = run(cut, 1, &augmentation);
        assert_eq!(once, run(cut, 1, &augmentation), "{cut}");
        assert_ne!(once, run(cut, 1, &[]), "{cut}: pictures are as they were");
        assert_ne!(once, run(cut, 2, &augmentation), "{cut}: another seed");
    }
    let settings =
        Settings { augmentation: vec![Augmentation::RandomCrop { padding: 2 }], ..settings("image", 1, 0.1) };
    let refused =
        block_on(FineTuning::new(&network, &settings, &backend, &|_, _, _| {})).err().expect("a refusal");
    assert!(refused.to_string().contains("random_crop is out of place"), "{refused}");
}

#[test]
fn where_computing_again_is_enough_the_refusal_says_so() {
    let network = network("resnet20", false);
    let of = |recompute, memory| {
        let mut settings = Settings { recompute, ..settings("image", 1, 0.001) };
        settings.training.batch_size = 64;
        cost(&network, &settings, Room { memory, buffer: None, pictures: 0 }).expect("a legal cut")
    };
    let [kept, again] = [false, true].map(|recompute| of(recompute, u64::MAX));
    assert_eq!([kept.bytes, again.bytes], [kept.kept_bytes, kept.recomputed_bytes]);
    assert!(again.bytes < kept.bytes - kept.bytes / 8, "{kept:?} {again:?}");
    let refused = of(false, again.bytes);
    let sentence = refused.sentence.expect("a refusal");
    assert!(sentence.contains("save memory by computing again what is cheap"), "{sentence}");
    assert!(of(true, again.bytes).fits);
    let hopeless = of(false, again.bytes / 4).sentence.expect("a refusal");
    assert!(!hopeless.contains("save memory"), "{hopeless}");
}

#[test]
fn the_graphics_card_learns_the_curve_of_the_cpu() {
    let gpu = block_on(Gpu::new(None)).unwrap_or_else(|error| panic!("{error}"));
    println!("on {}", gpu.adapter().name);
    let network = network("lenet5", false);
    let settings = settings("conv2", 2, 0.001);
    let (on_cpu, ..) = trained(&network, &settings, &Backend::Cpu(Cpu::new()));
    let (on_gpu, ..) = trained(&network, &settings, &Backend::Gpu(gpu));
    assert!((on_cpu.loss - on_gpu.loss).abs() < 1e-3, "{on_cpu:?} {on_gpu:?}");
}

#[test]
fn pictures_that_are_kept_count_and_a_batch_is_no_larger_than_all_of_them() {
    let network = network("resnet20", false);
    let of = |batch_size, pictures, memory, augmentation: &[Augmentation]| {
        let mut settings = Settings { augmentation: augmentation.to_vec(), ..settings("image", 1, 0.001) };
        settings.training.batch_size = batch_size;
        cost(&network, &settings, Room { memory, buffer: None, pictures }).expect("a legal cut")
    };
    assert_eq!(of(500, 20, u64::MAX, &[]).bytes, of(20, 20, u64::MAX, &[]).bytes);
    let alone = of(20, 1000, u64::MAX, &[]);
    let with_pictures = alone.bytes + 1000 * alone.picture_bytes;
    assert!(of(20, 1000, with_pictures, &[]).fits && !of(20, 1000, with_pictures - 1, &[]).fits);
    let varied = of(20, 1000, with_pictures, &[Augmentation::Cutout { side: 6 }]);
    assert!(varied.sentence.expect("five times the pictures").contains("MB for the pictures"));
}
