//! Files of weights: what is in them, and the same weights in another form.

use std::fs::{self, File};
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use headstart::models::{self, ModelSpec};
use headstart::net::Part;
use headstart::weights::convert::{self, Precision};
use headstart::weights::{Checkpoint, Format, Parameters, Storage, WeightsError};
use pollster::block_on;

use super::{Outcome, known};

#[derive(Args)]
pub struct Convert {
    /// A safetensors, PyTorch or ONNX file, or several safetensors files followed by `OUT`.
    #[arg(required = true, value_name = "IN")]
    files: Vec<PathBuf>,
    #[arg(value_name = "OUT")]
    out: PathBuf,
    /// The network they are for; found by their names and shapes if not given.
    #[arg(long)]
    model: Option<String>,
    /// The type of filters and matrices; batch norm and biases keep 32 bits.
    #[arg(long, value_enum, default_value = "f16")]
    dtype: DType,
    /// Leave the classifier out.
    #[arg(long)]
    trunk: bool,
    /// Write several files of less than this, 50MB for instance.
    #[arg(long, value_name = "SIZE", value_parser = size)]
    shards_under: Option<u64>,
}

#[derive(Clone, Copy, ValueEnum)]
enum DType {
    F32,
    F16,
    Bf16,
    Int8,
}

/// Prints every tensor, the network they are for, and everything that does not fit it.
pub fn inspect(files: &[String]) -> Outcome<()> {
    let paths: Vec<&Path> = files.iter().map(Path::new).collect();
    let checkpoint = open(&paths)?;
    for path in paths {
        println!("{}: {}", path.display(), block_on(Format::of(&storage(path)?))?.title());
    }
    let mut values = 0;
    for (name, dims) in checkpoint.names() {
        let kind = checkpoint.kind(name).unwrap_or_default();
        println!("{name:<48} {kind:<16} {dims:?}");
        values += dims.iter().product::<usize>();
    }
    println!("\n{} tensors, {values} values", checkpoint.names().count());
    let Some(nearest) = checkpoint.nearest() else {
        println!("These are the weights of no network here.");
        return Ok(());
    };
    let spec = known(nearest.id)?;
    let (part, parameters) = fitted(&checkpoint, spec, false)?;
    match (parameters, part) {
        (Ok(_), Part::Trunk) => println!("These are weights of {}, without its classifier.", spec.id),
        (Ok(_), part) => {
            println!("These are weights of {} for {} classes.", spec.id, part.classes().unwrap_or_default());
        }
        (Err(WeightsError::Mismatch(mismatch)), _) => {
            println!("The nearest network is {}, but for it {mismatch:#}", spec.id);
        }
        (Err(error), _) => println!("They are for {}, but {error}", spec.id),
    }
    Ok(())
}

pub fn convert(options: &Convert) -> Outcome<()> {
    let paths: Vec<&Path> = options.files.iter().map(PathBuf::as_path).collect();
    let checkpoint = open(&paths)?;
    let spec = match &options.model {
        Some(id) => known(id)?,
        None => {
            let nearest = checkpoint.nearest();
            let nearest = nearest.ok_or("these are the weights of no network here; name one with --model")?;
            models::find(nearest.id).expect("it is in the catalogue")
        }
    };
    let (part, parameters) = fitted(&checkpoint, spec, options.trunk)?;
    let precision = match options.dtype {
        DType::F32 => Precision::F32,
        DType::F16 => Precision::F16,
        DType::Bf16 => Precision::Bf16,
        DType::Int8 => Precision::Int8,
    };
    let of = if part == Part::Trunk { "trunk" } else { "whole" };
    let note = format!("{} {of}", spec.id);
    let graph = spec.part(spec.shape(1), part)?;
    let limit = options.shards_under.unwrap_or(u64::MAX);
    let parameters = parameters?;
    let written = convert::convert(&parameters, &graph, precision, &note, &options.out, limit);
    for file in block_on(written)? {
        let bytes = fs::metadata(&file)?.len();
        println!("{}: {} of {}, {bytes} bytes", file.display(), of, spec.id);
        if bytes >= limit {
            println!("  one row of a tensor is longer than {limit} bytes");
        }
    }
    Ok(())
}

/// The parameters of as much of a network as the file has: the whole of it, or without a classifier its trunk.
fn fitted(
    checkpoint: &Checkpoint,
    spec: &'static ModelSpec,
    trunk: bool,
) -> Outcome<(Part, Result<Parameters, WeightsError>)> {
    let part = match checkpoint.classes(spec) {
        Some(classes) if !trunk => Part::Whole { classes },
        _ => Part::Trunk,
    };
    let graph = spec.part(spec.shape(1), part)?;
    Ok((part, Parameters::from_checkpoint(checkpoint.clone(), &graph, false, 0)))
}

fn open(paths: &[&Path]) -> Outcome<Checkpoint> {
    let storages: Vec<Storage> = paths.iter().map(|path| storage(path)).collect::<Outcome<_>>()?;
    Ok(match <[Storage; 1]>::try_from(storages) {
        Ok([storage]) => block_on(Checkpoint::open(storage))?,
        Err(storages) => block_on(Checkpoint::open_all(storages))?,
    })
}

/// A file that is read range by range.
pub fn storage(path: &Path) -> Outcome<Storage> {
    let sentence = |error| format!("{} cannot be read ({error}); check its name", path.display());
    let length = fs::metadata(path).map_err(sentence)?.len();
    let path = path.to_path_buf();
    Ok(Storage::elsewhere(length, move |range| {
        let read = || {
            let mut file = File::open(&path)?;
            file.seek(SeekFrom::Start(range.start))?;
            let mut bytes = vec![0; (range.end - range.start) as usize];
            file.read_exact(&mut bytes).map(|()| bytes)
        };
        std::future::ready(read().map_err(|error| error.to_string()))
    }))
}

/// `50MB` as 50,000,000 bytes, `50MiB` as 52,428,800.
fn size(text: &str) -> Result<u64, String> {
    let split = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(split);
    let factor = match unit.trim() {
        "" | "B" => 1,
        "kB" | "KB" => 1000,
        "MB" => 1_000_000,
        "GB" => 1_000_000_000,
        "KiB" => 1 << 10,
        "MiB" => 1 << 20,
        "GiB" => 1 << 30,
        _ => return Err("a size is a number and B, kB, MB, GB, KiB, MiB or GiB".into()),
    };
    let number: u64 = number.parse().map_err(|_| "a size begins with a number".to_string())?;
    number.checked_mul(factor).ok_or_else(|| "that is more than any file has".to_string())
}
