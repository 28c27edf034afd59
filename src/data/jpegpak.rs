//! A pack of JPEG files that share one header: CIFAR-10 in 15 MB.
//!
//! Little endian: `"JPEGPAK1"`, the count and the header's length as u32, the header, one u8 label and then one u16 tail
//! length per picture, the tails. Picture `i` is the header and its tail, decoded when it is asked for.

use crate::models::Classes;

use super::{DataError, Dataset, Picture, check_labels, cifar, files};

pub struct JpegPack {
    place: String,
    classes: Vec<String>,
    bytes: Vec<u8>,
    labels: Vec<u8>,
    /// Where the shared header lies.
    header: std::ops::Range<usize>,
    /// Where each tail begins, and where the last one ends.
    tails: Vec<usize>,
}

impl JpegPack {
    /// Fails if the bytes are not a pack, or are fewer or more than its index says.
    pub fn new(place: &str, bytes: Vec<u8>) -> Result<Self, DataError> {
        let damaged = |reason: &str| DataError::Damaged { place: place.into(), reason: reason.into() };
        if !bytes.starts_with(b"JPEGPAK1") {
            return Err(damaged("it does not begin with JPEGPAK1"));
        }
        let word = |at: usize| bytes.get(at..)?.first_chunk().map(|word| u32::from_le_bytes(*word) as usize);
        let (Some(count), Some(header)) = (word(8), word(12)) else {
            return Err(damaged("it ends within its header"));
        };
        let header = 16..16 + header;
        let labels = header.end..header.end + count;
        let lengths = labels.end..labels.end + 2 * count;
        let index = bytes.get(lengths.clone()).ok_or_else(|| damaged("it ends within its index"))?;
        let mut tails = vec![lengths.end];
        for length in index.chunks_exact(2) {
            tails.push(tails[tails.len() - 1] + usize::from(u16::from_le_bytes([length[0], length[1]])));
        }
        let (expected, found) = (tails[count] as u64, bytes.len() as u64);
        if expected != found {
            return Err(DataError::Length { place: place.into(), expected, found });
        }
        let labels = bytes[labels].to_vec();
        check_labels(place, &labels, Classes::Cifar10.count())?;
        let classes = cifar::class_names();
        Ok(Self { place: place.into(), classes, bytes, labels, header, tails })
    }
}

impl Dataset for JpegPack {
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
        let tail = &self.bytes[self.tails[index]..self.tails[index + 1]];
        let jpeg = [&self.bytes[self.header.clone()], tail].concat();
        files::decode(&format!("picture {index} of {}", self.place), &jpeg)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two grey squares, packed.
    fn pack() -> Vec<u8> {
        let jpegs = [40, 200].map(|value| {
            let mut bytes = Vec::new();
            let square = image::RgbImage::from_pixel(8, 8, image::Rgb([value; 3]));
            let written = square.write_to(&mut std::io::Cursor::new(&mut bytes), image::ImageFormat::Jpeg);
            written.expect("memory can be written");
            bytes
        });
        let shared = (0..).take_while(|&at| jpegs[0][at] == jpegs[1][at]).count();
        let lengths = jpegs.iter().flat_map(|jpeg| ((jpeg.len() - shared) as u16).to_le_bytes());
        let mut bytes = b"JPEGPAK1".to_vec();
        bytes.extend([2u32.to_le_bytes(), (shared as u32).to_le_bytes()].concat());
        bytes.extend_from_slice(&jpegs[0][..shared]);
        bytes.extend([3, 8]);
        bytes.extend(lengths);
        jpegs.iter().for_each(|jpeg| bytes.extend_from_slice(&jpeg[shared..]));
        bytes
    }

    #[test]
    fn a_picture_is_the_header_and_its_tail() {
        let data = JpegPack::new("pack", pack()).expect("a sound pack");
        assert_eq!((data.len(), data.label(0), data.label(1)), (2, 3, 8));
        for (index, value) in [(0, 40u8), (1, 200)] {
            let picture = data.picture(index).expect("a sound JPEG");
            assert_eq!((picture.width, picture.height, picture.channels), (8, 8, 3));
            assert!(
                picture.pixels.iter().all(|&pixel| pixel.abs_diff(value) < 3),
                "{:?}",
                &picture.pixels[..3]
            );
        }
    }

    #[test]
    fn a_pack_cut_anywhere_is_an_error_and_a_damaged_picture_says_which() {
        let whole = pack();
        for end in (0..whole.len()).step_by(7) {
            assert!(JpegPack::new("pack", whole[..end].to_vec()).is_err(), "cut at {end}");
        }
        let mut broken = whole;
        broken[16..40].fill(0);
        let data = JpegPack::new("pack", broken).expect("the index is sound");
        let error = data.picture(1).unwrap_err().to_string();
        assert!(error.starts_with("picture 1 of pack is not a picture"), "{error}");
    }
}
