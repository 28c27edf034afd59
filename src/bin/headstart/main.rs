//! The same engine natively: look at a network, classify pictures, train by a recipe, measure features and speed.
//!
//! Knows files and a terminal; everything else is the library's.

mod compare;
mod train;
mod weights;

use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use clap::{Parser, Subcommand};
use headstart::analysis;
use headstart::exec::{Backend, cpu::Cpu};
use headstart::graph::NodeId;
use headstart::models::{self, CATALOGUE, ModelSpec};
use headstart::net::Part;
use headstart::network::{LoadOptions, Network};
use headstart::random::Random;
use headstart::table;
use headstart::transfer::{Example, Settings, loss, probe};
use headstart::weights::Checkpoint;
use image::{DynamicImage, ImageDecoder, ImageReader, RgbaImage};
use indicatif::{ProgressBar, ProgressStyle};
use pollster::block_on;

/// Transfer learning on a few pictures, from the command line.
#[derive(Parser)]
#[command(version, arg_required_else_help = true)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Prints the layers of a network, or the tensors of a file of weights and which network they are for.
    Inspect {
        /// A network's id, `resnet18` for instance, or a file, or the files of one network.
        #[arg(required = true)]
        what: Vec<String>,
    },
    /// Writes weights as safetensors, with the names that networks have here.
    Convert(weights::Convert),
    /// Names the five likeliest classes of each picture.
    Classify {
        #[arg(required = true)]
        images: Vec<PathBuf>,
        #[command(flatten)]
        source: Source,
    },
    /// Measures features: a linear head learns some pictures of each class and is tested on the others.
    Probe {
        /// A folder with one folder of pictures per class.
        folder: PathBuf,
        /// Pictures of each class to learn from.
        #[arg(long, default_value_t = 10)]
        per_class: usize,
        /// How many random choices of them to average over.
        #[arg(long, default_value_t = 5)]
        seeds: u64,
        /// Units of a hidden layer; 0 makes the head linear.
        #[arg(long, default_value_t = 0)]
        hidden: usize,
        #[command(flatten)]
        source: Source,
    },
    /// Trains a network as a recipe says.
    Train(train::Train),
    /// Trains by several recipes on the same pictures with the same seeds, and prints them side by side.
    Compare(compare::Compare),
    /// Measures how many pictures trained weights tell right.
    Evaluate(train::Evaluate),
    /// Prints how fast networks train on this machine, whole steps on random pictures.
    Speed(train::Speed),
    /// Prints the milliseconds every network takes on this machine.
    Bench {
        /// Timed runs of each; the median counts.
        #[arg(long, default_value_t = 15)]
        runs: usize,
        /// Ids of the networks; all of them if none is given.
        networks: Vec<String>,
    },
    /// Prints the table of networks in the README.
    Table {
        /// A Markdown file whose table is to be renewed instead.
        #[arg(long)]
        into: Option<PathBuf>,
    },
}

/// Which network, with which weights.
#[derive(clap::Args)]
struct Source {
    #[arg(long, default_value = "efficientnet_lite0")]
    model: String,
    /// A file of weights; the one that comes with the page if not given.
    #[arg(long)]
    weights: Option<PathBuf>,
}

type Outcome<T> = Result<T, Box<dyn Error>>;

fn main() -> ExitCode {
    let outcome = match Arguments::parse().command {
        Command::Inspect { what } => inspect(&what),
        Command::Convert(options) => weights::convert(&options),
        Command::Classify { images, source } => classify(&images, &source),
        Command::Probe { folder, per_class, seeds, hidden, source } => {
            let settings = Settings { hidden, ..Settings::default() };
            measure_features(&folder, per_class, seeds, settings, &source)
        }
        Command::Train(options) => train::train(&options),
        Command::Compare(options) => compare::compare(&options),
        Command::Evaluate(options) => train::measure(&options),
        Command::Speed(options) => train::speed(&options),
        Command::Bench { runs, networks } => bench(runs.max(1), &networks),
        Command::Table { into } => table_of_networks(into.as_deref()),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("headstart: {error}");
            ExitCode::FAILURE
        }
    }
}

fn inspect(what: &[String]) -> Outcome<()> {
    let [id] = what else { return weights::inspect(what) };
    if models::find(id).is_none() && Path::new(id).exists() {
        return weights::inspect(what);
    }
    let spec = known(id)?;
    let graph = spec.published(1)?;
    let cost = analysis::total(&graph);
    println!("{}: {}\n", spec.title, spec.paper);
    print!("{graph}");
    println!("\n{} parameters, {:.1} million multiply-accumulates", cost.parameters, cost.macs as f64 / 1e6);
    Ok(())
}

fn classify(images: &[PathBuf], source: &Source) -> Outcome<()> {
    let mut network = source.load()?;
    let backend = Backend::Cpu(Cpu::new());
    let names: Vec<&str> = network.spec.classes.names();
    let logits = network.logits()?;
    let known = network.part == Part::Whole { classes: names.len() };
    let name = |class: usize| if known { names[class].to_string() } else { format!("class {class}") };
    let mut lines = Vec::new();
    for path in images {
        let mut probabilities = run(&mut network, &backend, logits, path)?;
        loss::softmax(&mut probabilities);
        let mut order: Vec<usize> = (0..probabilities.len()).collect();
        order.sort_by(|&a, &b| probabilities[b].total_cmp(&probabilities[a]));
        lines.push(path.display().to_string());
        let best = order.iter().take(5);
        lines.extend(best.map(|&class| format!("{:6.1} %  {}", 100.0 * probabilities[class], name(class))));
    }
    println!("{}", lines.join("\n"));
    Ok(())
}

fn measure_features(
    folder: &Path,
    per_class: usize,
    seeds: u64,
    settings: Settings,
    source: &Source,
) -> Outcome<()> {
    if per_class == 0 || seeds == 0 {
        return Err("there must be at least one picture per class and one seed".into());
    }
    let pictures = pictures(folder, per_class)?;
    let mut network = source.load()?;
    let backend = Backend::Cpu(Cpu::new());
    let node = network.features();
    let bar = progress(pictures.iter().map(|(_, files)| files.len()).sum(), "pictures");
    let mut classes: Vec<Vec<Example>> = Vec::new();
    for (class, files) in &pictures {
        let mut examples = Vec::new();
        for path in files {
            let features = run(&mut network, &backend, node, path)?;
            let id = path.display().to_string();
            examples.push(Example { burst: id.clone(), id, class: class.clone(), features });
            bar.inc(1);
        }
        classes.push(examples);
    }
    bar.finish_and_clear();

    let settings = Settings { classes: pictures.into_iter().map(|(class, _)| class).collect(), ..settings };
    let mut accuracies = Vec::new();
    for seed in 0..seeds {
        let mut random = Random::new(seed, 0);
        let (mut training, mut test): (Vec<&Example>, Vec<&Example>) = Default::default();
        for examples in &classes {
            let mut order: Vec<&Example> = examples.iter().collect();
            random.shuffle(&mut order);
            training.extend(&order[..per_class]);
            test.extend(&order[per_class..]);
        }
        let accuracy = probe(&training, &test, &Settings { seed, ..settings.clone() })?;
        println!("seed {seed}: {:.1} % of {} pictures", 100.0 * accuracy, test.len());
        accuracies.push(accuracy);
    }
    let mean = accuracies.iter().sum::<f64>() / seeds as f64;
    let variance = accuracies.iter().map(|accuracy| (accuracy - mean).powi(2)).sum::<f64>() / seeds as f64;
    println!("mean {:.1} %, standard deviation {:.1} points", 100.0 * mean, 100.0 * variance.sqrt());
    Ok(())
}

fn table_of_networks(into: Option<&Path>) -> Outcome<()> {
    let Some(path) = into else {
        print!("{}", table::markdown());
        return Ok(());
    };
    let text = fs::read_to_string(path)?;
    let [start, end] = table::MARKERS.map(str::trim);
    let renewed = table::renewed(&text);
    let renewed =
        renewed.ok_or_else(|| format!("{} has no table between {start} and {end}", path.display()))?;
    Ok(fs::write(path, renewed)?)
}

fn bench(runs: usize, networks: &[String]) -> Outcome<()> {
    const BATCHES: [usize; 2] = [1, 8];
    let backend = Backend::Cpu(Cpu::new());
    println!("CPU, median of {runs} runs, seeded weights");
    println!(
        "{:<20} {:>9} {:>10} {:>10} {:>16} {:>10}",
        "network", "input", "ms, one", "ms, eight", "gain of eight", "GFLOP/s"
    );
    let all = || CATALOGUE.iter().collect();
    let chosen = networks.iter().map(|id| known(id)).collect::<Outcome<Vec<_>>>()?;
    let chosen: Vec<&ModelSpec> = if chosen.is_empty() { all() } else { chosen };
    for spec in chosen {
        let mut network = block_on(Network::new(spec, None, LoadOptions::default()))?;
        let bar = progress(BATCHES.len() * (runs + 1), spec.id);
        let mut milliseconds = [0.0; 2];
        for (batch, median) in BATCHES.into_iter().zip(&mut milliseconds) {
            let x = vec![0.5; batch * network.input.len()];
            let outputs = [network.logits()?];
            let mut times = Vec::new();
            // The first run also prepares the plan.
            for _ in 0..=runs {
                let start = Instant::now();
                block_on(network.run(&backend, &outputs, &x, batch))?;
                times.push(start.elapsed());
                bar.inc(1);
            }
            times.remove(0);
            *median = in_milliseconds(&mut times);
        }
        bar.finish_and_clear();
        let [one, eight] = milliseconds;
        let gflops = 2.0 * analysis::total(&network.graph).macs as f64 / one / 1e6;
        let input = format!("{}x{}", spec.input.height, spec.input.width);
        println!(
            "{:<20} {input:>9} {one:>10.2} {eight:>10.2} {:>16.2} {gflops:>10.1}",
            spec.id,
            8.0 * one / eight
        );
        backend.forget();
    }
    Ok(())
}

impl Source {
    fn load(&self) -> Outcome<Network> {
        let spec = known(&self.model)?;
        let bundled = spec.weights.map(|weights| Path::new("www").join(weights.file));
        let path = self.weights.clone().or(bundled);
        let path =
            path.ok_or_else(|| format!("{} comes without weights; name a file with --weights", spec.id))?;
        let weights = block_on(Checkpoint::open(weights::storage(&path)?))?;
        Ok(block_on(Network::new(spec, Some(weights), LoadOptions::default()))?)
    }
}

fn known(id: &str) -> Outcome<&'static ModelSpec> {
    models::find(id).ok_or_else(|| {
        let ids: Vec<&str> = CATALOGUE.iter().map(|spec| spec.id).collect();
        format!("there is neither a network nor a file named {id}; the networks are {}", ids.join(", "))
            .into()
    })
}

/// The value of one node for the picture in a file.
fn run(network: &mut Network, backend: &Backend, node: NodeId, path: &Path) -> Outcome<Vec<f32>> {
    let picture = picture(path)?;
    let (width, height) = picture.dimensions();
    let x = network.preprocess(&picture, width as usize, height as usize)?;
    Ok(block_on(network.run(backend, &[node], &x, 1))?.remove(0))
}

/// A picture, turned upright as its camera noted.
fn picture(path: &Path) -> Outcome<RgbaImage> {
    let sentence = |error: &dyn Error| {
        format!("{} is not a picture that can be read ({error}); JPEG and PNG can", path.display())
    };
    let reader = ImageReader::open(path).and_then(ImageReader::with_guessed_format);
    let mut decoder =
        reader.map_err(|error| sentence(&error))?.into_decoder().map_err(|error| sentence(&error))?;
    let orientation = decoder.orientation().map_err(|error| sentence(&error))?;
    let mut picture = DynamicImage::from_decoder(decoder).map_err(|error| sentence(&error))?;
    picture.apply_orientation(orientation);
    Ok(picture.into_rgba8())
}

/// The classes of a folder in alphabetical order, each with its files.
fn pictures(folder: &Path, per_class: usize) -> Outcome<Vec<(String, Vec<PathBuf>)>> {
    let mut classes = Vec::new();
    for path in entries(folder)?.into_iter().filter(|path| path.is_dir()) {
        let endings = ["jpg", "jpeg", "png"];
        let is_picture = |path: &PathBuf| {
            let ending = path.extension().map(|ending| ending.to_string_lossy().to_lowercase());
            ending.is_some_and(|ending| endings.contains(&ending.as_str()))
        };
        let files: Vec<PathBuf> = entries(&path)?.into_iter().filter(is_picture).collect();
        let class = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if files.len() <= per_class {
            return Err(format!(
                "class {class} has {} pictures, but {per_class} to learn from and at least one to test are needed; \
                 add some or lower --per-class",
                files.len()
            )
            .into());
        }
        classes.push((class, files));
    }
    if classes.len() < 2 {
        return Err(format!(
            "{} has {} folders of pictures; at least two are needed, one per class",
            folder.display(),
            classes.len()
        )
        .into());
    }
    Ok(classes)
}

fn entries(folder: &Path) -> Outcome<Vec<PathBuf>> {
    let sentence =
        |error| format!("the folder {} cannot be read ({error}); check its name", folder.display());
    let entries = fs::read_dir(folder).map_err(sentence)?;
    let mut paths = entries.map(|entry| Ok(entry.map_err(sentence)?.path())).collect::<Outcome<Vec<_>>>()?;
    paths.sort();
    Ok(paths)
}

fn progress(count: usize, what: &'static str) -> ProgressBar {
    let style = ProgressStyle::with_template("{msg} {bar:40} {pos} of {len}, {eta} left");
    let style = style.expect("a template of known fields");
    ProgressBar::new(count as u64).with_style(style).with_message(what)
}

fn in_milliseconds(times: &mut [Duration]) -> f64 {
    times.sort();
    1000.0 * times[times.len() / 2].as_secs_f64()
}
