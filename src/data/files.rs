//! Finding a dataset in a folder: by the names its authors gave its files, then by what is in them.

use std::fs::{self, File};
use std::io::{Cursor, Read, Seek, SeekFrom};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use flate2::read::GzDecoder;
use image::{DynamicImage, ImageDecoder, ImageReader};

use super::cifar::{Cifar10, Records};
use super::folder::Folder;
use super::idx::Idx;
use super::jpegpak::JpegPack;
use super::{DataError, Dataset, Part, Picture};

/// An idx file larger than this is none of handwritten digits; a `.gz` can announce anything.
const MAX_UNPACKED: u64 = 1 << 30;

/// The part of the dataset in `folder`; none if there is one, but without that part.
///
/// Recognises MNIST's idx files (also as `.gz`), CIFAR-10's binary batches, packs of JPEGs, and folders of pictures:
/// `train/<class>` with `test/<class>` or `val/<class>`, or `<class>` alone, which has no test part.
pub fn open(folder: &Path, part: Part) -> Result<Option<Box<dyn Dataset>>, DataError> {
    let names = entries(folder)?;
    let training = part == Part::Training;
    let present = |name: &str| names.iter().find(|path| path.ends_with(name)).cloned();
    let idx = |prefix: &str, what: &str| {
        let name = format!("{prefix}-{what}-ubyte");
        present(&name).or_else(|| present(&format!("{name}.gz")))
    };
    if let Some(pictures) = idx(if training { "train" } else { "t10k" }, "images-idx3") {
        let labels = idx(if training { "train" } else { "t10k" }, "labels-idx1");
        let missing =
            DataError::Missing { place: folder.display().to_string(), what: "labels beside its pictures" };
        let labels = labels.ok_or(missing)?;
        let places = [&pictures, &labels].map(|path| path.display().to_string());
        let idx = Idx::new([&places[0], &places[1]], unpacked(&pictures)?, unpacked(&labels)?)?;
        return Ok(Some(Box::new(idx)));
    }
    if let Some(path) = present(if training { "train.jpegpak" } else { "test.jpegpak" }) {
        return Ok(Some(Box::new(JpegPack::new(&path.display().to_string(), read(&path)?)?)));
    }
    if present("cifar-10-batches-bin").is_some() {
        return open(&folder.join("cifar-10-batches-bin"), part);
    }
    let is_batch = |path: &&PathBuf| {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        name.ends_with(".bin") && name.starts_with(if training { "data_batch_" } else { "test_batch" })
    };
    let batches: Vec<&PathBuf> = names.iter().filter(is_batch).collect();
    if !batches.is_empty() {
        let batches = batches.into_iter().map(|path| Ok(Box::new(Batch::new(path)?) as Box<dyn Records>));
        return Ok(Some(Box::new(Cifar10::new(batches.collect::<Result<_, DataError>>()?)?)));
    }
    let halves: &[&str] = if training { &["train"] } else { &["test", "val"] };
    if let Some(half) = halves.iter().find_map(|name| present(name).filter(|path| path.is_dir())) {
        return Ok(Some(Box::new(Folder::new(&half)?)));
    }
    let known = [
        "train",
        "train-images-idx3-ubyte.gz",
        "train-images-idx3-ubyte",
        "train.jpegpak",
        "data_batch_1.bin",
    ];
    if !training && known.iter().any(|name| present(name).is_some()) {
        return Ok(None);
    }
    if !names.iter().any(|path| path.is_dir()) {
        return Err(DataError::Unrecognised { place: folder.display().to_string() });
    }
    let classes = Folder::new(folder)?;
    Ok(training.then(|| Box::new(classes) as Box<dyn Dataset>))
}

/// The paths in a folder, in alphabetical order.
pub(super) fn entries(folder: &Path) -> Result<Vec<PathBuf>, DataError> {
    let entries = fs::read_dir(folder).and_then(|entries| entries.map(|e| e.map(|e| e.path())).collect());
    let mut paths: Vec<PathBuf> = entries.map_err(|error| unreadable(folder, &error))?;
    paths.sort();
    Ok(paths)
}

pub(super) fn read(path: &Path) -> Result<Vec<u8>, DataError> {
    fs::read(path).map_err(|error| unreadable(path, &error))
}

/// A JPEG or PNG, upright as its camera noted, as three channels.
pub(super) fn decode(place: &str, bytes: &[u8]) -> Result<Picture, DataError> {
    let sentence =
        |error: image::ImageError| DataError::Picture { place: place.into(), reason: error.to_string() };
    let reader = ImageReader::new(Cursor::new(bytes)).with_guessed_format();
    let mut decoder = reader.map_err(|error| sentence(error.into()))?.into_decoder().map_err(sentence)?;
    let orientation = decoder.orientation().map_err(sentence)?;
    let mut picture = DynamicImage::from_decoder(decoder).map_err(sentence)?;
    picture.apply_orientation(orientation);
    let picture = picture.into_rgb8();
    let (width, height) = picture.dimensions();
    Ok(Picture::new(width as usize, height as usize, 3, picture.into_raw()))
}

/// The bytes of a file, unpacked if its name ends in `.gz`.
fn unpacked(path: &Path) -> Result<Vec<u8>, DataError> {
    let bytes = read(path)?;
    if path.extension().is_none_or(|ending| ending != "gz") {
        return Ok(bytes);
    }
    let mut unpacked = Vec::new();
    let outcome = GzDecoder::new(&bytes[..]).take(MAX_UNPACKED).read_to_end(&mut unpacked);
    match outcome {
        Ok(_) => Ok(unpacked),
        Err(error) => {
            Err(DataError::Damaged { place: path.display().to_string(), reason: error.to_string() })
        }
    }
}

fn unreadable(path: &Path, error: &std::io::Error) -> DataError {
    DataError::Unreadable { place: path.display().to_string(), reason: error.to_string() }
}

/// A binary batch that stays on disk.
struct Batch {
    place: String,
    length: u64,
    file: Mutex<File>,
}

impl Batch {
    fn new(path: &Path) -> Result<Self, DataError> {
        let opened = File::open(path).and_then(|file| Ok((file.metadata()?.len(), file)));
        let (length, file) = opened.map_err(|error| unreadable(path, &error))?;
        Ok(Self { place: path.display().to_string(), length, file: Mutex::new(file) })
    }
}

impl Records for Batch {
    fn place(&self) -> &str {
        &self.place
    }

    fn len(&self) -> u64 {
        self.length
    }

    fn read(&self, range: Range<u64>) -> Result<Vec<u8>, DataError> {
        let mut bytes = vec![0; (range.end - range.start) as usize];
        // A reader that panicked left the file as it was: every reader seeks first.
        let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        let outcome = file.seek(SeekFrom::Start(range.start)).and_then(|_| file.read_exact(&mut bytes));
        outcome.map_err(|error| DataError::Unreadable {
            place: self.place.clone(),
            reason: error.to_string(),
        })?;
        Ok(bytes)
    }
}
