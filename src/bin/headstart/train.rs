//! Training by a recipe, measuring what came out, and how fast it goes: the terminal's side of `headstart::recipe`.

use std::error::Error;
use std::fs;
use std::num::NonZeroUsize;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use clap::Args;
use headstart::data::{self, Batches, Dataset, Part};
use headstart::exec::{Backend, cpu::Cpu};
use headstart::graph::Param;
use headstart::models;
use headstart::net;
use headstart::random::Random;
use headstart::recipe::curve::Point;
use headstart::recipe::{Event, Note, Recipe, Run, View, evaluate};
use headstart::train::{Options, Trainer};
use headstart::weights::{Checkpoint, Parameters};
use indicatif::{ProgressBar, ProgressStyle};
use pollster::block_on;

use super::Outcome;

/// How much less than its recipe promises a run may reach: other processors round otherwise.
const TOLERATED: f64 = 0.005;

#[derive(Args)]
pub struct Train {
    /// A file of `recipes/`.
    recipe: PathBuf,
    /// The folder with the pictures: MNIST's idx files, CIFAR-10's batches, or folders of photos.
    #[arg(long)]
    data: PathBuf,
    /// Where the weights go; the curve and the checkpoint are written beside them.
    #[arg(long)]
    out: PathBuf,
    /// Goes on from the checkpoint of a run that was stopped.
    #[arg(long)]
    resume: bool,
    /// Weights to start from instead of fresh ones; a classifier of other classes starts afresh.
    #[arg(long)]
    from: Option<PathBuf>,
    /// Weights that `headstart train` wrote of the network whose answers are learned from, where the recipe has a teacher; or
    /// those answers, which an earlier run kept beside its own weights as OUT.teacher.safetensors.
    #[arg(long)]
    teacher: Option<PathBuf>,
    /// Overrides the recipe's seed.
    #[arg(long)]
    seed: Option<u64>,
    /// Stops after so many more epochs; --resume goes on.
    #[arg(long)]
    sitting: Option<NonZeroUsize>,
}

#[derive(Args)]
pub struct Evaluate {
    /// Weights that `headstart train` wrote.
    file: PathBuf,
    #[arg(long)]
    data: PathBuf,
    /// The network, where the file does not say it.
    #[arg(long)]
    model: Option<String>,
    /// Shows each picture as it is and mirrored, and takes the mean of both answers.
    #[arg(long)]
    mirrored: bool,
}

#[derive(Args)]
pub struct Speed {
    /// Seconds to measure each network for.
    #[arg(long, default_value_t = 8.0)]
    seconds: f64,
    /// Ids of networks.
    #[arg(default_values_t = ["lenet5".to_string(), "resnet20".to_string()])]
    networks: Vec<String>,
}

pub fn train(options: &Train) -> Outcome<()> {
    let mut recipe = recipe(&options.recipe)?;
    let expected = recipe.expected_accuracy.filter(|_| options.seed.is_none_or(|seed| seed == recipe.seed));
    recipe.seed = options.seed.unwrap_or(recipe.seed);
    let Train { data, out, from, teacher, resume, sitting, .. } = options;
    let given = Given { from: from.as_deref(), teacher: teacher.as_deref() };
    let curve = follow(&recipe, data, &given, out, *resume, sitting.map_or(usize::MAX, NonZeroUsize::get))?;
    let last = curve.last().filter(|last| last.epoch == recipe.epochs);
    let Some(last) = last else {
        println!("{} of {} epochs done; --resume goes on", curve.len(), recipe.epochs);
        return Ok(());
    };
    println!("the weights are in {}", out.display());
    hold(&recipe.title, expected, last.test_accuracy)
}

/// Fails where a run fell short of what its recipe promises.
pub fn hold(title: &str, expected: Option<f64>, reached: Option<f64>) -> Outcome<()> {
    match (expected, reached) {
        (Some(expected), Some(reached)) if reached < expected - TOLERATED => Err(format!(
            "{title}: the recipe promises {:.2} % of the test pictures, reached were {:.2} %; the data, the recipe or the engine changed",
            100.0 * expected,
            100.0 * reached
        )
        .into()),
        _ => Ok(()),
    }
}

pub fn recipe(path: &Path) -> Outcome<Recipe> {
    let text = String::from_utf8_lossy(&read(path)?).into_owned();
    Ok(Recipe::parse(&text).map_err(|error| format!("{}: {error}", path.display()))?)
}

/// Files of weights that a run is given.
pub struct Given<'a> {
    /// Those that it starts from.
    pub from: Option<&'a Path>,
    pub teacher: Option<&'a Path>,
}

/// Trains on the pictures in `data` to the recipe's end or for `epochs` more. Returns the curve.
pub fn follow(
    recipe: &Recipe,
    data: &Path,
    given: &Given,
    out: &Path,
    resume: bool,
    epochs: usize,
) -> Outcome<Vec<Point>> {
    if let (Some(cut), None) = (&recipe.cut, given.from) {
        return Err(format!(
            "{} leaves what comes before {cut} as it is, so that has to be trained already; name a file of weights with --from",
            recipe.title
        )
        .into());
    }
    let [training, test] = parts(recipe, data)?;
    let training = training.ok_or_else(|| format!("{} has no pictures to learn from", data.display()))?;
    let start = given.from.map(|path| Ok::<_, Box<dyn Error>>(Checkpoint::read(read(path)?)?)).transpose()?;
    let teacher = given.teacher.map(read).transpose()?;
    let run = Run { recipe, training: &*training, test: test.as_deref(), start, teacher, out, resume };
    let mut screen = Screen::new(recipe, training.len(), test.as_ref().map_or(0, |test| test.len()));
    let mut left = epochs;
    let curve = run.train(&Backend::Cpu(Cpu::new()), &mut |event| {
        left -= usize::from(matches!(event, Event::Epoch(_)));
        screen.show(event);
        if left == 0 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    })?;
    Ok(curve)
}

pub fn measure(options: &Evaluate) -> Outcome<()> {
    let bytes = read(&options.file)?;
    let note = Note::of(&bytes);
    let (model, fit) = match (&options.model, &note) {
        (Some(model), note) => (model.clone(), note.as_ref().map_or_else(Default::default, |note| note.fit)),
        (None, Some(note)) => (note.model.clone(), note.fit),
        (None, None) => {
            let place = options.file.display();
            return Err(format!("{place} does not say which network it is of; name it with --model").into());
        }
    };
    let spec = super::known(&model)?;
    // Where there is no test part, the pictures that the run did not learn from.
    let recipe = note.as_ref().and_then(|note| note.recipe.as_ref());
    let input = recipe.map_or(spec.input, |recipe| recipe.input(spec));
    let held_out = recipe.map(|recipe| parts(recipe, &options.data)).transpose()?;
    let test = match held_out.and_then(|[_, test]| test) {
        Some(test) => test,
        None => {
            let open = |part| data::open(&options.data, part);
            let test = open(Part::Test)?.map_or_else(|| open(Part::Training), |test| Ok(Some(test)))?;
            test.ok_or_else(|| format!("{} has no pictures", options.data.display()))?.into()
        }
    };
    let batches = Batches { data: &*test, input, fit, augmentation: &[], seed: 0 };
    let bar = super::progress(test.len(), "pictures");
    let views: &[View] = if options.mirrored { &[View::Plain, View::Mirrored] } else { &[View::Plain] };
    let checkpoint = Checkpoint::read(bytes)?;
    let measured = evaluate(spec, checkpoint, &batches, views, &mut |count| bar.inc(count as u64))?;
    bar.finish_and_clear();
    let width = test.classes().iter().map(|class| class.chars().count()).max().unwrap_or(0);
    for (class, (correct, of)) in test.classes().iter().zip(&measured.per_class) {
        println!("{class:<width$} {:6.2} % of {of}", 100.0 * *correct as f64 / (*of).max(1) as f64);
    }
    let (accuracy, pictures) = (100.0 * measured.accuracy(), measured.pictures);
    println!("{accuracy:.2} % of {pictures} pictures are told right, mean loss {:.4}", measured.loss);
    Ok(())
}

pub fn speed(options: &Speed) -> Outcome<()> {
    println!("{:<20} {:>6} {:>10} {:>12}", "network", "batch", "ms a step", "pictures / s");
    for id in &options.networks {
        let spec = super::known(id)?;
        let batch = if id == "lenet5" { 64 } else { 128 };
        let shape = models::ModelSpec::shape(spec, batch);
        let graph = spec.part(shape, net::Part::Training { classes: spec.classes.count() })?;
        let parameters = Parameters::initialised(0);
        let lookup = async |param: &Param| Ok(parameters.values(param).await.expect("fresh values"));
        let backend = Backend::Cpu(Cpu::new());
        let trainer = Trainer::new(&graph, None, Options::default(), &backend, &lookup, &|_, _, _| {});
        let mut trainer = block_on(trainer)?;
        let mut random = Random::new(0, 0);
        let x: Vec<f32> = (0..shape.len()).map(|_| random.uniform(-1.0, 1.0)).collect();
        let labels: Vec<u32> = (0..batch).map(|_| random.below(spec.classes.count()) as u32).collect();
        let (start, mut times) = (Instant::now(), Vec::new());
        while times.len() < 3 || start.elapsed().as_secs_f64() < options.seconds {
            let step = Instant::now();
            block_on(trainer.step(&x, &labels))?;
            times.push(step.elapsed());
        }
        times.remove(0);
        let milliseconds = super::in_milliseconds(&mut times);
        println!("{id:<20} {batch:>6} {milliseconds:>10.2} {:>12.1}", 1000.0 * batch as f64 / milliseconds);
    }
    Ok(())
}

/// The pictures to learn from and those to test with, as the recipe divides them.
fn parts(recipe: &Recipe, folder: &Path) -> Outcome<[Option<Arc<dyn Dataset>>; 2]> {
    let open = |part| Ok::<_, data::DataError>(data::open(folder, part)?.map(Arc::from));
    let [training, test]: [Option<Arc<dyn Dataset>>; 2] = [open(Part::Training)?, open(Part::Test)?];
    match (recipe.data.per_class, training) {
        (Some(per_class), Some(whole)) if test.is_none() => {
            let [training, test] = data::divide(&whole, per_class, recipe.seed)?;
            Ok([Some(Arc::new(training)), Some(Arc::new(test))])
        }
        (_, training) => Ok([training, test]),
    }
}

/// What a run looks like in a terminal.
struct Screen<'a> {
    recipe: &'a Recipe,
    pictures: usize,
    test: usize,
    steps: usize,
    bar: ProgressBar,
    start: Instant,
}

impl<'a> Screen<'a> {
    fn new(recipe: &'a Recipe, pictures: usize, test: usize) -> Self {
        Self { recipe, pictures, test, steps: 0, bar: ProgressBar::hidden(), start: Instant::now() }
    }

    fn show(&mut self, event: Event) {
        match event {
            Event::Start { steps, parameters, kept_bytes, recomputed_bytes, done } => {
                self.steps = steps;
                println!("{}: {} pictures, {parameters} values to learn", self.recipe.title, self.pictures);
                println!("{steps} steps of {} pictures an epoch", self.recipe.batch);
                println!("{}", memory(self.recipe.recompute, kept_bytes, recomputed_bytes));
                if done > 0 {
                    println!("goes on after epoch {done}");
                }
            }
            Event::Asked(count) => {
                if self.bar.length() != Some(self.pictures as u64) {
                    self.bar = bar(self.pictures, "asking the teacher   ");
                }
                self.bar.inc(count as u64);
            }
            Event::Step { epoch, step, loss } => {
                if step == 1 {
                    self.bar.finish_and_clear();
                    (self.bar, self.start) = (bar(self.steps, "{msg}"), Instant::now());
                    // The first step has been taken already.
                    self.bar.reset_eta();
                }
                self.bar.set_message(format!("epoch {epoch:>3}  loss {loss:.4}"));
                self.bar.set_position(step as u64);
            }
            Event::Tested(count) => {
                if self.bar.length() == Some(self.steps as u64) && self.bar.position() == self.steps as u64 {
                    self.bar.finish_and_clear();
                    self.bar = bar(self.test, "testing              ");
                }
                self.bar.inc(count as u64);
            }
            Event::Epoch(point) => {
                self.bar.finish_and_clear();
                println!("{}", line(point, self.recipe.epochs, self.start.elapsed()));
            }
        }
    }
}

/// What a step needs, and what it would need otherwise.
fn memory(recompute: bool, kept_bytes: usize, recomputed_bytes: usize) -> String {
    let [kept, recomputed] = [kept_bytes, recomputed_bytes].map(|bytes| bytes.div_ceil(1_000_000));
    if recompute {
        format!(
            "{recomputed} MB of memory with recompute = true in the recipe; it would be {kept} MB without"
        )
    } else {
        format!("{kept} MB of memory; it would be {recomputed} MB with recompute = true in the recipe")
    }
}

fn line(point: &Point, epochs: usize, time: Duration) -> String {
    let percent = 100.0 * point.accuracy;
    let test = point.test_accuracy.map(|accuracy| format!("  test {:6.2} %", 100.0 * accuracy));
    let (epoch, loss, seconds) = (point.epoch, point.loss, time.as_secs_f64());
    let test = test.unwrap_or_default();
    format!("epoch {epoch:>3} of {epochs}  loss {loss:.4}  training {percent:6.2} %{test}  {seconds:.1} s")
}

fn bar(count: usize, message: &'static str) -> ProgressBar {
    let style = ProgressStyle::with_template("{msg} {bar:40} {pos} of {len}, {eta} left");
    let style = style.expect("a template of known fields");
    ProgressBar::new(count as u64).with_style(style).with_message(message)
}

pub fn read(path: &Path) -> Outcome<Vec<u8>> {
    fs::read(path)
        .map_err(|error| format!("{} cannot be read ({error}); check its name", path.display()).into())
}
