//! CIFAR-10's official binary batches: 10,000 records of one label byte and 3 x 32 x 32 values, channel by channel.
//!
//! Krizhevsky 2009, "Learning Multiple Layers of Features from Tiny Images". Records are read when they are asked for,
//! from memory or from a file: [`Records`] says how.

use std::ops::Range;

use crate::models::Classes;

use super::{DataError, Dataset, Picture, check_labels};

pub const SIDE: usize = 32;

const VALUES: usize = 3 * SIDE * SIDE;
const RECORD: usize = 1 + VALUES;

/// The bytes of one batch, wherever they are.
pub trait Records: Send + Sync {
    /// The batch's name, for errors.
    fn place(&self) -> &str;

    /// Number of bytes.
    fn len(&self) -> u64;

    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn read(&self, range: Range<u64>) -> Result<Vec<u8>, DataError>;
}

/// The ten classes, as the datasets of this module name them.
pub(super) fn class_names() -> Vec<String> {
    Classes::Cifar10.names().into_iter().map(String::from).collect()
}

/// Any number of batches as one dataset; the labels are in memory, the pixels are not.
pub struct Cifar10 {
    classes: Vec<String>,
    batches: Vec<Box<dyn Records>>,
    labels: Vec<u8>,
    /// Batch and record of every picture.
    found: Vec<(usize, u64)>,
}

impl Cifar10 {
    /// Fails if a batch is not a whole number of records, or a label is no class.
    pub fn new(batches: Vec<Box<dyn Records>>) -> Result<Self, DataError> {
        let (mut labels, mut found) = (Vec::new(), Vec::new());
        for (number, batch) in batches.iter().enumerate() {
            let (place, length) = (batch.place().to_string(), batch.len());
            if length == 0 || !length.is_multiple_of(RECORD as u64) {
                let expected = length.div_ceil(RECORD as u64).max(1) * RECORD as u64;
                return Err(DataError::Length { place, expected, found: length });
            }
            let before = labels.len();
            for record in 0..length / RECORD as u64 {
                let at = record * RECORD as u64;
                labels.extend(batch.read(at..at + 1)?);
                found.push((number, record));
            }
            check_labels(&place, &labels[before..], Classes::Cifar10.count())?;
        }
        Ok(Self { classes: class_names(), batches, labels, found })
    }
}

impl Dataset for Cifar10 {
    fn classes(&self) -> &[String] {
        &self.classes
    }

    fn len(&self) -> usize {
        self.labels.len()
    }

    fn label(&self, index: usize) -> usize {
        usize::from(self.labels[index])
    }

    fn picture(&self, index: usize) -> Result<Picture, DataError> {
        let (batch, record) = self.found[index];
        let start = record * RECORD as u64 + 1;
        let planes = self.batches[batch].read(start..start + VALUES as u64)?;
        let pixel = |at: usize| [0, 1, 2].map(|channel| planes[channel * SIDE * SIDE + at]);
        Ok(Picture::new(SIDE, SIDE, 3, (0..SIDE * SIDE).flat_map(pixel).collect()))
    }
}

/// A batch that is in memory.
pub struct InMemory {
    pub place: String,
    pub bytes: Vec<u8>,
}

impl Records for InMemory {
    fn place(&self) -> &str {
        &self.place
    }

    fn len(&self) -> u64 {
        self.bytes.len() as u64
    }

    fn read(&self, range: Range<u64>) -> Result<Vec<u8>, DataError> {
        Ok(self.bytes[range.start as usize..range.end as usize].to_vec())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn batch(bytes: Vec<u8>) -> Box<dyn Records> {
        Box::new(InMemory { place: "batch".into(), bytes })
    }

    fn record(label: u8, start: u8) -> Vec<u8> {
        [label].into_iter().chain((0..VALUES).map(|i| start.wrapping_add((i / 1024) as u8))).collect()
    }

    #[test]
    fn records_of_all_batches_become_interleaved_pixels() {
        let two = [record(3, 10), record(9, 20)].concat();
        let data = Cifar10::new(vec![batch(two), batch(record(0, 30))]).expect("sound batches");
        assert_eq!((data.len(), [0, 1, 2].map(|i| data.label(i))), (3, [3, 9, 0]));
        let picture = data.picture(2).expect("in memory");
        assert_eq!(picture.pixels[..6], [30, 31, 32, 30, 31, 32]);
    }

    #[test]
    fn half_a_record_and_a_strange_label_are_errors() {
        for bytes in [vec![], record(0, 0)[..100].to_vec(), [record(0, 0), vec![1]].concat()] {
            let error = Cifar10::new(vec![batch(bytes)]).err().expect("too short").to_string();
            assert!(error.contains("batch is damaged"), "{error}");
        }
        let error = Cifar10::new(vec![batch(record(10, 0))]).err().expect("no class").to_string();
        assert!(error.contains("label 10, and there are 10 classes"), "{error}");
    }
}
