//! A matrix product in blocks that fit the caches, over packed panels.
//!
//! The left matrix is packed into panels of four rows, once for weights; the right one into panels of eight columns,
//! a block at a time, by whoever knows where its values are ([`Columns`]): a matrix, or the windows of an image.
//! Goto and van de Geijn 2008, "Anatomy of high-performance matrix multiplication".

use std::ops::Range;

use super::epilogue::Epilogue;
use super::simd::{F32x4, LANES};
use super::tile::{self, COLUMNS, Finish, Panel, ROWS, Target};
use super::wide;

/// Panels of rows of the tallest tile with eight lanes: twelve sums, as many as are on their way at once.
const MOST_PANELS: usize = 3;
/// With sixteen lanes there are twice as many registers.
const MOST_PANELS_OF_SIXTEEN: usize = 4;
/// Values of the depth worked on at once: a panel of columns then takes a quarter of a first-level cache.
const DEPTH_BLOCK: usize = 384;
/// Values of the right matrix packed at once: a quarter of a second-level cache.
const BLOCK: usize = 32 * 1024;
const MOST_COLUMNS: usize = 512;
/// With fewer rows than this, packing the columns costs more than reading them where they are.
const ROWS_WORTH_PACKING: usize = 40;
/// A left matrix larger than this is streamed from memory once per block instead of once per panel of columns.
const RESIDENT: usize = 48 * 1024;

/// The left matrix of a product in panels of four rows, `[rows / 4][depth][4]`, the last one padded with zeros.
#[derive(Clone, Copy)]
pub struct Panels<'a> {
    pub values: &'a [f32],
    pub rows: usize,
    pub depth: usize,
}

/// The right matrix of a product, `depth` by `count`, wherever its values are.
pub trait Columns {
    fn count(&self) -> usize;

    /// Packs at most eight columns as `[depth][width]`, `width` being four or eight; missing columns become zeros.
    fn pack(&self, depth: Range<usize>, columns: Range<usize>, width: usize, panel: &mut [f32]);

    /// Where each of the columns starts in the result.
    fn offsets(&self, columns: Range<usize>, offsets: &mut [u32]);

    /// The whole matrix as rows side by side in memory, and their distance, if that is how it lies.
    fn in_place(&self) -> Option<(&[f32], usize)> {
        None
    }
}

/// Length of the packed form of a `rows` by `depth` matrix.
pub fn packed_len(rows: usize, depth: usize) -> usize {
    rows.next_multiple_of(ROWS) * depth
}

/// Where value `k` of a row is in the packed form.
pub fn packed_index(depth: usize, row: usize, k: usize) -> usize {
    (row / ROWS * depth + k) * ROWS + row % ROWS
}

/// `c = epilogue(a b)`, or `c = epilogue(c + a b)`; rows of `c` are `row_stride` apart, columns where `b` says.
///
/// # Panics
/// If a panel is shorter than its shape says or a column lies outside `c`.
pub fn multiply(
    a: Panels,
    b: &impl Columns,
    c: &mut [f32],
    row_stride: usize,
    accumulate: bool,
    epilogue: Epilogue,
    workspace: &mut Vec<f32>,
) {
    let (rows, depth, count) = (a.rows, a.depth, b.count());
    if rows == 0 || count == 0 {
        return;
    }
    assert!(depth > 0, "a product of no terms has no panels");
    assert!(a.values.len() >= packed_len(rows, depth), "the packed rows are shorter than {rows} by {depth}");
    let depth_block = depth.div_ceil(depth.div_ceil(DEPTH_BLOCK));
    let most = (BLOCK / depth_block / COLUMNS * COLUMNS).clamp(COLUMNS, MOST_COLUMNS);
    let in_place = if rows < ROWS_WORTH_PACKING { b.in_place() } else { None };
    workspace.resize(workspace.len().max(most * depth_block), 0.0);
    let mut offsets = [0; MOST_COLUMNS];
    for first in (0..count).step_by(most) {
        let width = most.min(count - first);
        let offsets = &mut offsets[..width];
        b.offsets(first..first + width, offsets);
        let furthest = offsets.iter().max().map_or(0, |&offset| offset as usize) + (rows - 1) * row_stride;
        assert!(
            furthest < c.len(),
            "a column of the product ends at {furthest}, beyond its {} values",
            c.len()
        );
        let residual = epilogue.residual.map_or(c.len(), <[f32]>::len);
        assert!(residual >= c.len(), "the residual has {residual} values, the output {}", c.len());
        for start in (0..depth).step_by(depth_block) {
            let block = start..depth.min(start + depth_block);
            let finish = Finish {
                accumulate: accumulate || start > 0,
                epilogue: (block.end == depth).then_some(epilogue),
            };
            let nothing = Panel { values: std::ptr::null(), stride: 0, offsets: &[] };
            let mut panels = [nothing; MOST_COLUMNS / COLUMNS];
            let packed = workspace.chunks_exact_mut(COLUMNS * depth_block);
            for (index, ((offsets, panel), packed)) in
                offsets.chunks(COLUMNS).zip(&mut panels).zip(packed).enumerate()
            {
                let columns = first + index * COLUMNS..first + index * COLUMNS + offsets.len();
                *panel = match in_place {
                    Some((values, stride)) if columns.len() == COLUMNS => {
                        assert!(
                            (block.end - 1) * stride + columns.end <= values.len(),
                            "the right matrix is short"
                        );
                        Panel {
                            values: values[block.start * stride + columns.start..].as_ptr(),
                            stride,
                            offsets,
                        }
                    }
                    _ => {
                        let stride = columns.len().next_multiple_of(wide::lanes().min(COLUMNS));
                        b.pack(block.clone(), columns, stride, &mut packed[..stride * block.len()]);
                        Panel { values: packed.as_ptr(), stride, offsets }
                    }
                };
            }
            let target = Target { values: c.as_mut_ptr(), row_stride };
            let panels = &panels[..width.div_ceil(COLUMNS)];
            // Every panel is as long as the block is deep and every column was checked above.
            unsafe { multiply_block(a, block, panels, &target, &finish) };
        }
    }
}

/// `c = a b` with a right matrix that is packed already: whole panels of [`packed_columns`], the last one maybe of four
/// where there are four lanes.
///
/// # Panics
/// If `b` or `c` is shorter than its shape.
pub fn multiply_packed(a: Panels, b: &[f32], c: &mut [f32], count: usize) {
    assert!(
        a.values.len() >= packed_len(a.rows, a.depth)
            && count <= MOST_COLUMNS
            && count.is_multiple_of(wide::lanes())
    );
    assert!(
        b.len() >= a.depth * count && c.len() >= a.rows * count,
        "a product of {count} columns does not fit"
    );
    let mut offsets = [0; MOST_COLUMNS];
    offsets.iter_mut().enumerate().for_each(|(column, offset)| *offset = column as u32);
    let target = Target { values: c.as_mut_ptr(), row_stride: count };
    let finish = Finish { accumulate: false, epilogue: None };
    let mut panels = [Panel { values: std::ptr::null(), stride: 0, offsets: &[] }; MOST_COLUMNS / COLUMNS];
    let columns = packed_columns();
    for (place, offsets) in panels.iter_mut().zip(offsets[..count].chunks(columns)) {
        let start = offsets[0] as usize * a.depth;
        *place = Panel { values: b[start..].as_ptr(), stride: offsets.len(), offsets };
    }
    // The lengths were checked above.
    unsafe { multiply_block(a, 0..a.depth, &panels[..count.div_ceil(columns)], &target, &finish) };
}

/// Columns of a panel for [`multiply_packed`].
#[inline(always)]
pub fn packed_columns() -> usize {
    wide::lanes().max(COLUMNS)
}

unsafe fn multiply_block(a: Panels, block: Range<usize>, panels: &[Panel], target: &Target, finish: &Finish) {
    let lanes = wide::lanes();
    let tallest = match lanes {
        16 => MOST_PANELS_OF_SIXTEEN * ROWS,
        8 => MOST_PANELS * ROWS,
        _ => 2 * ROWS,
    };
    // Whichever side is smaller stays in the cache while the other one passes by.
    let at_once = if a.rows * block.len() <= RESIDENT { a.rows } else { tallest };
    for row in (0..a.rows).step_by(at_once) {
        let rows = row..a.rows.min(row + at_once);
        for &panel in panels {
            unsafe {
                #[cfg(target_arch = "x86_64")]
                if lanes >= 8 {
                    multiply_panel_wide(a, rows.clone(), &block, panel, target, finish);
                    continue;
                }
                multiply_panel(a, rows.clone(), &block, panel, target, finish);
            }
        }
    }
}

/// Some rows, starting at a multiple of four, times one panel of columns.
unsafe fn multiply_panel(
    a: Panels,
    rows: Range<usize>,
    block: &Range<usize>,
    panel: Panel,
    target: &Target,
    finish: &Finish,
) {
    let (a_panel, narrow, mut row) = (a.depth * ROWS, panel.offsets.len() <= LANES, rows.start);
    while row < rows.end {
        unsafe {
            let values = a.values.as_ptr().add(row / ROWS * a_panel + block.start * ROWS);
            if !narrow {
                wide_tile(block.len(), values, panel, row..rows.end.min(row + ROWS), target, finish);
                row += ROWS;
            } else if row + ROWS < rows.end {
                let rows = row..rows.end.min(row + 2 * ROWS);
                narrow_tile::<2>(block.len(), (values, a_panel), panel, rows, target, finish);
                row += 2 * ROWS;
            } else {
                narrow_tile::<1>(block.len(), (values, a_panel), panel, row..rows.end, target, finish);
                row += ROWS;
            }
        }
    }
}

/// As [`multiply_panel`], with sixteen lanes where the panel has more than eight columns, with eight where not.
#[cfg(target_arch = "x86_64")]
unsafe fn multiply_panel_wide(
    a: Panels,
    rows: Range<usize>,
    block: &Range<usize>,
    panel: Panel,
    target: &Target,
    finish: &Finish,
) {
    let (a_panel, mut row, sixteen) = (a.depth * ROWS, rows.start, panel.offsets.len() > COLUMNS);
    let most = if sixteen { MOST_PANELS_OF_SIXTEEN } else { MOST_PANELS };
    while row < rows.end {
        let left = (rows.end - row).div_ceil(ROWS);
        // Tiles of about the same height: a flat one would wait for its own sums.
        let panels = left.div_ceil(left.div_ceil(most));
        let rows = row..rows.end.min(row + panels * ROWS);
        row += panels * ROWS;
        unsafe {
            let values = a.values.as_ptr().add(rows.start / ROWS * a_panel + block.start * ROWS);
            let tile = match (sixteen, panels) {
                (false, 1) => eight_lanes::<1>,
                (false, 2) => eight_lanes::<2>,
                (false, _) => eight_lanes::<MOST_PANELS>,
                (true, 1) => sixteen_lanes::<1>,
                (true, 2) => sixteen_lanes::<2>,
                (true, 3) => sixteen_lanes::<3>,
                (true, _) => sixteen_lanes::<MOST_PANELS_OF_SIXTEEN>,
            };
            tile(block.len(), (values, a_panel), panel, rows, target, finish);
        }
    }
}

// Functions of their own, so that the registers of one loop are not the business of another.

#[inline(never)]
unsafe fn wide_tile(
    depth: usize,
    a: *const f32,
    panel: Panel,
    rows: Range<usize>,
    target: &Target,
    finish: &Finish,
) {
    unsafe { tile::multiply::<F32x4, 1, 2>(depth, (a, 0), panel, rows, target, finish) }
}

#[inline(never)]
unsafe fn narrow_tile<const PANELS: usize>(
    depth: usize,
    a: (*const f32, usize),
    panel: Panel,
    rows: Range<usize>,
    target: &Target,
    finish: &Finish,
) {
    unsafe { tile::multiply::<F32x4, PANELS, 1>(depth, a, panel, rows, target, finish) }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma")]
#[inline(never)]
unsafe fn eight_lanes<const PANELS: usize>(
    depth: usize,
    a: (*const f32, usize),
    panel: Panel,
    rows: Range<usize>,
    target: &Target,
    finish: &Finish,
) {
    unsafe { tile::multiply::<wide::F32x8, PANELS, 1>(depth, a, panel, rows, target, finish) }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f")]
#[inline(never)]
unsafe fn sixteen_lanes<const PANELS: usize>(
    depth: usize,
    a: (*const f32, usize),
    panel: Panel,
    rows: Range<usize>,
    target: &Target,
    finish: &Finish,
) {
    unsafe { tile::multiply::<wide::F32x16, PANELS, 1>(depth, a, panel, rows, target, finish) }
}
