//! Training by recipes: what is learned, what comes again, what goes on, and what is said when it goes wrong.

use std::fs;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use headstart::augment::Augmentation;
use headstart::data::{Batches, DataError, Dataset, Picture};
use headstart::exec::Backend;
use headstart::exec::cpu::Cpu;
use headstart::random::Random;
use headstart::recipe::curve::Point;
use headstart::recipe::{Event, Note, Recipe, Run, RunError, View, evaluate};
use headstart::schedule::Schedule;
use headstart::weights::Checkpoint;

/// Digits of seven bars, as on a pocket calculator, anywhere in the picture and in front of noise.
struct Digits {
    classes: Vec<String>,
    count: usize,
    seed: u64,
    /// Added to every label, which is then wrong.
    off_by: usize,
    /// Whether left and right are exchanged.
    mirrored: bool,
}

const SIDE: usize = 28;

/// Top, upper left, upper right, middle, lower left, lower right, bottom.
const BARS: [[u8; 7]; 10] = [
    [1, 1, 1, 0, 1, 1, 1],
    [0, 0, 1, 0, 0, 1, 0],
    [1, 0, 1, 1, 1, 0, 1],
    [1, 0, 1, 1, 0, 1, 1],
    [0, 1, 1, 1, 0, 1, 0],
    [1, 1, 0, 1, 0, 1, 1],
    [1, 1, 0, 1, 1, 1, 1],
    [1, 0, 1, 0, 0, 1, 0],
    [1, 1, 1, 1, 1, 1, 1],
    [1, 1, 1, 1, 0, 1, 1],
];

/// Row, column, height and width of the bars.
const PLACES: [[usize; 4]; 7] =
    [[0, 0, 2, 10], [0, 0, 9, 2], [0, 8, 9, 2], [8, 0, 2, 10], [8, 0, 10, 2], [8, 8, 10, 2], [16, 0, 2, 10]];

impl Digits {
    fn new(count: usize, seed: u64) -> Self {
        Self {
            classes: (0..10).map(|digit| digit.to_string()).collect(),
            count,
            seed,
            off_by: 0,
            mirrored: false,
        }
    }
}

impl Dataset for Digits {
    fn classes(&self) -> &[String] {
        &self.classes
    }

    fn len(&self) -> usize {
        self.count
    }

    fn label(&self, index: usize) -> usize {
        (index + self.off_by) % 10
    }

    fn picture(&self, index: usize) -> Result<Picture, DataError> {
        let mut random = Random::new(self.seed, index as u64);
        let mut pixels: Vec<u8> = (0..SIDE * SIDE).map(|_| random.below(60) as u8).collect();
        let [down, right] = [3 + random.below(5), 5 + random.below(8)];
        for ([top, left, height, width], _) in
            PLACES.into_iter().zip(BARS[index % 10]).filter(|(_, lit)| *lit == 1)
        {
            for row in 0..height {
                let start = (down + top + row) * SIDE + right + left;
                pixels[start..start + width].fill(200 + random.below(50) as u8);
            }
        }
        if self.mirrored {
            pixels.chunks_mut(SIDE).for_each(<[u8]>::reverse);
        }
        Ok(Picture::new(SIDE, SIDE, 1, pixels))
    }
}

fn recipe(epochs: usize, learning_rate: f64, more: &str) -> Recipe {
    let text = format!(
        r#"
        title = "bars"
        model = "lenet5"
        seed = 3
        epochs = {epochs}
        batch = 20
        {more}
        data = {{ name = "bars", fit = "pad" }}
        optimizer = {{ kind = "sgd", learning_rate = {learning_rate}, momentum = 0.9, weight_decay = 1e-4 }}
        schedule = {{ kind = "one_cycle" }}
        augmentation = [{{ kind = "random_crop", padding = 1 }}]
    "#
    );
    Recipe::parse(&text).expect("a sound recipe")
}

/// A place for one test's files, without those of an earlier run.
fn place(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("recipes").join(name);
    if folder.exists() {
        fs::remove_dir_all(&folder).expect("the folder of an earlier run can be removed");
    }
    fs::create_dir_all(&folder).expect("a folder can be made");
    folder.join("weights.safetensors")
}

/// Trains on 200 digits, stopping after `sitting` epochs.
fn train(recipe: &Recipe, out: &Path, resume: bool, sitting: usize) -> Result<Vec<Point>, RunError> {
    let (training, test) = (Digits::new(200, 1), Digits::new(60, 2));
    let run = Run { recipe, training: &training, test: Some(&test), start: None, teacher: None, out, resume };
    let mut left = sitting;
    run.train(&Backend::Cpu(Cpu::new()), &mut |event| {
        left -= usize::from(matches!(event, Event::Epoch(_)));
        if left == 0 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    })
}

const ALL: usize = usize::MAX;

#[test]
fn a_few_epochs_learn_the_digits_of_a_pocket_calculator() {
    let out = place("learn");
    let curve = train(&recipe(12, 0.1, ""), &out, false, ALL).expect("a sound run");
    let (first, last) = (&curve[0], &curve[11]);
    assert!(first.loss > 1.5 && last.loss < 0.5, "{curve:#?}");
    assert!(last.test_accuracy > Some(0.8), "{curve:#?}");
    let note = Note::of(&fs::read(&out).expect("the weights")).expect("a note");
    assert_eq!((note.model.as_str(), note.classes.len()), ("lenet5", 10));
    let table = fs::read_to_string(out.with_extension("curve.csv")).expect("the curve");
    assert_eq!(table.lines().count(), 13, "{table}");
    assert!(
        !out.with_extension("checkpoint.safetensors").exists(),
        "a run that has ended needs no checkpoint"
    );
}

#[test]
fn a_run_that_was_stopped_goes_on_as_if_it_had_not_been() {
    for (name, more) in [("last", ""), ("average", "average = 0.9")] {
        let recipe = recipe(3, 0.05, more);
        let (whole, parts) = (place(&format!("whole-{name}")), place(&format!("parts-{name}")));
        let at_once = train(&recipe, &whole, false, ALL).expect("a sound run");
        assert_eq!(train(&recipe, &parts, false, 1).expect("a sound run"), at_once[..1]);
        assert!(!parts.exists(), "there are no weights before the end");
        assert_eq!(train(&recipe, &parts, true, 1).expect("a sound run"), at_once[..2]);
        assert_eq!(train(&recipe, &parts, true, ALL).expect("a sound run"), at_once);
        let files = [&whole, &parts].map(|path| fs::read(path).expect("the weights"));
        assert!(files[0] == files[1], "{name}: the weights differ");
    }
}

#[test]
fn what_has_ended_is_not_trained_again_and_a_lost_file_is_written_again() {
    let (recipe, out) = (recipe(2, 0.05, ""), place("ended"));
    let (checkpoint, aside) = (out.with_extension("checkpoint.safetensors"), out.with_extension("aside"));
    let run = |recipe: &Recipe, resume| {
        let (training, test) = (Digits::new(200, 1), Digits::new(60, 2));
        let run = Run {
            recipe,
            training: &training,
            test: Some(&test),
            start: None,
            teacher: None,
            out: &out,
            resume,
        };
        let mut epochs = 0;
        let curve = run.train(&Backend::Cpu(Cpu::new()), &mut |event| {
            if matches!(event, Event::Epoch(_)) {
                epochs += 1;
                fs::copy(&checkpoint, &aside).expect("a checkpoint after every epoch");
            }
            ControlFlow::Continue(())
        });
        (curve.expect("a sound run"), epochs)
    };
    let (curve, epochs) = run(&recipe, false);
    assert_eq!(epochs, 2);
    let weights = fs::read(&out).expect("the weights");
    let promises = Recipe { expected_accuracy: Some(0.5), ..recipe.clone() };
    assert_eq!(run(&promises, true), (curve.clone(), 0), "a promise changes nothing of the training");
    assert_eq!(run(&Recipe { seed: 7, ..recipe.clone() }, true).1, 2, "another run is begun");
    // As if it had been killed between its last checkpoint and its file.
    run(&recipe, false);
    fs::rename(&aside, &checkpoint).and_then(|()| fs::remove_file(&out)).expect("files of this test");
    assert_eq!(run(&recipe, true), (curve, 0));
    assert!(fs::read(&out).expect("the weights") == weights, "the weights differ");
}

#[test]
fn a_student_learns_from_its_teachers_answers() {
    let weights = place("teacher");
    train(&recipe(12, 0.1, ""), &weights, false, ALL).expect("a sound run");
    let teacher = fs::read(&weights).expect("the weights");
    let student = recipe(6, 0.1, "teacher = { share = 1.0, temperature = 2.0 }");
    let run = |recipe: &Recipe, teacher: Option<Vec<u8>>, out: &Path, sitting: usize| {
        // The truth is hidden from whoever learns from a teacher alone.
        let (training, test) = (Digits { off_by: 1, ..Digits::new(200, 1) }, Digits::new(60, 2));
        let run =
            Run { recipe, training: &training, test: Some(&test), start: None, teacher, out, resume: true };
        let (mut asked, mut left) = (0, sitting);
        let curve = run.train(&Backend::Cpu(Cpu::new()), &mut |event| {
            match event {
                Event::Asked(count) => asked += count,
                Event::Epoch(_) => left -= 1,
                _ => {}
            }
            if left == 0 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        });
        (curve, asked)
    };
    let (whole, parts) = (place("student"), place("student-parts"));
    let (curve, asked) = run(&student, Some(teacher.clone()), &whole, ALL);
    let curve = curve.expect("a sound run");
    assert_eq!(asked, 200, "about every picture");
    assert!(curve[5].test_accuracy > Some(0.6), "{curve:#?}");
    assert_eq!(run(&student, Some(teacher.clone()), &parts, 2).1, 200);
    let (gone_on, asked) = run(&student, Some(teacher.clone()), &parts, ALL);
    assert_eq!((gone_on.expect("a sound run"), asked), (curve.clone(), 0), "what was asked is kept");
    let answers = fs::read(parts.with_extension("teacher.safetensors")).expect("what is kept for other runs");
    let (by_answers, asked) = run(&student, Some(answers.clone()), &place("student-by-answers"), ALL);
    assert_eq!((by_answers.expect("a sound run"), asked), (curve, 0), "nobody has to be asked");
    let said = |recipe: &Recipe, teacher: Option<Vec<u8>>| {
        run(recipe, teacher, &place("no-student"), ALL).0.expect_err("nobody to learn from").to_string()
    };
    assert!(said(&student, None).contains("name a file of its weights with --teacher"));
    assert!(said(&recipe(1, 0.1, ""), Some(teacher.clone())).contains("has no [teacher]"));
    assert!(said(&student, Some(b"no weights".to_vec())).contains("does not say which network it is of"));
    let mut mirroring = student.clone();
    mirroring.augmentation.push(Augmentation::HorizontalFlip { probability: 0.5 });
    assert!(said(&mirroring, Some(answers)).contains("are not for their mirror images"));
}

#[test]
fn pictures_of_another_size_are_learned_from_and_measured_mirrored_too() {
    let mut wide = recipe(1, 0.05, "");
    wide.data.size = Some(36);
    let out = place("size");
    let curve = train(&wide, &out, false, ALL).expect("a sound run");
    let bytes = fs::read(&out).expect("the weights");
    let spec = wide.spec().expect("a known network");
    let input = wide.input(spec);
    assert_eq!((input.height, input.width), (36, 36));
    let measured = |data: &dyn Dataset, views: &[View]| {
        let batches = Batches { data, input, fit: wide.data.fit, augmentation: &[], seed: 0 };
        let checkpoint = Checkpoint::read(bytes.clone()).expect("a file of weights");
        evaluate(spec, checkpoint, &batches, views, &mut |_| {}).expect("weights of this network")
    };
    let (plain, mirrored) = (Digits::new(60, 2), Digits { mirrored: true, ..Digits::new(60, 2) });
    let as_it_is = measured(&plain, &[View::Plain]);
    assert_eq!(curve[0].test_accuracy, Some((1e6 * as_it_is.accuracy()).round() / 1e6));
    let reversed = measured(&plain, &[View::Mirrored]);
    assert_eq!(reversed, measured(&mirrored, &[View::Plain]), "the network is shown the mirror image");
    let both = measured(&plain, &[View::Plain, View::Mirrored]);
    assert_eq!(both, measured(&mirrored, &[View::Mirrored, View::Plain]));
    assert!(
        both.loss < as_it_is.loss.max(reversed.loss),
        "a mean of logits is no worse than the worse of them"
    );
}

#[test]
fn another_seed_gives_another_curve() {
    let curve = |seed| {
        let recipe = Recipe { seed, ..recipe(1, 0.05, "") };
        train(&recipe, &place(&format!("seed-{seed}")), false, ALL).expect("a sound run")
    };
    assert_ne!(curve(1), curve(2));
}

#[test]
fn a_learning_rate_far_too_high_ends_with_an_explanation_and_the_last_good_weights() {
    let out = place("diverge");
    let mut wild = recipe(9, 0.02, "average = 0.5");
    // Every step makes the weights twenty times larger, until no number is left for them.
    (wild.optimizer.weight_decay, wild.schedule) = (1e3, Schedule::default());
    let error = train(&wild, &out, false, ALL).expect_err("nothing learns at such a rate").to_string();
    assert!(
        error.contains("the loss is no number any more") && error.contains("lower learning_rate"),
        "{error}"
    );
    assert!(error.contains("; the weights of epoch ") && out.exists(), "{error}");
    let kept = Checkpoint::read(fs::read(&out).expect("the weights")).expect("a file of weights");
    let values = pollster::block_on(kept.values("conv1.weight")).expect("finite values");
    assert!(values.expect("the first layer").iter().all(|value| value.is_finite()));
}

#[test]
fn a_checkpoint_of_another_recipe_is_not_gone_on_from() {
    let out = place("other");
    train(&recipe(3, 0.05, ""), &out, false, 1).expect("a sound run");
    let error = train(&recipe(3, 0.06, ""), &out, true, ALL).expect_err("another recipe").to_string();
    assert!(error.contains("is a checkpoint of another recipe (bars)"), "{error}");
    fs::write(out.with_extension("checkpoint.safetensors"), b"damaged").expect("a file can be written");
    let error = train(&recipe(3, 0.05, ""), &out, true, ALL).expect_err("no checkpoint").to_string();
    assert!(error.contains("is not a checkpoint of this program"), "{error}");
}

#[test]
fn the_recipes_of_the_project_can_be_followed() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("recipes");
    let entries =
        fs::read_dir(folder).expect("recipes/ holds the recipes").map(|entry| entry.expect("a file").path());
    let recipes: Vec<PathBuf> =
        entries.filter(|path| path.extension().is_some_and(|ending| ending == "toml")).collect();
    assert!(!recipes.is_empty(), "there are no recipes");
    for path in recipes {
        let text = fs::read_to_string(&path).expect("a recipe is text");
        let recipe = Recipe::parse(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        assert!(text.starts_with("# "), "{} begins with what it is for", path.display());
        assert!(recipe.spec().is_ok(), "{}", path.display());
    }
}
