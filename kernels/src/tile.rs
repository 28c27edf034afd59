//! The innermost loop: a few rows times eight columns of a matrix product, held in registers.
//!
//! Four rows by eight columns fill sixteen registers of four lanes without spilling, which is what a wasm engine has to
//! work with: eight sums, two vectors of columns, four broadcast values and one product. With eight lanes and no
//! product to keep, they are twelve rows by eight columns; sixteen lanes come with more registers, for sixteen rows.
//! Knows packed panels only, not where they come from.

use std::ops::Range;

use super::activation::Activation;
use super::epilogue::{Epilogue, activate};
use super::simd::{self, F32x4};
use super::vector::Vector;

/// Rows of one packed panel of the left matrix.
pub const ROWS: usize = 4;
/// Columns of one packed panel of the right matrix; there are wider ones for sixteen lanes.
pub const COLUMNS: usize = 8;

/// Where a product goes: row `r` of column `j` is at `r * row_stride + offsets[j]`.
pub struct Target {
    pub values: *mut f32,
    pub row_stride: usize,
}

/// What to do with the sums besides writing them.
pub struct Finish<'a> {
    /// Adds to what is there, because an earlier block of the depth, or the caller, left it there.
    pub accumulate: bool,
    /// The last step; `None` while more blocks of the depth follow.
    pub epilogue: Option<Epilogue<'a>>,
}

/// One packed block of columns, at most as many as a tile is wide, and the ones of the target they belong to.
#[derive(Clone, Copy)]
pub struct Panel<'a> {
    /// `[depth][stride]`, of which as many values are read in each row as there are columns, rounded up to whole vectors.
    pub values: *const f32,
    pub stride: usize,
    pub offsets: &'a [u32],
}

/// Rows `rows`, at most `4 * PANELS` of them, of the columns of `panel`, at most as many as `VECTORS` have lanes.
///
/// `a` points at the rows' panels, `a_panel` values apart, each `[depth][4]`.
///
/// # Safety
/// The panels are as long as that, and every value of the tile lies inside `target.values` and the residual.
#[inline(always)]
pub unsafe fn multiply<V: Vector, const PANELS: usize, const VECTORS: usize>(
    depth: usize,
    (a, a_panel): (*const f32, usize),
    panel: Panel,
    rows: Range<usize>,
    target: &Target,
    finish: &Finish,
) {
    unsafe {
        let sums = accumulate::<V, PANELS, VECTORS>(depth, a, a_panel, panel.values, panel.stride);
        let whole = panel.offsets.len() == V::LANES * VECTORS && rows.len() == ROWS * PANELS;
        match panel.offsets {
            [first, .., last] if whole && (last - first) as usize == V::LANES * VECTORS - 1 => {
                write_whole(sums, rows.start, *first as usize, target, finish);
            }
            offsets => write_part(&sums, rows, offsets, target, finish),
        }
    }
}

#[inline(always)]
unsafe fn accumulate<V: Vector, const PANELS: usize, const VECTORS: usize>(
    depth: usize,
    mut a: *const f32,
    a_panel: usize,
    mut b: *const f32,
    b_stride: usize,
) -> [[[V; VECTORS]; ROWS]; PANELS] {
    let mut sums = [[[V::splat(0.0); VECTORS]; ROWS]; PANELS];
    unsafe {
        let end = a.add(depth * ROWS);
        while a != end {
            let mut columns = [V::splat(0.0); VECTORS];
            for (v, column) in columns.iter_mut().enumerate() {
                *column = V::load(b.add(v * V::LANES));
            }
            for (p, panel) in sums.iter_mut().enumerate() {
                for (r, row) in panel.iter_mut().enumerate() {
                    let value = V::splat(*a.add(p * a_panel + r));
                    for (sum, &column) in row.iter_mut().zip(&columns) {
                        *sum = value.multiply_add(column, *sum);
                    }
                }
            }
            a = a.add(ROWS);
            b = b.add(b_stride);
        }
    }
    sums
}

/// Writes a tile whose columns lie side by side in the target, without leaving the registers.
#[inline(always)]
unsafe fn write_whole<V: Vector, const PANELS: usize, const VECTORS: usize>(
    mut sums: [[[V; VECTORS]; ROWS]; PANELS],
    row: usize,
    column: usize,
    target: &Target,
    finish: &Finish,
) {
    let start = row * target.row_stride + column;
    let sums = sums.as_flattened_mut();
    unsafe {
        if finish.accumulate {
            add(sums, target.values.add(start), target.row_stride);
        }
        if let Some(epilogue) = finish.epilogue {
            if let Some(bias) = epilogue.bias {
                for (sums, &bias) in sums.iter_mut().zip(&bias[row..row + ROWS * PANELS]) {
                    sums.iter_mut().for_each(|sum| *sum = *sum + V::splat(bias));
                }
            }
            if let Some(residual) = epilogue.residual {
                add(sums, residual.as_ptr().add(start), target.row_stride);
            }
            // One loop for each of the usual ones, so that none of them decides for every vector.
            match epilogue.activation {
                None => {}
                Some(Activation::Relu) => activate_each(sums, Some(Activation::Relu)),
                Some(Activation::Relu6) => activate_each(sums, Some(Activation::Relu6)),
                activation => activate_each(sums, activation),
            }
        }
        for (r, sums) in sums.iter().enumerate() {
            for (v, sum) in sums.iter().enumerate() {
                sum.store(target.values.add(start + r * target.row_stride + v * V::LANES));
            }
        }
    }
}

// A loop and no closure, which would be compiled for vectors of four lanes and call a function for every wider one.
#[inline(always)]
fn activate_each<V: Vector, const VECTORS: usize>(sums: &mut [[V; VECTORS]], activation: Option<Activation>) {
    for sum in sums.as_flattened_mut() {
        *sum = activate(activation, *sum);
    }
}

/// Adds the values of a tile whose rows are `row_stride` apart.
#[inline(always)]
unsafe fn add<V: Vector, const VECTORS: usize>(
    sums: &mut [[V; VECTORS]],
    values: *const f32,
    row_stride: usize,
) {
    for (r, sums) in sums.iter_mut().enumerate() {
        for (v, sum) in sums.iter_mut().enumerate() {
            *sum = *sum + unsafe { V::load(values.add(r * row_stride + v * V::LANES)) };
        }
    }
}

/// Writes a tile at an edge of the matrix, or one whose columns are scattered over the target.
unsafe fn write_part<V: Vector, const PANELS: usize, const VECTORS: usize>(
    sums: &[[[V; VECTORS]; ROWS]; PANELS],
    rows: Range<usize>,
    offsets: &[u32],
    target: &Target,
    finish: &Finish,
) {
    for (row, sums) in rows.zip(sums.as_flattened()) {
        // Vectors have no padding, so that the sums of a row lie side by side.
        let sums = sums.as_ptr().cast::<f32>();
        let start = row * target.row_stride;
        for (first, offsets) in (0..).step_by(simd::LANES).zip(offsets.chunks(simd::LANES)) {
            // The places of the four values; missing ones repeat the last.
            let at = std::array::from_fn(|lane| start + offsets[lane.min(offsets.len() - 1)] as usize);
            let gather = |values: *const f32| F32x4::from_array(at.map(|at| unsafe { *values.add(at) }));
            let mut value = unsafe { F32x4::load(sums.add(first)) };
            if finish.accumulate {
                value = value + gather(target.values);
            }
            if let Some(epilogue) = finish.epilogue {
                value = value + F32x4::splat(epilogue.bias(row));
                if let Some(residual) = epilogue.residual {
                    value = value + gather(residual.as_ptr());
                }
                value = activate(epilogue.activation, value);
            }
            for (&at, lane) in at.iter().zip(value.to_array()).take(offsets.len()) {
                unsafe { *target.values.add(at) = lane };
            }
        }
    }
}
