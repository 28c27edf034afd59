//! Labelled pictures for training: the digits of MNIST, CIFAR-10, and folders of photos.
//!
//! A [`Dataset`] gives one picture at a time, so that what does not fit into memory stays on disk. The readers of
//! bytes work anywhere; finding and opening files is the native program's. Knows no network and no augmentation: a
//! picture comes out as its file has it.

mod batches;
pub mod cifar;
pub mod idx;
mod subset;

#[cfg(feature = "cli")]
mod files;
#[cfg(feature = "cli")]
mod folder;
#[cfg(feature = "cli")]
mod jpegpak;

use thiserror::Error;

use crate::augment::AugmentError;
use crate::image::ImageError;

pub use batches::{Batches, Fit};
#[cfg(feature = "cli")]
pub use files::open;
pub use subset::{Subset, divide};

/// Pictures and their classes, in a fixed order.
pub trait Dataset: Send + Sync {
    /// Names of the classes; a label is an index into them.
    fn classes(&self) -> &[String];

    /// Number of pictures.
    fn len(&self) -> usize;

    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The class of one picture, at hand without reading the picture.
    ///
    /// # Panics
    /// If there are not so many pictures.
    fn label(&self, index: usize) -> usize;

    /// One picture. Fails where its file cannot be read any more or is damaged.
    ///
    /// # Panics
    /// If there are not so many pictures.
    fn picture(&self, index: usize) -> Result<Picture, DataError>;
}

/// Which part of a dataset.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    Training,
    /// The official test pictures, never trained on.
    Test,
}

/// A picture of eight-bit values, row by row, the channels of a pixel side by side.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Picture {
    pub width: usize,
    pub height: usize,
    /// 1 for grey, 3 for red, green and blue.
    pub channels: usize,
    pub pixels: Vec<u8>,
}

/// Why a dataset cannot be used.
#[derive(Clone, Debug, Error, PartialEq)]
pub enum DataError {
    #[error("{place} cannot be read ({reason}); check its name")]
    Unreadable { place: String, reason: String },
    #[error(
        "{place} holds no dataset: expected MNIST's idx files, CIFAR-10's binary batches, train.jpegpak, or folders of \
         pictures, one per class"
    )]
    Unrecognised { place: String },
    #[error(
        "{place} is not an idx file of {what}: expected it to begin with {expected:#010x}, got {found:#010x}"
    )]
    Magic { place: String, what: &'static str, expected: u32, found: u32 },
    #[error(
        "{place} is damaged: its header announces {expected} bytes, and there are {found}; download it again"
    )]
    Length { place: String, expected: u64, found: u64 },
    #[error("{place} is damaged ({reason}); download it again")]
    Damaged { place: String, reason: String },
    #[error(
        "{place} has {pictures} pictures, and {labels_place} has {labels} labels; they belong to different sets"
    )]
    Counts { place: String, pictures: usize, labels_place: String, labels: usize },
    #[error(
        "picture {index} of {place} has label {label}, and there are {classes} classes; download it again"
    )]
    Label { place: String, index: usize, label: usize, classes: usize },
    #[error("{place} is not a picture that can be read ({reason}); remove it, or save it as JPEG or PNG")]
    Picture { place: String, reason: String },
    #[error("{place} has {found} classes with pictures; at least two are needed, a folder for each")]
    TooFewClasses { place: String, found: usize },
    #[error(
        "class {class} has {found} pictures, and {expected} of each class are to be learned from, with at least one left to test; lower per_class"
    )]
    TooFewPictures { class: String, expected: usize, found: usize },
    #[error(transparent)]
    Augmentation(#[from] AugmentError),
    #[error(transparent)]
    Image(#[from] ImageError),
    #[error("{place} has no {what}; the recipe needs them")]
    Missing { place: String, what: &'static str },
}

impl Picture {
    /// # Panics
    /// If there are not `width * height * channels` values.
    pub fn new(width: usize, height: usize, channels: usize, pixels: Vec<u8>) -> Self {
        assert_eq!(width * height * channels, pixels.len(), "a picture of {width} x {height} x {channels}");
        Self { width, height, channels, pixels }
    }

    /// The same picture as RGBA bytes, opaque: what [`crate::image::preprocess`] takes.
    pub fn rgba(&self) -> Vec<u8> {
        let pixels = self.pixels.chunks_exact(self.channels);
        pixels
            .flat_map(|p| if p.len() == 1 { [p[0], p[0], p[0], 255] } else { [p[0], p[1], p[2], 255] })
            .collect()
    }
}

/// Fails at the first label that is no class.
fn check_labels(place: &str, labels: &[u8], classes: usize) -> Result<(), DataError> {
    match labels.iter().position(|&label| usize::from(label) >= classes) {
        None => Ok(()),
        Some(index) => {
            let label = usize::from(labels[index]);
            Err(DataError::Label { place: place.into(), index, label, classes })
        }
    }
}
