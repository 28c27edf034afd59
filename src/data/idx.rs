//! MNIST's idx files: a big-endian header (magic number, then one size per axis) and the bytes.
//!
//! LeCun, Cortes and Burges, "The MNIST database of handwritten digits"; the format is described on its page. Knows no
//! compression: a `.gz` is unpacked by whoever opened it.

use super::{DataError, Dataset, Picture, check_labels};

/// Unsigned bytes, three axes: picture, row, column.
pub const PICTURES: u32 = 0x0000_0803;
/// Unsigned bytes, one axis.
pub const LABELS: u32 = 0x0000_0801;

/// Grey pictures and their labels, in memory: the 60,000 digits take 47 MB.
#[derive(Clone, Debug)]
pub struct Idx {
    place: String,
    classes: Vec<String>,
    pictures: Vec<u8>,
    /// Bytes before the first pixel.
    header: usize,
    height: usize,
    width: usize,
    labels: Vec<u8>,
}

impl Idx {
    /// From the bytes of both files; `places` are their names, for errors.
    ///
    /// Fails if either has another magic number, another length than its header says, if their counts differ, or if a
    /// label is not a digit.
    pub fn new(places: [&str; 2], pictures: Vec<u8>, labels: Vec<u8>) -> Result<Self, DataError> {
        let [count, height, width] = header(places[0], &pictures, PICTURES, "pictures")?;
        let [labelled] = header(places[1], &labels, LABELS, "labels")?;
        if count != labelled {
            let (place, labels_place) = (places[0].into(), places[1].into());
            return Err(DataError::Counts { place, pictures: count, labels_place, labels: labelled });
        }
        if height == 0 || width == 0 {
            let reason = format!("its pictures are {width} x {height} pixels");
            return Err(DataError::Damaged { place: places[0].into(), reason });
        }
        let labels = labels[8..].to_vec();
        let classes: Vec<String> = (0..10).map(|digit| digit.to_string()).collect();
        check_labels(places[1], &labels, classes.len())?;
        Ok(Self { place: places[0].into(), classes, pictures, header: 16, height, width, labels })
    }

    /// The name of the file of pictures.
    pub fn place(&self) -> &str {
        &self.place
    }
}

impl Dataset for Idx {
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
        let size = self.width * self.height;
        let pixels = self.pictures[self.header + index * size..][..size].to_vec();
        Ok(Picture::new(self.width, self.height, 1, pixels))
    }
}

/// The sizes of the axes. Fails unless the bytes begin with `magic` and are as many as the sizes say.
fn header<const AXES: usize>(
    place: &str,
    bytes: &[u8],
    magic: u32,
    what: &'static str,
) -> Result<[usize; AXES], DataError> {
    let word = |at: usize| bytes.get(4 * at..)?.first_chunk().map(|word| u32::from_be_bytes(*word));
    let length =
        |expected: u64| DataError::Length { place: place.into(), expected, found: bytes.len() as u64 };
    let start = 4 * (1 + AXES);
    let found = word(0).ok_or(length(start as u64))?;
    if found != magic {
        return Err(DataError::Magic { place: place.into(), what, expected: magic, found });
    }
    let mut sizes = [0; AXES];
    let mut expected = 1u64;
    for (axis, size) in sizes.iter_mut().enumerate() {
        *size = word(1 + axis).ok_or(length(start as u64))? as usize;
        expected = expected.saturating_mul(*size as u64);
    }
    let expected = expected.saturating_add(start as u64);
    if expected == bytes.len() as u64 { Ok(sizes) } else { Err(length(expected)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pictures() -> Vec<u8> {
        let mut bytes = vec![0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 3, 0, 0, 0, 2];
        bytes.extend(0..12);
        bytes
    }

    fn labels() -> Vec<u8> {
        vec![0, 0, 8, 1, 0, 0, 0, 2, 7, 1]
    }

    fn read(pictures: Vec<u8>, labels: Vec<u8>) -> Result<Idx, DataError> {
        Idx::new(["images", "labels"], pictures, labels)
    }

    #[test]
    fn pictures_come_out_row_by_row_with_their_labels() {
        let idx = read(pictures(), labels()).expect("a sound pair");
        assert_eq!((idx.len(), idx.label(0), idx.label(1)), (2, 7, 1));
        assert_eq!(idx.picture(1), Ok(Picture::new(2, 3, 1, (6..12).collect())));
    }

    #[test]
    fn a_file_cut_anywhere_is_an_error_that_says_so() {
        for end in 0..pictures().len() {
            let error = read(pictures()[..end].to_vec(), labels()).unwrap_err().to_string();
            assert!(
                error.contains("images is damaged") && error.contains(&format!("there are {end};")),
                "{error}"
            );
        }
        for end in 0..labels().len() {
            let error = read(pictures(), labels()[..end].to_vec()).unwrap_err().to_string();
            assert!(error.contains("labels is damaged"), "{error}");
        }
    }

    #[test]
    fn sizes_that_no_memory_holds_are_an_error() {
        let mut huge = pictures();
        huge[4..16].fill(255);
        assert!(matches!(read(huge, labels()), Err(DataError::Length { .. })));
    }

    #[test]
    fn what_does_not_belong_together_is_told_apart() {
        let swapped = read(labels(), pictures()).unwrap_err().to_string();
        assert!(swapped.contains("0x00000803, got 0x00000801"), "{swapped}");
        let fewer = vec![0, 0, 8, 1, 0, 0, 0, 1, 7];
        assert!(matches!(read(pictures(), fewer), Err(DataError::Counts { pictures: 2, labels: 1, .. })));
        let stranger = vec![0, 0, 8, 1, 0, 0, 0, 2, 7, 10];
        let error = read(pictures(), stranger).unwrap_err().to_string();
        assert!(error.contains("picture 1") && error.contains("label 10"), "{error}");
    }
}
