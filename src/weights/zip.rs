//! The directory of a zip archive as PyTorch writes it: entries that are stored as they are, none compressed.
//!
//! Only the directory at the end is read and, for an entry that is wanted, the thirty bytes before its data. The sizes
//! in it are believed only as far as the file is long, so nothing can be unpacked that is larger than the file itself.
//! PKWARE's APPNOTE 6.3, sections 4.3 and 4.5.

use std::collections::BTreeMap;
use std::ops::Range;

use super::cursor::LIMIT;
use super::{Storage, WeightsError};

/// Signatures, as little-endian numbers.
const LOCAL: u32 = 0x0403_4b50;
const CENTRAL: u32 = 0x0201_4b50;
const END: u32 = 0x0605_4b50;
const END_64: u32 = 0x0606_4b50;
const LOCATOR_64: u32 = 0x0706_4b50;

/// Bytes of the fixed part of each record.
const LOCAL_LENGTH: u64 = 30;
const CENTRAL_LENGTH: usize = 46;
const END_LENGTH: usize = 22;
const END_64_LENGTH: u64 = 56;
const LOCATOR_64_LENGTH: usize = 20;

/// The longest comment after the end record.
const COMMENT: usize = 0xffff;

/// In place of a size that has moved to the zip64 field.
const MOVED: u32 = u32::MAX;

#[derive(Clone, Debug)]
pub(super) struct Entry {
    /// Where its local header begins.
    header: u64,
    /// Length in bytes, packed and unpacked alike.
    pub length: u64,
    plain: bool,
}

/// The entries of an archive by name.
pub(super) async fn directory(storage: &Storage) -> Result<BTreeMap<String, Entry>, WeightsError> {
    let place = central_directory(storage).await?;
    if place.end - place.start > LIMIT {
        let reason = format!("its directory claims to be {} bytes long", place.end - place.start);
        return Err(WeightsError::Header { reason });
    }
    let bytes = storage.read(place).await?;
    let mut entries = BTreeMap::new();
    let mut rest = bytes.as_slice();
    while !rest.is_empty() {
        let (name, entry, length) = entry(rest).ok_or_else(|| damaged("an entry of its directory"))?;
        if entries.insert(name.clone(), entry).is_some() {
            return Err(WeightsError::Header { reason: format!("it has two entries named {name}") });
        }
        rest = &rest[length..];
    }
    Ok(entries)
}

/// Where the bytes of an entry lie. Fails if it is compressed or reaches beyond the file.
pub(super) async fn place(storage: &Storage, name: &str, entry: &Entry) -> Result<Range<u64>, WeightsError> {
    if !entry.plain {
        return Err(WeightsError::Compressed { entry: name.into() });
    }
    let beyond = || WeightsError::Header { reason: format!("{name} lies outside of the file") };
    let after = entry.header.checked_add(LOCAL_LENGTH).ok_or_else(beyond)?;
    let header = storage.read(entry.header..after).await.map_err(|_| beyond())?;
    if u32_at(&header, 0) != Some(LOCAL) {
        return Err(damaged(name));
    }
    let lengths = [26, 28].map(|at| u64::from(u16_at(&header, at).unwrap_or_default()));
    let start = after + lengths[0] + lengths[1];
    let end = start.checked_add(entry.length).filter(|&end| end <= storage.len()).ok_or_else(beyond)?;
    Ok(start..end)
}

/// The bytes of a small entry.
pub(super) async fn read(storage: &Storage, name: &str, entry: &Entry) -> Result<Vec<u8>, WeightsError> {
    let place = place(storage, name, entry).await?;
    if entry.length > LIMIT {
        return Err(WeightsError::Header { reason: format!("{name} is {} bytes long", entry.length) });
    }
    storage.read(place).await
}

async fn central_directory(storage: &Storage) -> Result<Range<u64>, WeightsError> {
    let tail_length = (END_LENGTH + COMMENT + LOCATOR_64_LENGTH) as u64;
    let tail_at = storage.len().saturating_sub(tail_length);
    let tail = storage.read(tail_at..storage.len()).await?;
    // An archive is written from front to back, so one without its end was not received completely.
    let missing = WeightsError::NoDirectory { found: storage.len() };
    let last = tail.len().checked_sub(END_LENGTH).ok_or(missing.clone())?;
    let end = (0..=last).rev().find(|&at| u32_at(&tail, at) == Some(END)).ok_or(missing)?;
    let mut length = u64::from(u32_at(&tail, end + 12).unwrap_or(MOVED));
    let mut offset = u64::from(u32_at(&tail, end + 16).unwrap_or(MOVED));
    let locator = end.checked_sub(LOCATOR_64_LENGTH).filter(|&at| u32_at(&tail, at) == Some(LOCATOR_64));
    if let Some(record) = locator.and_then(|at| u64_at(&tail, at + 8)) {
        let record = record..record.saturating_add(END_64_LENGTH);
        let record = storage.read(record).await.map_err(|_| damaged("its directory"))?;
        let fields = (u32_at(&record, 0) == Some(END_64)).then(|| (u64_at(&record, 40), u64_at(&record, 48)));
        let Some((Some(length_64), Some(offset_64))) = fields else {
            return Err(damaged("its directory"));
        };
        (length, offset) = (length_64, offset_64);
    }
    let end = offset.checked_add(length).filter(|&end| end <= storage.len());
    Ok(offset..end.ok_or_else(|| damaged("its directory"))?)
}

/// The first entry of `bytes`, and how many of them it takes.
fn entry(bytes: &[u8]) -> Option<(String, Entry, usize)> {
    if u32_at(bytes, 0)? != CENTRAL {
        return None;
    }
    let (flags, method) = (u16_at(bytes, 8)?, u16_at(bytes, 10)?);
    let [name, extra, comment] =
        [u16_at(bytes, 28)?, u16_at(bytes, 30)?, u16_at(bytes, 32)?].map(usize::from);
    let name_end = CENTRAL_LENGTH + name;
    let extra_end = name_end + extra;
    let length = extra_end + comment;
    if bytes.len() < length {
        return None;
    }
    let mut moved = moved_fields(&bytes[name_end..extra_end]);
    let mut field = |at| match u32_at(bytes, at)? {
        MOVED => moved.next(),
        value => Some(u64::from(value)),
    };
    // In the order in which the zip64 field has them.
    let (unpacked, packed, header) = (field(24)?, field(20)?, field(42)?);
    let name = String::from_utf8_lossy(&bytes[CENTRAL_LENGTH..name_end]).into_owned();
    // Bit 0 says that the entry is encrypted.
    let plain = method == 0 && flags & 1 == 0 && packed == unpacked;
    Some((name, Entry { header, length: unpacked, plain }, length))
}

/// The numbers of the zip64 field among the extra fields.
fn moved_fields(mut extra: &[u8]) -> impl Iterator<Item = u64> {
    let mut found: &[u8] = &[];
    while let (Some(id), Some(length)) = (u16_at(extra, 0), u16_at(extra, 2)) {
        let Some(field) = extra.get(4..4 + usize::from(length)) else { break };
        if id == 1 {
            found = field;
            break;
        }
        extra = &extra[4 + usize::from(length)..];
    }
    found.chunks_exact(8).map(|bytes| u64_at(bytes, 0).unwrap_or_default())
}

fn damaged(what: &str) -> WeightsError {
    WeightsError::Header { reason: format!("{what} is not as a zip archive has it") }
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_le_bytes(*bytes.get(at..)?.first_chunk()?))
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_le_bytes(*bytes.get(at..)?.first_chunk()?))
}

fn u64_at(bytes: &[u8], at: usize) -> Option<u64> {
    Some(u64::from_le_bytes(*bytes.get(at..)?.first_chunk()?))
}
