//! Matrix multiplication of matrices in memory, with any strides: what training a head consists of.
//!
//! Knows no layers; convolutions pack their own operands for [`super::blocks`].

use std::cell::RefCell;
use std::ops::Range;

use super::blocks::{self, Columns, Panels};
use super::epilogue::Epilogue;
use super::simd::{F32x4, LANES};
use super::tile::{COLUMNS, ROWS};

/// Products of fewer terms than this are done before the `gemm` crate has found out which vectors there are.
#[cfg(not(target_arch = "wasm32"))]
const WORTH_WIDE_VECTORS: usize = 4096;

/// `c = a b`, or `c += a b` with `accumulate`: `a` is `m` by `k`, `b` is `k` by `n`, `c` is `m` by `n`.
///
/// A stride pair is `[between rows, between columns]` in elements, so a transpose is a swapped pair.
///
/// # Panics
/// If a slice is shorter than its shape and strides say.
#[allow(clippy::too_many_arguments)]
pub fn matmul(
    [m, k, n]: [usize; 3],
    a: &[f32],
    a_strides: [usize; 2],
    b: &[f32],
    b_strides: [usize; 2],
    c: &mut [f32],
    c_strides: [usize; 2],
    accumulate: bool,
) {
    if c_strides[1] != 1 && c_strides[0] == 1 {
        let turn = |[row, column]: [usize; 2]| [column, row];
        let strides = [turn(b_strides), turn(a_strides), turn(c_strides)];
        return matmul([n, k, m], b, strides[0], a, strides[1], c, strides[2], accumulate);
    }
    if k == 0 && !accumulate {
        for at in (0..m).flat_map(|row| (0..n).map(move |column| row * c_strides[0] + column * c_strides[1]))
        {
            c[at] = 0.0;
        }
    }
    if m == 0 || k == 0 || n == 0 {
        return;
    }
    #[cfg(not(target_arch = "wasm32"))]
    if m * k * n >= WORTH_WIDE_VECTORS {
        return multiply_wide([m, k, n], a, a_strides, b, b_strides, c, c_strides, accumulate);
    }
    multiply_packed([m, k, n], a, a_strides, b, b_strides, c, c_strides, accumulate);
}

/// The product by this backend's kernel: in the browser, where nothing else is as fast.
#[allow(clippy::too_many_arguments)]
fn multiply_packed(
    [m, k, n]: [usize; 3],
    a: &[f32],
    a_strides: [usize; 2],
    b: &[f32],
    b_strides: [usize; 2],
    c: &mut [f32],
    c_strides: [usize; 2],
    accumulate: bool,
) {
    thread_local! {
        static WORKSPACE: RefCell<[Vec<f32>; 2]> = const {
            RefCell::new([Vec::new(), Vec::new()])
        };
    }
    WORKSPACE.with_borrow_mut(|[panels, workspace]| {
        panels.clear();
        panels.resize(blocks::packed_len(m, k), 0.0);
        pack_rows([m, k], a, a_strides, panels);
        let left = Panels { values: panels, rows: m, depth: k };
        let right = Matrix { values: b, strides: b_strides, count: n, target_stride: c_strides[1] };
        blocks::multiply(left, &right, c, c_strides[0], accumulate, Epilogue::default(), workspace);
    });
}

/// The product by the `gemm` crate, which uses the widest vectors this processor has.
#[cfg(not(target_arch = "wasm32"))]
#[allow(clippy::too_many_arguments)]
fn multiply_wide(
    [m, k, n]: [usize; 3],
    a: &[f32],
    a_strides: [usize; 2],
    b: &[f32],
    b_strides: [usize; 2],
    c: &mut [f32],
    c_strides: [usize; 2],
    accumulate: bool,
) {
    let fits = |values: &[f32], [rows, columns]: [usize; 2], strides: [usize; 2]| {
        (rows - 1) * strides[0] + (columns - 1) * strides[1] < values.len()
    };
    assert!(
        fits(a, [m, k], a_strides),
        "the left matrix is shorter than {m} by {k} with strides {a_strides:?}"
    );
    assert!(
        fits(b, [k, n], b_strides),
        "the right matrix is shorter than {k} by {n} with strides {b_strides:?}"
    );
    assert!(fits(c, [m, n], c_strides), "the product is shorter than {m} by {n} with strides {c_strides:?}");
    let signed = |strides: [usize; 2]| strides.map(|stride| stride as isize);
    let (a_strides, b_strides, c_strides) = (signed(a_strides), signed(b_strides), signed(c_strides));
    // All three matrices lie inside their slices, as just checked.
    unsafe {
        ::gemm::gemm(
            m,
            n,
            k,
            c.as_mut_ptr(),
            c_strides[1],
            c_strides[0],
            accumulate,
            a.as_ptr(),
            a_strides[1],
            a_strides[0],
            b.as_ptr(),
            b_strides[1],
            b_strides[0],
            1.0,
            1.0,
            false,
            false,
            false,
            ::gemm::Parallelism::None,
        );
    }
}

/// A matrix in memory, with any strides, as the right side of a product.
struct Matrix<'a> {
    values: &'a [f32],
    strides: [usize; 2],
    count: usize,
    /// Distance of two columns of the result.
    target_stride: usize,
}

impl Columns for Matrix<'_> {
    fn count(&self) -> usize {
        self.count
    }

    fn pack(&self, depth: Range<usize>, columns: Range<usize>, width: usize, panel: &mut [f32]) {
        pack(depth, columns, width, self.values, self.strides, panel);
    }

    fn offsets(&self, columns: Range<usize>, offsets: &mut [u32]) {
        for (offset, column) in offsets.iter_mut().zip(columns) {
            *offset = (column * self.target_stride) as u32;
        }
    }

    fn in_place(&self) -> Option<(&[f32], usize)> {
        (self.strides[1] == 1).then_some((self.values, self.strides[0]))
    }
}

/// Packs `rows` by `depth` values at `source[row * strides[0] + k * strides[1]]` as [`Panels`] are laid out.
pub fn pack_rows([rows, depth]: [usize; 2], source: &[f32], strides: [usize; 2], panels: &mut [f32]) {
    for (panel, first) in panels.chunks_exact_mut(ROWS * depth).zip((0..rows).step_by(ROWS)) {
        let present = ROWS.min(rows - first);
        pack(0..depth, first..first + present, ROWS, source, [strides[1], strides[0]], panel);
    }
}

/// Packs `source[k * strides[0] + j * strides[1]]` for `k` in `depth`, `j` in `columns` as `[depth][width]`.
fn pack(
    depth: Range<usize>,
    columns: Range<usize>,
    width: usize,
    source: &[f32],
    strides: [usize; 2],
    panel: &mut [f32],
) {
    match width {
        LANES => pack_width::<LANES>(depth, columns, source, strides, panel),
        _ => pack_width::<COLUMNS>(depth, columns, source, strides, panel),
    }
}

fn pack_width<const WIDTH: usize>(
    depth: Range<usize>,
    columns: Range<usize>,
    source: &[f32],
    strides: [usize; 2],
    panel: &mut [f32],
) {
    let (first, present) = (columns.start, columns.len());
    let (rows, _) = panel.as_chunks_mut::<WIDTH>();
    assert!(present <= WIDTH && rows.len() >= depth.len(), "the panel is too small");
    if depth.is_empty() || present == 0 {
        return rows.fill([0.0; WIDTH]);
    }
    let furthest = (depth.end - 1) * strides[0] + (columns.end - 1) * strides[1];
    assert!(furthest < source.len(), "the matrix ends at {furthest}, beyond its {} values", source.len());
    let start = source[depth.start * strides[0] + first * strides[1]..].as_ptr();
    // Every read below is of a value between the first and the furthest one.
    unsafe {
        if strides[1] == 1 && present == WIDTH {
            for (k, row) in rows.iter_mut().take(depth.len()).enumerate() {
                *row = start.add(k * strides[0]).cast::<[f32; WIDTH]>().read_unaligned();
            }
            return;
        }
        let mut done = 0;
        if strides[0] == 1 && present == WIDTH {
            // Four by four values at a time are read along the depth and turned.
            while done + LANES <= depth.len() {
                for at in (0..WIDTH).step_by(LANES) {
                    let line = |j: usize| F32x4::load(start.add(done + (at + j) * strides[1]));
                    let turned = F32x4::transpose([line(0), line(1), line(2), line(3)]);
                    for (row, values) in rows[done..done + LANES].iter_mut().zip(turned) {
                        values.store(row[at..at + LANES].as_mut_ptr());
                    }
                }
                done += LANES;
            }
        }
        for (k, row) in rows.iter_mut().enumerate().take(depth.len()).skip(done) {
            for (j, value) in row.iter_mut().enumerate() {
                *value = if j < present { *start.add(k * strides[0] + j * strides[1]) } else { 0.0 };
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::wide;
    use super::*;

    fn noise(len: usize, seed: u32) -> Vec<f32> {
        (0..len as u32)
            .map(|i| ((i ^ seed).wrapping_mul(2_654_435_761) >> 8) as f32 / 8_388_608.0 - 1.0)
            .collect()
    }

    /// Largest difference from the definition in f64, relative to the depth.
    fn error(
        [m, k, n]: [usize; 3],
        a_strides: [usize; 2],
        b_strides: [usize; 2],
        c_strides: [usize; 2],
        accumulate: bool,
        packed: bool,
    ) -> f64 {
        let error = || error_here([m, k, n], a_strides, b_strides, c_strides, accumulate, packed);
        [4, 8].into_iter().fold(error(), |worst, lanes| worst.max(wide::with_lanes(lanes, error)))
    }

    fn error_here(
        [m, k, n]: [usize; 3],
        a_strides: [usize; 2],
        b_strides: [usize; 2],
        c_strides: [usize; 2],
        accumulate: bool,
        packed: bool,
    ) -> f64 {
        let last = |rows: usize, columns: usize, strides: [usize; 2]| {
            rows.saturating_sub(1) * strides[0] + columns.saturating_sub(1) * strides[1] + 1
        };
        let (a, b) = (noise(last(m, k, a_strides), 1), noise(last(k, n, b_strides), 2));
        let before = noise(last(m, n, c_strides), 3);
        let mut c = before.clone();
        let product = if packed { multiply_packed } else { matmul };
        product([m, k, n], &a, a_strides, &b, b_strides, &mut c, c_strides, accumulate);
        let mut worst = 0.0f64;
        for row in 0..m {
            for column in 0..n {
                let at = row * c_strides[0] + column * c_strides[1];
                let start = if accumulate { f64::from(before[at]) } else { 0.0 };
                let exact = (0..k).fold(start, |sum, i| {
                    let a = a[row * a_strides[0] + i * a_strides[1]];
                    sum + f64::from(a) * f64::from(b[i * b_strides[0] + column * b_strides[1]])
                });
                worst = worst.max((f64::from(c[at]) - exact).abs() / (k as f64).sqrt().max(1.0));
            }
        }
        worst
    }

    #[test]
    fn every_shape_and_transpose_agrees_with_the_definition() {
        let sizes = [1, 2, 4, 5, 8, 9, 13, 33, 50];
        for (m, n) in sizes.into_iter().flat_map(|m| sizes.map(|n| (m, n))) {
            for k in [0, 1, 3, 4, 31, 385, 800] {
                let (a, b, c) = ([[k, 1], [1, m]], [[n, 1], [1, k]], [[n, 1], [1, m]]);
                for choice in 0..8 {
                    let (at, bt, ct) = (choice & 1, choice >> 1 & 1, choice >> 2);
                    let worst = error([m, k, n], a[at], b[bt], c[ct], (m + n) % 2 == 0, k != 31 && k > 0);
                    assert!(worst < 1e-5, "{m}x{k}x{n}, transposes {choice:03b}: error {worst}");
                }
            }
        }
    }

    #[test]
    fn columns_beyond_one_block_and_gaps_between_rows_agree_with_the_definition() {
        for [m, k, n] in [[16, 1280, 100], [100, 16, 1280], [7, 70, 1111]] {
            let worst = error([m, k, n], [k + 3, 1], [n + 5, 1], [n + 2, 1], true, true);
            assert!(worst < 1e-5, "{m}x{k}x{n}: error {worst}");
        }
        assert!(error([5, 6, 7], [20, 2], [40, 3], [50, 4], false, true) < 1e-5);
    }
}
