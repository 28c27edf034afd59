//! Claims about training a head, on made-up features that need no network.

use headstart::random::Random;
use headstart::transfer::optimizer::Method;
use headstart::transfer::{EpochReport, Evaluation, Example, Examples, Head, Settings, Training};

const FEATURES: usize = 40;

/// Examples scattered around one random centre per class: `(class, examples, recordings)` each.
/// `spread` is the distance of the examples from their centre relative to that of the centres from each other.
fn cloud(classes: &[(&str, usize, usize)], spread: f32, seed: u64) -> Examples {
    let mut random = Random::new(seed, 0);
    let mut examples = Examples::new();
    for &(class, count, recordings) in classes {
        let centre: Vec<f32> = (0..FEATURES).map(|_| random.uniform(0.0, 1.0)).collect();
        for i in 0..count {
            let features = centre.iter().map(|c| c + spread * random.uniform(-1.0, 1.0)).collect();
            let burst = format!("{class} {}", i * recordings / count);
            let example = Example { id: format!("{class}-{i}"), class: class.into(), burst, features };
            examples.insert(example).expect("a sound example");
        }
    }
    examples
}

fn settings(classes: &[&str]) -> Settings {
    Settings { classes: classes.iter().map(|class| class.to_string()).collect(), ..Settings::default() }
}

fn train(examples: &Examples, settings: Settings) -> (Vec<EpochReport>, Head, Evaluation) {
    let mut training = Training::new(examples, settings).expect("sound settings");
    let mut reports = vec![training.epoch()];
    while !reports[reports.len() - 1].done {
        reports.push(training.epoch());
    }
    let (head, evaluation) = training.finish();
    (reports, head, evaluation)
}

fn last(reports: &[EpochReport]) -> &EpochReport {
    reports.last().expect("at least one epoch")
}

#[test]
fn separable_classes_are_learned_without_a_mistake() {
    let examples = cloud(&[("a", 40, 8), ("b", 40, 8), ("c", 40, 8)], 0.3, 1);
    for (hidden, optimizer) in [(0, Method::Adam), (32, Method::Adam), (0, Method::Sgd), (32, Method::Sgd)] {
        let learning_rate = if optimizer == Method::Sgd { 0.05 } else { 0.003 };
        let chosen = Settings { hidden, optimizer, learning_rate, ..settings(&["a", "b", "c"]) };
        let (reports, _, evaluation) = train(&examples, chosen);
        let end = last(&reports);
        let found = (end.accuracy, end.validation_accuracy, evaluation.accuracy);
        assert_eq!(found, (1.0, Some(1.0), Some(1.0)), "hidden {hidden}, {optimizer:?}: {end:?}");
        assert_eq!((end.epoch, end.epochs, reports.len()), (50, 50, 50));
        assert!(end.loss < reports[0].loss / 4.0, "{} to {}", reports[0].loss, end.loss);
    }
}

#[test]
fn classes_that_no_line_separates_need_the_hidden_layer() {
    let mut random = Random::new(3, 0);
    let mut examples = Examples::new();
    for i in 0..200 {
        let [x, y] = [random.uniform(-1.0, 1.0), random.uniform(-1.0, 1.0)];
        let class = if x * y > 0.0 { "same sign" } else { "other sign" };
        let id = i.to_string();
        examples
            .insert(Example { burst: id.clone(), id, class: class.into(), features: vec![x, y] })
            .expect("a sound example");
    }
    let accuracy = |hidden| {
        let chosen = Settings { hidden, learning_rate: 0.02, ..settings(&["same sign", "other sign"]) };
        train(&examples, chosen).2.accuracy.expect("a validation share")
    };
    let (linear, hidden) = (accuracy(0), accuracy(16));
    assert!(linear < 0.75 && hidden > 0.9, "linear {linear}, hidden {hidden}");
}

#[test]
fn the_same_seed_gives_the_same_curve_and_head_bit_for_bit() {
    let examples = cloud(&[("a", 30, 5), ("b", 30, 5)], 0.8, 2);
    for hidden in [0, 16] {
        let run = |seed| train(&examples, Settings { hidden, seed, epochs: 8, ..settings(&["a", "b"]) });
        let ((curve, head, _), (again, same_head, _), (other, _, _)) = (run(5), run(5), run(6));
        assert_eq!(curve, again);
        assert_eq!(head, same_head);
        assert_ne!(curve, other);
    }
}

#[test]
fn shuffled_labels_cannot_be_predicted() {
    let mut random = Random::new(9, 0);
    let mut examples = Examples::new();
    for i in 0..400 {
        let class = ["a", "b", "c", "d"][random.below(4)].to_string();
        let features = (0..FEATURES).map(|_| random.uniform(0.0, 1.0)).collect();
        let id = i.to_string();
        examples.insert(Example { burst: id.clone(), id, class, features }).expect("a sound example");
    }
    let chosen = Settings { validation_share: 0.5, ..settings(&["a", "b", "c", "d"]) };
    let accuracy = train(&examples, chosen).2.accuracy.expect("a validation share");
    assert!((accuracy - 0.25).abs() < 0.1, "{accuracy} instead of chance");
}

#[test]
fn a_rare_class_counts_as_much_as_a_frequent_one() {
    let examples = cloud(&[("frequent", 800, 800), ("rare", 100, 100)], 2.5, 4);
    let chosen = Settings { validation_share: 0.5, ..settings(&["frequent", "rare"]) };
    let (_, _, evaluation) = train(&examples, chosen);
    let [frequent, rare] = [0, 1].map(|class| evaluation.per_class[class].expect("half of its examples"));
    assert!((frequent - rare).abs() < 0.2 && rare > 0.65, "{:?}", evaluation.confusion);
}

#[test]
fn no_recording_is_on_both_sides_and_every_class_is_on_both() {
    for seed in 0..20 {
        let classes = [("a", 60, 6), ("b", 33, 11), ("c", 200, 9)];
        let examples = cloud(&classes, 0.3, seed);
        let chosen = Settings { seed, epochs: 1, ..settings(&["a", "b", "c"]) };
        let start = Training::new(&examples, chosen.clone()).expect("sound settings").start();
        let (_, _, evaluation) = train(&examples, chosen);
        assert_eq!((start.training + start.validation, start.note), (293, None), "seed {seed}");
        let burst = |id: &str| examples.get(id).expect("a known id").burst.clone();
        let held: Vec<String> = evaluation.validation.iter().map(|checked| burst(&checked.id)).collect();
        for example in examples.iter() {
            let checked = evaluation.validation.iter().any(|checked| checked.id == example.id);
            assert_eq!(held.contains(&example.burst), checked, "{} with seed {seed}", example.burst);
        }
        for (row, (class, count, _)) in evaluation.confusion.iter().zip(classes) {
            let share = row.iter().sum::<usize>() as f64 / count as f64;
            assert!((0.1..=0.3).contains(&share), "{class}: {share} with seed {seed}");
        }
    }
}

#[test]
fn one_recording_per_class_is_divided_in_time_and_the_learner_is_told() {
    let examples = cloud(&[("a", 20, 1), ("b", 20, 1)], 0.3, 1);
    let mut training = Training::new(&examples, settings(&["a", "b"])).expect("sound settings");
    let start = training.start();
    assert_eq!((start.training, start.validation), (32, 8));
    assert!(start.note.expect("a note").starts_with("All classes have a single recording"));
    training.epoch();
    let ids: Vec<String> = training.finish().1.validation.into_iter().map(|checked| checked.id).collect();
    assert_eq!(ids, ["a-16", "a-17", "a-18", "a-19", "b-16", "b-17", "b-18", "b-19"]);
}

#[test]
fn a_class_of_one_example_is_learned_from_but_not_measured() {
    let examples = cloud(&[("many", 30, 10), ("one", 1, 1)], 0.2, 1);
    let (reports, head, evaluation) = train(&examples, settings(&["many", "one"]));
    assert_eq!(evaluation.per_class, [Some(1.0), None]);
    assert_eq!(last(&reports).accuracy, 1.0);
    let only = examples.get("one-0").expect("the only one");
    assert!(head.predict(&only.features)[1] > 0.5);
}

#[test]
fn without_a_validation_share_nothing_is_claimed() {
    let examples = cloud(&[("a", 10, 2), ("b", 10, 2)], 0.3, 1);
    let (reports, _, evaluation) =
        train(&examples, Settings { validation_share: 0.0, ..settings(&["a", "b"]) });
    let end = last(&reports);
    assert_eq!((end.validation_loss, end.validation_accuracy, evaluation.accuracy), (None, None, None));
}

#[test]
fn stopping_early_keeps_what_was_learned() {
    let examples = cloud(&[("a", 40, 10), ("b", 40, 10)], 0.5, 1);
    let mut training = Training::new(&examples, settings(&["a", "b"])).expect("sound settings");
    let (untrained, _) = training.finish();
    (0..5).for_each(|_| drop(training.epoch()));
    let (head, evaluation) = training.finish();
    assert_ne!(untrained, head);
    assert_eq!(evaluation.validation.len(), 16);
    let (again, _) = training.finish();
    assert_eq!(head, again, "finishing changes nothing");
    training.epoch();
    assert_ne!(training.finish().0, head, "training goes on afterwards");
}

#[test]
fn the_head_says_on_plain_features_what_training_measured() {
    let examples = cloud(&[("a", 40, 8), ("b", 40, 8), ("c", 40, 8)], 1.5, 1);
    for hidden in [0, 16] {
        let (_, head, evaluation) = train(&examples, Settings { hidden, ..settings(&["a", "b", "c"]) });
        for checked in &evaluation.validation {
            let probabilities = head.predict(&examples.get(&checked.id).expect("a known id").features);
            let class = head.classes().iter().position(|class| *class == checked.predicted);
            let found = probabilities[class.expect("a known class")];
            assert!((found - checked.probability).abs() < 1e-4, "{checked:?} but {probabilities:?}");
            assert!((probabilities.iter().sum::<f32>() - 1.0).abs() < 1e-5);
        }
    }
}

#[test]
fn l2_makes_the_weights_smaller() {
    let examples = cloud(&[("a", 40, 8), ("b", 40, 8)], 0.5, 1);
    for optimizer in [Method::Adam, Method::Sgd] {
        let size = |l2| {
            let chosen = Settings { l2, optimizer, learning_rate: 0.01, ..settings(&["a", "b"]) };
            train(&examples, chosen).1.output.weight.iter().map(|w| w * w).sum::<f32>()
        };
        let (free, light, heavy) = (size(0.0), size(0.01), size(0.1));
        assert!(heavy < light && light < free, "{optimizer:?}: {free}, {light}, {heavy}");
    }
}

#[test]
fn a_learning_rate_far_too_high_ends_with_an_explanation_and_a_sound_head() {
    let examples = cloud(&[("a", 40, 8), ("b", 40, 8)], 0.5, 1);
    let wild = Settings {
        hidden: 16,
        optimizer: Method::Sgd,
        learning_rate: 10.0,
        momentum: 0.99,
        l2: 1.0,
        epochs: 2000,
        ..settings(&["a", "b"])
    };
    let mut training = Training::new(&examples, wild).expect("sound settings");
    let mut report = training.epoch();
    while !report.done {
        report = training.epoch();
    }
    let note = report.note.clone().expect("an explanation");
    assert!(note.contains("learning rate below 10"), "{note}");
    assert!(report.loss.is_finite() && report.epoch < 2000, "{report:?}");
    assert_eq!(training.epoch(), report, "it stays where it ended");
    let (head, _) = training.finish();
    let probabilities = head.predict(&examples.iter().next().expect("an example").features);
    assert!(probabilities.iter().all(|p| p.is_finite()), "{probabilities:?}");
}

#[test]
fn training_that_cannot_start_says_why() {
    let examples = cloud(&[("a", 10, 2), ("b", 10, 2)], 0.5, 1);
    let bad: [(Settings, &str); 4] = [
        (settings(&["a"]), "at least two classes, got 1"),
        (settings(&["a", "b", "c"]), "1 of the 3 classes has no examples"),
        (settings(&["a", "c", "d"]), "2 of the 3 classes have no examples"),
        (Settings { learning_rate: -1.0, ..settings(&["a", "b"]) }, "learning rate must be above 0"),
    ];
    for (settings, part) in bad {
        let sentence = Training::new(&examples, settings).expect_err(part).to_string();
        assert!(sentence.contains(part), "{sentence:?} does not say {part:?}");
    }
}

#[test]
fn classes_left_out_of_the_settings_are_left_out_of_the_training() {
    let examples = cloud(&[("a", 10, 5), ("b", 10, 5), ("unused", 50, 5)], 0.3, 1);
    let training = Training::new(&examples, settings(&["b", "a"])).expect("sound settings");
    assert_eq!(training.start().training + training.start().validation, 20);
    assert_eq!(training.finish().0.classes(), ["b", "a"]);
}
