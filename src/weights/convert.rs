//! Weights written again: under the names a network here has for them, in smaller numbers, in files of limited size.
//!
//! Tensor by tensor, so that no network lies in memory as a whole. Filters and matrices are stored in the type asked
//! for; everything one-dimensional (batch norm, biases) stays in 32 bits, where rounding would cost more than it saves.

use std::borrow::Cow;
use std::cell::RefCell;
use std::collections::HashMap;
use std::fs::{self, File};
use std::io;
#[cfg(unix)]
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use half::{bf16, f16};
use safetensors::serialize_to_file;
use safetensors::tensor::{Dtype, View};
use thiserror::Error;

use super::safetensors::SCALES;
use super::{Parameters, WeightsError};
use crate::graph::{Graph, Param};

/// The type of the values of filters and matrices in a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Precision {
    F32,
    F16,
    Bf16,
    /// Whole numbers of -127 to 127 and a 32-bit scale for each output channel.
    Int8,
}

#[derive(Debug, Error)]
pub enum ConvertError {
    #[error(transparent)]
    Weights(#[from] WeightsError),
    #[error("{name}: a value of {value} is too large for 16 bits; keep 32 bits, or bfloat16")]
    TooLarge { name: String, value: f32 },
    #[error("{path} cannot be written ({reason}); check its folder and the space left")]
    Unwritable { path: String, reason: String },
}

/// Writes the parameters of `graph` to `path`, or if they take more than `limit` bytes to several files beside it that
/// are numbered `NAME-00001-of-00003`; returns the files. `note` goes into every header. The same weights give the same
/// bytes.
pub async fn convert(
    parameters: &Parameters,
    graph: &Graph,
    precision: Precision,
    note: &str,
    path: &Path,
    limit: u64,
) -> Result<Vec<PathBuf>, ConvertError> {
    let shards = shards(graph, precision, limit);
    let mut files = Vec::with_capacity(shards.len());
    for (i, shard) in shards.iter().enumerate() {
        let file = match shards.len() {
            1 => path.to_path_buf(),
            count => numbered(path, i + 1, count),
        };
        let failure = RefCell::new(None);
        let views = shard.iter().flat_map(|param| tensors(param, precision, parameters, &failure));
        // A single entry, because the library writes several in any order.
        let notes = HashMap::from([("headstart".to_string(), note.to_string())]);
        let written = serialize_to_file(views, Some(notes), &file).map_err(|error| error.to_string());
        if let Some(error) = failure.into_inner() {
            return Err(error);
        }
        let unwritable = |reason| ConvertError::Unwritable { path: file.display().to_string(), reason };
        written.and_then(|()| readable(&file).map_err(|error| error.to_string())).map_err(unwritable)?;
        files.push(file);
    }
    Ok(files)
}

/// Lets everybody read the file, as a web server has to; the library that writes it lets only its owner.
fn readable(file: &Path) -> io::Result<()> {
    #[cfg(unix)]
    fs::set_permissions(file, fs::Permissions::from_mode(0o644))?;
    File::open(file).map(drop)
}

/// Parameters in runs of at most `limit` bytes; one that is longer by itself is taken apart by its rows.
fn shards(graph: &Graph, precision: Precision, limit: u64) -> Vec<Vec<Param>> {
    let mut shards: Vec<Vec<Param>> = vec![Vec::new()];
    let mut taken = HEADER;
    for param in graph.params.iter().flat_map(|param| pieces(param, precision, limit)) {
        let bytes = length(&param, precision) as u64;
        if taken + bytes > limit && taken > HEADER {
            shards.push(Vec::new());
            taken = HEADER;
        }
        taken += bytes;
        shards.last_mut().expect("there is always one").push(param);
    }
    shards
}

/// The parameter, or runs of its rows that fit into a file.
fn pieces(param: &Param, precision: Precision, limit: u64) -> Vec<Param> {
    let bytes = length(param, precision) as u64;
    let room = limit.saturating_sub(HEADER);
    if bytes <= room || param.dims.len() < 2 {
        return vec![param.clone()];
    }
    let rows = param.dims[0];
    let at_once = (room / (bytes / rows as u64).max(1)).max(1) as usize;
    let starts = (0..rows).step_by(at_once);
    starts.map(|start| param.rows(start..rows.min(start + at_once))).collect()
}

/// Room for a header that names some hundred tensors.
const HEADER: u64 = 64 << 10;

fn numbered(path: &Path, number: usize, count: usize) -> PathBuf {
    let stem = path.file_stem().unwrap_or_default().to_string_lossy();
    let ending = path.extension().map(|ending| format!(".{}", ending.to_string_lossy())).unwrap_or_default();
    path.with_file_name(format!("{stem}-{number:05}-of-{count:05}{ending}"))
}

/// Bytes of a parameter in the file.
fn length(param: &Param, precision: Precision) -> usize {
    let count: usize = param.dims.iter().product();
    match dtype(param, precision) {
        Dtype::F32 => 4 * count,
        Dtype::I8 => count + 4 * param.dims[0],
        _ => 2 * count,
    }
}

fn dtype(param: &Param, precision: Precision) -> Dtype {
    match precision {
        _ if param.dims.len() < 2 => Dtype::F32,
        Precision::F32 => Dtype::F32,
        Precision::F16 => Dtype::F16,
        Precision::Bf16 => Dtype::BF16,
        Precision::Int8 => Dtype::I8,
    }
}

/// A tensor of the file, whose values are made when it is written.
struct Lazy<'a> {
    param: &'a Param,
    dims: Vec<usize>,
    dtype: Dtype,
    /// Whether this is not the parameter but the scales of its rows.
    scales: bool,
    parameters: &'a Parameters,
    /// The library that writes has no way to hear that there are no values.
    failure: &'a RefCell<Option<ConvertError>>,
}

/// What is written of a parameter, with names.
fn tensors<'a>(
    param: &'a Param,
    precision: Precision,
    parameters: &'a Parameters,
    failure: &'a RefCell<Option<ConvertError>>,
) -> Vec<(String, Lazy<'a>)> {
    let dtype = dtype(param, precision);
    let lazy = |dims: Vec<usize>, dtype, scales| Lazy { param, dims, dtype, scales, parameters, failure };
    let mut tensors = vec![(param.name.clone(), lazy(param.dims.clone(), dtype, false))];
    if dtype == Dtype::I8 {
        let scales = lazy(vec![param.dims[0]], Dtype::F32, true);
        tensors.push((format!("{}{SCALES}", param.name), scales));
    }
    tensors
}

impl Lazy<'_> {
    fn converted(&self) -> Result<Vec<u8>, ConvertError> {
        let values = pollster::block_on(self.parameters.values(self.param))?.data;
        let row = (values.len() / self.param.dims.first().copied().unwrap_or(1).max(1)).max(1);
        let rows = || values.chunks_exact(row).map(|row| (row, scale(row)));
        if self.scales {
            return Ok(rows().flat_map(|(_, scale)| scale.to_le_bytes()).collect());
        }
        Ok(match self.dtype {
            Dtype::I8 => {
                rows().flat_map(|(row, scale)| row.iter().map(move |&v| whole(v, scale) as u8)).collect()
            }
            Dtype::BF16 => values.iter().flat_map(|&v| bf16::from_f32(v).to_le_bytes()).collect(),
            Dtype::F16 => {
                if let Some(&value) = values.iter().find(|&&v| !f16::from_f32(v).is_finite()) {
                    return Err(ConvertError::TooLarge { name: self.param.name.clone(), value });
                }
                values.iter().flat_map(|&v| f16::from_f32(v).to_le_bytes()).collect()
            }
            _ => values.iter().flat_map(|v| v.to_le_bytes()).collect(),
        })
    }
}

/// By what 127 is multiplied to give the largest magnitude of a row.
fn scale(row: &[f32]) -> f32 {
    row.iter().fold(0.0f32, |largest, v| largest.max(v.abs())) / 127.0
}

fn whole(value: f32, scale: f32) -> i8 {
    if scale > 0.0 { (value / scale).round() as i8 } else { 0 }
}

impl View for Lazy<'_> {
    fn dtype(&self) -> Dtype {
        self.dtype
    }

    fn shape(&self) -> &[usize] {
        &self.dims
    }

    fn data(&self) -> Cow<'_, [u8]> {
        let bytes = self.converted().unwrap_or_else(|error| {
            self.failure.borrow_mut().get_or_insert(error);
            vec![0; self.data_len()]
        });
        Cow::Owned(bytes)
    }

    fn data_len(&self) -> usize {
        let count: usize = self.dims.iter().product();
        match self.dtype {
            Dtype::F32 => 4 * count,
            Dtype::I8 => count,
            _ => 2 * count,
        }
    }
}
