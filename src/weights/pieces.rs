//! Tensors that a checkpoint in several files has in pieces: some rows in each file, under names like `fc.weight[0..512]`.
//!
//! Hosts of static files refuse large ones, and one matrix of VGG's is larger than that.

use std::collections::BTreeMap;
use std::ops::Range;

use super::stored::Kind;
use super::{Storage, Stored, WeightsError};

/// The tensors with those put together whose rows are in pieces.
///
/// Fails if rows are missing between pieces, or before the first; who asks for the tensor finds out that it is too short.
pub(super) fn joined(tensors: BTreeMap<String, Stored>) -> Result<BTreeMap<String, Stored>, WeightsError> {
    let mut whole = BTreeMap::new();
    let mut pieces: BTreeMap<String, BTreeMap<usize, Stored>> = BTreeMap::new();
    for (name, stored) in tensors {
        match rows_of(&name, &stored) {
            Some((of, rows)) => {
                pieces.entry(of.into()).or_default().insert(rows.start, stored);
            }
            None => {
                whole.insert(name, stored);
            }
        }
    }
    for (name, pieces) in pieces {
        let mut rows = 0;
        for (&first, piece) in &pieces {
            if first > rows {
                return Err(WeightsError::RowsMissing { name, first: rows, last: first - 1 });
            }
            rows = first + piece.dims[0];
        }
        let stored = join(pieces.into_values().collect(), rows);
        whole.insert(name, stored);
    }
    Ok(whole)
}

/// The tensor's name and its rows, where a name is that of a piece of so many rows.
fn rows_of<'a>(name: &'a str, stored: &Stored) -> Option<(&'a str, Range<usize>)> {
    let (of, rows) = name.strip_suffix(']')?.rsplit_once('[')?;
    let (start, end) = rows.split_once("..")?;
    let rows = start.parse().ok()?..end.parse().ok()?;
    (stored.strides.is_none() && stored.dims.first() == Some(&rows.len())).then_some((of, rows))
}

/// One tensor of the rows of all pieces, in order.
fn join(pieces: Vec<Stored>, rows: usize) -> Stored {
    let scales = |piece: &Stored| match &piece.kind {
        Kind::I8 { scales } => Some((piece.storage.clone(), scales.clone())),
        _ => None,
    };
    let values: Vec<_> = pieces.iter().map(|piece| (piece.storage.clone(), piece.range.clone())).collect();
    let scales: Vec<_> = pieces.iter().filter_map(scales).collect();
    let length =
        |parts: &[(Storage, Range<u64>)]| parts.iter().map(|(_, range)| range.end - range.start).sum();
    let (end, scales_length): (u64, u64) = (length(&values), length(&scales));
    let kind = match pieces[0].kind {
        Kind::I8 { .. } => Kind::I8 { scales: end..end + scales_length },
        ref kind => kind.clone(),
    };
    let dims = [&[rows], &pieces[0].dims[1..]].concat();
    let storage = Storage::joined(values.into_iter().chain(scales).collect());
    Stored { storage, dims, kind, range: 0..end, strides: None }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Rows of two values each, the row's number and its square, as 32-bit numbers or as bytes with scales.
    fn piece(rows: Range<usize>, bytes: bool) -> (String, Stored) {
        let name = format!("w[{}..{}]", rows.start, rows.end);
        let values = rows.clone().flat_map(|row| [row, row * row]);
        let (kind, contents): (_, Vec<u8>) = if bytes {
            let count = 2 * rows.len() as u64;
            let scales = rows.clone().flat_map(|_| 1f32.to_le_bytes());
            (Kind::I8 { scales: count..3 * count }, values.map(|v| v as u8).chain(scales).collect())
        } else {
            (Kind::F32, values.flat_map(|v| (v as f32).to_le_bytes()).collect())
        };
        let range = 0..if bytes { 2 } else { 8 } * rows.len() as u64;
        let storage = Storage::memory(contents);
        (name, Stored { storage, dims: vec![rows.len(), 2], kind, range, strides: None })
    }

    #[test]
    fn rows_in_pieces_are_the_rows_of_the_whole() {
        for bytes in [false, true] {
            let tensors = [0..3, 3..4, 4..10].map(|rows| piece(rows, bytes)).into();
            let whole = joined(tensors).unwrap().remove("w").unwrap();
            assert_eq!(whole.dims, [10, 2]);
            let expected = |rows: Range<usize>| -> Vec<f32> {
                rows.flat_map(|row| [row as f32, (row * row) as f32]).collect()
            };
            for rows in [0..10, 2..5, 9..10] {
                let found = pollster::block_on(whole.rows(rows.clone()).values("w"));
                assert_eq!(found, Ok(Some(expected(rows))), "bytes: {bytes}");
            }
        }
    }

    #[test]
    fn missing_rows_are_named() {
        let error = joined([0..3, 5..6].map(|rows| piece(rows, false)).into()).unwrap_err();
        assert_eq!(error, WeightsError::RowsMissing { name: "w".into(), first: 3, last: 4 });
    }
}
