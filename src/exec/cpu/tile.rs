//! The innermost loop: a few rows times eight columns of a matrix product, held in registers.
//!
//! Four rows by eight columns fill the sixteen registers of x86 without spilling, which is what a wasm engine has to
//! work with: eight sums, two vectors of columns, four broadcast values and one product.
//! Knows packed panels only, not where they come from.

use std::ops::Range;

use super::epilogue::{Epilogue, activate};
use super::simd::{F32x4, LANES};
use crate::ops::activation::Activation;

/// Rows of one packed panel of the left matrix.
pub const ROWS: usize = 4;
/// Columns of one packed panel of the right matrix.
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

/// One packed block of columns, at most eight, and the ones of the target they belong to.
#[derive(Clone, Copy)]
pub struct Panel<'a> {
    /// `[depth][stride]`, of which as many values are read in each row as there are columns, rounded up to four.
    pub values: *const f32,
    pub stride: usize,
    pub offsets: &'a [u32],
}

/// Rows `rows`, at most `4 * PANELS` of them, of the columns of `panel`, at most `4 * VECTORS`.
///
/// `a` points at the rows' panels, `a_panel` values apart, each `[depth][4]`.
///
/// # Safety
/// The panels are as long as that, and every value of the tile lies inside `target.values` and the residual.
#[inline(always)]
pub unsafe fn multiply<const PANELS: usize, const VECTORS: usize>(
    depth: usize,
    (a, a_panel): (*const f32, usize),
    panel: Panel,
    rows: Range<usize>,
    target: &Target,
    finish: &Finish,
) {
    unsafe {
        let sums = accumulate::<PANELS, VECTORS>(depth, a, a_panel, panel.values, panel.stride);
        let whole = panel.offsets.len() == LANES * VECTORS && rows.len() == ROWS * PANELS;
        match panel.offsets {
            [first, .., last] if whole && (last - first) as usize == LANES * VECTORS - 1 => {
                write_whole(sums, rows.start, *first as usize, target, finish);
            }
            offsets => write_part(&sums, rows, offsets, target, finish),
        }
    }
}

#[inline(always)]
unsafe fn accumulate<const PANELS: usize, const VECTORS: usize>(
    depth: usize,
    mut a: *const f32,
    a_panel: usize,
    mut b: *const f32,
    b_stride: usize,
) -> [[[F32x4; VECTORS]; ROWS]; PANELS] {
    let mut sums = [[[F32x4::zero(); VECTORS]; ROWS]; PANELS];
    unsafe {
        let end = a.add(depth * ROWS);
        while a != end {
            let columns: [F32x4; VECTORS] = std::array::from_fn(|v| F32x4::load(b.add(v * LANES)));
            for (p, panel) in sums.iter_mut().enumerate() {
                for (r, row) in panel.iter_mut().enumerate() {
                    let value = F32x4::splat(*a.add(p * a_panel + r));
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
unsafe fn write_whole<const PANELS: usize, const VECTORS: usize>(
    mut sums: [[[F32x4; VECTORS]; ROWS]; PANELS],
    row: usize,
    column: usize,
    target: &Target,
    finish: &Finish,
) {
    let start = row * target.row_stride + column;
    let mut each = |f: &dyn Fn(usize, usize, F32x4) -> F32x4| {
        for (r, sums) in sums.as_flattened_mut().iter_mut().enumerate() {
            for (v, sum) in sums.iter_mut().enumerate() {
                *sum = f(r, start + r * target.row_stride + v * LANES, *sum);
            }
        }
    };
    unsafe {
        if finish.accumulate {
            each(&|_, at, sum| sum + F32x4::load(target.values.add(at)));
        }
        if let Some(epilogue) = finish.epilogue {
            if let Some(bias) = epilogue.bias {
                let bias = &bias[row..row + ROWS * PANELS];
                each(&|r, _, sum| sum + F32x4::splat(bias[r]));
            }
            if let Some(residual) = epilogue.residual {
                each(&|_, at, sum| sum + F32x4::load(residual.as_ptr().add(at)));
            }
            match epilogue.activation {
                None => {}
                Some(Activation::Relu) => each(&|_, _, sum| activate(Some(Activation::Relu), sum)),
                Some(Activation::Relu6) => each(&|_, _, sum| activate(Some(Activation::Relu6), sum)),
                activation => each(&|_, _, sum| activate(activation, sum)),
            }
        }
        each(&|_, at, sum| {
            sum.store(target.values.add(at));
            sum
        });
    }
}

/// Writes a tile at an edge of the matrix, or one whose columns are scattered over the target.
unsafe fn write_part<const PANELS: usize, const VECTORS: usize>(
    sums: &[[[F32x4; VECTORS]; ROWS]; PANELS],
    rows: Range<usize>,
    offsets: &[u32],
    target: &Target,
    finish: &Finish,
) {
    for (row, sums) in rows.zip(sums.as_flattened()) {
        let start = row * target.row_stride;
        for (&sum, offsets) in sums.iter().zip(offsets.chunks(LANES)) {
            // The places of the four values; missing ones repeat the last.
            let at = std::array::from_fn(|lane| start + offsets[lane.min(offsets.len() - 1)] as usize);
            let gather = |values: *const f32| F32x4::from_array(at.map(|at| unsafe { *values.add(at) }));
            let mut value = sum;
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
