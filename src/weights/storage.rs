//! The bytes of a file, wherever they are: in memory, or somewhere that is read piece by piece, so that a network of
//! half a gigabyte never lies in memory as a whole.
//!
//! Knows no format, no file system and no browser: whoever opens a file hands in how to read a range of it.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::fmt;
use std::future::Future;
use std::ops::Range;
use std::pin::Pin;
use std::rc::Rc;

use super::WeightsError;

/// Reads a range of bytes; the error is a sentence.
type Read = dyn Fn(Range<u64>) -> Pin<Box<dyn Future<Output = Result<Vec<u8>, String>>>>;

#[derive(Clone)]
pub struct Storage {
    len: u64,
    place: Place,
}

#[derive(Clone)]
enum Place {
    Memory(Rc<Vec<u8>>),
    Elsewhere(Rc<Elsewhere>),
}

struct Elsewhere {
    read: Box<Read>,
    /// Where each of the blocks begins that were read last, and its bytes; the newest is the first.
    blocks: RefCell<VecDeque<(u64, Vec<u8>)>>,
}

/// Bytes that are read at once where less is asked for: a file lists the four vectors of a batch norm side by side,
/// and asking a browser takes longer than copying.
const BLOCK: u64 = 64 << 10;

/// Blocks that are kept: enough for the vectors and the beginnings of tensors of a whole network, which are asked for
/// when the file is opened and again when it is read.
const KEPT_BLOCKS: usize = 64;

impl Storage {
    /// Bytes that are already at hand.
    pub fn memory(bytes: Vec<u8>) -> Self {
        Self { len: bytes.len() as u64, place: Place::Memory(Rc::new(bytes)) }
    }

    /// A file of `len` bytes of which `read` gives any range.
    pub fn elsewhere<F>(len: u64, read: impl Fn(Range<u64>) -> F + 'static) -> Self
    where
        F: Future<Output = Result<Vec<u8>, String>> + 'static,
    {
        let read: Box<Read> = Box::new(move |range| Box::pin(read(range)));
        Self { len, place: Place::Elsewhere(Rc::new(Elsewhere { read, blocks: RefCell::default() })) }
    }

    /// Ranges of other storages, one after another.
    pub fn joined(parts: Vec<(Self, Range<u64>)>) -> Self {
        let len = parts.iter().map(|(_, range)| range.end - range.start).sum();
        let parts = Rc::new(parts);
        Self::elsewhere(len, move |wanted| {
            let parts = parts.clone();
            async move {
                let mut bytes = Vec::with_capacity((wanted.end - wanted.start) as usize);
                let mut start = 0;
                for (storage, Range { start: first, end }) in parts.iter() {
                    let within = |at: u64| first + at.clamp(start, start + end - first) - start;
                    let range = within(wanted.start)..within(wanted.end);
                    if !range.is_empty() {
                        bytes.extend(storage.read(range).await.map_err(|error| error.to_string())?);
                    }
                    start += end - first;
                }
                Ok(bytes)
            }
        })
    }

    /// Length of the file in bytes.
    pub fn len(&self) -> u64 {
        self.len
    }

    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The bytes of `range`.
    ///
    /// Fails with [`WeightsError::Truncated`] if the file ends before it, and with [`WeightsError::Unreadable`] if it
    /// cannot be read any more. Allocates nothing beyond the range, and nothing at all for one that is not there.
    pub async fn read(&self, range: Range<u64>) -> Result<Vec<u8>, WeightsError> {
        if range.end > self.len {
            return Err(WeightsError::Truncated { expected: range.end, found: self.len });
        }
        match &self.place {
            Place::Memory(bytes) => Ok(bytes[range.start as usize..range.end as usize].to_vec()),
            Place::Elsewhere(file) => file.read(range, self.len).await,
        }
    }

    /// The first bytes of the file, `count` of them or all there are.
    pub async fn start(&self, count: u64) -> Result<Vec<u8>, WeightsError> {
        self.read(0..count.min(self.len)).await
    }
}

impl Elsewhere {
    async fn read(&self, range: Range<u64>, len: u64) -> Result<Vec<u8>, WeightsError> {
        if range.end - range.start > BLOCK / 4 {
            return self.ask(range).await;
        }
        let copy = |(start, block): &(u64, Vec<u8>)| {
            let inside = range.start.checked_sub(*start)? as usize;
            Some(block.get(inside..inside + (range.end - range.start) as usize)?.to_vec())
        };
        if let Some(bytes) = self.blocks.borrow().iter().find_map(copy) {
            return Ok(bytes);
        }
        let block = (range.start, self.ask(range.start..len.min(range.start + BLOCK)).await?);
        let bytes = copy(&block).expect("the block begins with the range");
        let mut blocks = self.blocks.borrow_mut();
        blocks.push_front(block);
        blocks.truncate(KEPT_BLOCKS);
        Ok(bytes)
    }

    async fn ask(&self, range: Range<u64>) -> Result<Vec<u8>, WeightsError> {
        let expected = range.end - range.start;
        let bytes = (self.read)(range).await.map_err(|reason| WeightsError::Unreadable { reason })?;
        if bytes.len() as u64 != expected {
            let reason = format!("asked for {expected} bytes, got {}", bytes.len());
            return Err(WeightsError::Unreadable { reason });
        }
        Ok(bytes)
    }
}

impl fmt::Debug for Storage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let place = match self.place {
            Place::Memory(_) => "in memory",
            Place::Elsewhere(_) => "elsewhere",
        };
        write!(f, "{} bytes {place}", self.len)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_reads_the_same_from_memory_and_from_elsewhere() {
        let bytes: Vec<u8> = (0..100).collect();
        let memory = Storage::memory(bytes.clone());
        let elsewhere = Storage::elsewhere(100, move |range| {
            std::future::ready(Ok(bytes[range.start as usize..range.end as usize].to_vec()))
        });
        for storage in [memory, elsewhere] {
            assert_eq!(pollster::block_on(storage.read(10..13)), Ok(vec![10, 11, 12]));
            assert_eq!(pollster::block_on(storage.start(1000)).map(|bytes| bytes.len()), Ok(100));
            let beyond = pollster::block_on(storage.read(90..101));
            assert_eq!(beyond, Err(WeightsError::Truncated { expected: 101, found: 100 }));
        }
    }

    #[test]
    fn small_neighbours_are_read_at_once() {
        let asked = Rc::new(RefCell::new(Vec::new()));
        let storage = Storage::elsewhere(3 * BLOCK, {
            let asked = Rc::clone(&asked);
            move |range: Range<u64>| {
                asked.borrow_mut().push(range.clone());
                std::future::ready(Ok(range.map(|i| i as u8).collect()))
            }
        });
        for start in [1000, 1004, 500, 2 * BLOCK + 900, 2 * BLOCK + 904, 1008] {
            let expected: Vec<u8> = (start..start + 4).map(|i| i as u8).collect();
            assert_eq!(pollster::block_on(storage.read(start..start + 4)), Ok(expected));
        }
        assert_eq!(*asked.borrow(), [1000..1000 + BLOCK, 500..500 + BLOCK, 2 * BLOCK + 900..3 * BLOCK]);
    }

    #[test]
    fn a_file_that_is_gone_is_an_error() {
        let gone = Storage::elsewhere(9, |_| std::future::ready(Err("it was deleted".to_string())));
        let error = pollster::block_on(gone.read(0..3)).unwrap_err().to_string();
        assert!(error.contains("it was deleted"), "{error}");
    }
}
