//! The bytes of a pickle: operations, and the numbers and strings that follow some of them. Lengths are believed only as
//! far as there are bytes, and nothing is copied.

use super::pickle::Flaw;

#[derive(Default)]
pub(super) struct Program<'a> {
    pub bytes: &'a [u8],
    pub at: usize,
}

/// A string, as its place in the bytes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Text {
    start: usize,
    end: usize,
}

impl Text {
    pub fn of(self, bytes: &[u8]) -> String {
        String::from_utf8_lossy(&bytes[self.start..self.end]).into_owned()
    }
}

impl Program<'_> {
    pub fn take<const N: usize>(&mut self) -> Result<[u8; N], Flaw> {
        let chunk = self.bytes[self.at..].first_chunk().ok_or(Flaw::TooShort)?;
        self.at += N;
        Ok(*chunk)
    }

    /// The number that follows `operation`; None if it is larger than any size or offset.
    pub fn integer(&mut self, operation: u8) -> Result<Option<i64>, Flaw> {
        let length = match operation {
            b'K' => return Ok(Some(self.unsigned::<1>()? as i64)),
            b'M' => return Ok(Some(self.unsigned::<2>()? as i64)),
            b'J' => return Ok(Some(i32::from_le_bytes(self.take()?).into())),
            0x8a => self.unsigned::<1>()?,
            _ => self.unsigned::<4>()?,
        };
        let digits = self.piece(length)?;
        let digits = &self.bytes[digits.start..digits.end];
        // Two's complement, so the last digit has the sign.
        let negative = digits.last().is_some_and(|&last| last & 0x80 != 0);
        let mut bytes = [if negative { 0xff } else { 0 }; 8];
        Ok(bytes
            .get_mut(..digits.len())
            .map(|low| low.copy_from_slice(digits))
            .map(|()| i64::from_le_bytes(bytes)))
    }

    /// The string or bytes that follow `operation`.
    pub fn text(&mut self, operation: u8) -> Result<Text, Flaw> {
        let length = match operation {
            0x8c | b'U' | b'C' => self.unsigned::<1>()?,
            b'X' | b'T' | b'B' => self.unsigned::<4>()?,
            _ => self.unsigned::<8>()?,
        };
        self.piece(length)
    }

    /// Up to the end of the line.
    pub fn line(&mut self) -> Result<String, Flaw> {
        let rest = &self.bytes[self.at..];
        let length = rest.iter().position(|&byte| byte == b'\n').ok_or(Flaw::TooShort)?;
        self.at += length + 1;
        Ok(String::from_utf8_lossy(&rest[..length]).into_owned())
    }

    fn unsigned<const N: usize>(&mut self) -> Result<u64, Flaw> {
        let bytes: [u8; N] = self.take()?;
        Ok(bytes.iter().rev().fold(0, |value, &byte| value << 8 | u64::from(byte)))
    }

    fn piece(&mut self, length: u64) -> Result<Text, Flaw> {
        let start = self.at;
        let end = usize::try_from(length).ok().and_then(|length| start.checked_add(length));
        let end = end.filter(|&end| end <= self.bytes.len()).ok_or(Flaw::TooShort)?;
        self.at = end;
        Ok(Text { start, end })
    }
}
