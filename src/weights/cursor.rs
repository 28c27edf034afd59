//! A place in a file that is read from front to back, piece by piece, skipping what lies between.
//!
//! Knows no format. However long a file says that something in it is, no more than [`LIMIT`] bytes are read at once.

use std::ops::Range;

use super::{Storage, WeightsError};

/// The longest piece that is read at once: names, directories and pickles of networks stay far below.
pub(super) const LIMIT: u64 = 16 << 20;

pub(super) struct Cursor<'a> {
    storage: &'a Storage,
    at: u64,
    end: u64,
}

impl<'a> Cursor<'a> {
    /// At the start of `range`, which ends no later than the file.
    pub fn new(storage: &'a Storage, range: Range<u64>) -> Self {
        Self { storage, at: range.start, end: range.end.min(storage.len()) }
    }

    pub fn left(&self) -> u64 {
        self.end.saturating_sub(self.at)
    }

    /// The place of the next `count` bytes, which are passed over. Fails if there are fewer.
    pub fn skip(&mut self, count: u64) -> Result<Range<u64>, WeightsError> {
        let start = self.at;
        if count > self.left() {
            return Err(self.too_short(start, count));
        }
        self.at += count;
        Ok(start..self.at)
    }

    /// The next `count` bytes. Fails if there are fewer, or if they are too many to be what they claim to be.
    pub async fn bytes(&mut self, count: u64) -> Result<Vec<u8>, WeightsError> {
        let range = self.skip(count)?;
        if count > LIMIT {
            let reason = format!("a piece of it claims to be {count} bytes long");
            return Err(WeightsError::Header { reason });
        }
        self.storage.read(range).await
    }

    /// The next `count` bytes or as many as there are, which stay the next ones.
    pub async fn peek(&self, count: u64) -> Result<Vec<u8>, WeightsError> {
        self.storage.read(self.at..self.at + count.min(self.left())).await
    }

    pub async fn array<const N: usize>(&mut self) -> Result<[u8; N], WeightsError> {
        let bytes = self.bytes(N as u64).await?;
        Ok(*bytes.first_chunk().expect("as many bytes as were asked for"))
    }

    fn too_short(&self, start: u64, count: u64) -> WeightsError {
        match start.checked_add(count) {
            Some(expected) if self.end == self.storage.len() => {
                WeightsError::Truncated { expected, found: self.storage.len() }
            }
            _ => WeightsError::Header { reason: "a piece of it is longer than what it lies in".into() },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_are_read_in_order_and_what_is_skipped_is_passed_over() {
        let storage = Storage::memory((0..=255).collect());
        let mut cursor = Cursor::new(&storage, 1..256);
        pollster::block_on(async {
            assert_eq!(cursor.array().await, Ok([1, 2]));
            assert_eq!(cursor.skip(200), Ok(3..203));
            assert_eq!(cursor.bytes(2).await, Ok(vec![203, 204]));
            assert_eq!(cursor.left(), 51);
        });
    }

    #[test]
    fn a_length_beyond_the_end_reads_nothing() {
        let storage = Storage::memory(vec![0; 10]);
        let mut cursor = Cursor::new(&storage, 0..10);
        let beyond = pollster::block_on(cursor.bytes(11));
        assert_eq!(beyond, Err(WeightsError::Truncated { expected: 11, found: 10 }));
        let overflowing = pollster::block_on(cursor.bytes(u64::MAX));
        assert!(overflowing.is_err(), "{overflowing:?}");
        let mut inner = Cursor::new(&storage, 0..5);
        assert!(matches!(inner.skip(6), Err(WeightsError::Header { .. })));
    }
}
