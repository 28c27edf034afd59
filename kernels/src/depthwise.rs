//! Depthwise convolution: every channel has its own small kernel, so there is no matrix product to make of it.
//!
//! A plane is copied into a padded one whose columns are sorted by their remainder modulo the stride; after that,
//! neighbouring outputs read neighbouring values whatever the stride is, and a row is computed four vectors at a time.
//! Only kernels three or five wide with stride one or two are done here; see [`Depthwise::covers`].

use super::epilogue::{Epilogue, activate};
use super::padding::padded_size;
use super::shape::{Shape, Window};
use super::simd::{F32x4, LANES};

/// Values computed at once, at most, in one row.
const MOST_VECTORS: usize = 4;

/// The geometry of one depthwise layer at one input size.
#[derive(Clone, Debug)]
pub struct Depthwise {
    input: Shape,
    output: Shape,
    window: Window,
    /// Columns of one remainder in a row of the padded plane.
    width: usize,
    /// Values of one remainder of the whole padded plane.
    phase: usize,
}

impl Depthwise {
    pub fn covers(window: Window) -> bool {
        matches!((window.kernel[1], window.stride[1]), (3 | 5, 1 | 2))
    }

    /// `input` and `output` have the same batch and channels.
    pub fn new(input: Shape, output: Shape, window: Window) -> Self {
        let (width, height) = padded_size(input, window.padding);
        let width = width.div_ceil(window.stride[1]);
        Self { input, output, window, width, phase: width * height }
    }

    /// Fills `y` with the convolution of `x` and a weight of `[c, 1, kernel height, kernel width]`.
    pub fn run(&self, x: &[f32], weight: &[f32], y: &mut [f32], epilogue: Epilogue, padded: &mut Vec<f32>) {
        // A row may be read a few vectors beyond its end.
        let len = self.phase * self.window.stride[1] + (MOST_VECTORS + 2) * LANES;
        padded.resize(padded.len().max(len), 0.0);
        // Borders stay zero, since all planes have theirs in the same places.
        padded[..len].fill(0.0);
        let taps = self.window.kernel[0] * self.window.kernel[1];
        let (h, w) = (self.output.h, self.output.w);
        let planes = x.chunks_exact(self.input.plane()).zip(y.chunks_exact_mut(h * w));
        for (plane, (x, y)) in planes.enumerate().take(self.input.n * self.input.c) {
            let c = plane % self.input.c;
            self.fill(x, padded);
            let weight = &weight[c * taps..(c + 1) * taps];
            let epilogue = epilogue.from(c, plane * h * w);
            match (self.window.kernel[1], self.window.stride[1]) {
                (3, 1) => self.plane::<3, 1>(&padded[..len], weight, y, epilogue),
                (3, 2) => self.plane::<3, 2>(&padded[..len], weight, y, epilogue),
                (5, 1) => self.plane::<5, 1>(&padded[..len], weight, y, epilogue),
                (5, 2) => self.plane::<5, 2>(&padded[..len], weight, y, epilogue),
                (kernel, stride) => {
                    panic!("no depthwise loop for a kernel {kernel} wide with stride {stride}")
                }
            }
        }
    }

    /// Copies one plane into the middle of the padded one, columns sorted by remainder.
    fn fill(&self, x: &[f32], padded: &mut [f32]) {
        let (top, left) = (self.window.padding.top, self.window.padding.left);
        for (row, x) in x.chunks_exact(self.input.w).enumerate() {
            let start = (top + row) * self.width;
            if self.window.stride[1] == 1 {
                padded[start + left..][..x.len()].copy_from_slice(x);
                continue;
            }
            let (even, odd) = padded.split_at_mut(self.phase);
            let (first, second) = if left % 2 == 0 { (even, odd) } else { (odd, even) };
            let first = &mut first[start + left / 2..][..x.len().div_ceil(2)];
            let second = &mut second[start + left.div_ceil(2)..][..x.len() / 2];
            split_pairs(x, first, second);
        }
    }

    fn plane<const WIDTH: usize, const STRIDE: usize>(
        &self,
        padded: &[f32],
        weight: &[f32],
        y: &mut [f32],
        epilogue: Epilogue,
    ) {
        for (row, y) in y.chunks_exact_mut(self.output.w).enumerate() {
            let start = row * self.window.stride[0] * self.width;
            let mut x = 0;
            while x < y.len() {
                let source = &padded[start + x..];
                let (y, residual) = (&mut y[x..], epilogue.residual.map(|r| &r[row * self.output.w + x..]));
                let epilogue = Epilogue { residual, ..epilogue };
                x += LANES
                    * match y.len().div_ceil(LANES) {
                        1 => self.vectors::<WIDTH, STRIDE, 1>(source, weight, y, epilogue),
                        2 | 3 => self.vectors::<WIDTH, STRIDE, 2>(source, weight, y, epilogue),
                        _ => self.vectors::<WIDTH, STRIDE, 4>(source, weight, y, epilogue),
                    };
            }
        }
    }

    /// The next `VECTORS` vectors of a row, or what is left of it, read from `source` on.
    #[inline(always)]
    fn vectors<const WIDTH: usize, const STRIDE: usize, const VECTORS: usize>(
        &self,
        source: &[f32],
        weight: &[f32],
        y: &mut [f32],
        epilogue: Epilogue,
    ) -> usize {
        let rows = self.window.kernel[0];
        let furthest = (rows - 1) * self.width + (STRIDE - 1) * self.phase + WIDTH / STRIDE + VECTORS * LANES;
        assert!(
            furthest <= source.len() && weight.len() == rows * WIDTH,
            "a row reads beyond the padded plane"
        );
        let mut sums = [F32x4::splat(epilogue.bias(0)); VECTORS];
        // The furthest value read was checked above.
        unsafe {
            let mut row = source.as_ptr();
            for weight in weight.as_chunks::<WIDTH>().0 {
                for (k, &weight) in weight.iter().enumerate() {
                    let (weight, tap) = (F32x4::splat(weight), row.add(k % STRIDE * self.phase + k / STRIDE));
                    for (v, sum) in sums.iter_mut().enumerate() {
                        *sum = weight.multiply_add(F32x4::load(tap.add(v * LANES)), *sum);
                    }
                }
                row = row.wrapping_add(self.width);
            }
        }
        for (v, sum) in sums.into_iter().enumerate() {
            let Some(y) = y.get_mut(v * LANES..).filter(|y| !y.is_empty()) else { break };
            let count = y.len().min(LANES);
            let sum = match epilogue.residual {
                Some(residual) => sum + F32x4::load_first(&residual[v * LANES..][..count]),
                None => sum,
            };
            unsafe { activate(epilogue.activation, sum).store_first(count, y.as_mut_ptr()) };
        }
        VECTORS
    }
}

/// Splits `x` into the values at even places and those at odd ones.
fn split_pairs(x: &[f32], even: &mut [f32], odd: &mut [f32]) {
    let (blocks, rest) = x.as_chunks::<{ 2 * LANES }>();
    for (i, block) in blocks.iter().enumerate() {
        unsafe {
            let (a, b) = (F32x4::load(block.as_ptr()), F32x4::load(block.as_ptr().add(LANES)));
            a.even(b).store(even[i * LANES..][..LANES].as_mut_ptr());
            a.odd(b).store(odd[i * LANES..][..LANES].as_mut_ptr());
        }
    }
    for (i, &value) in rest.iter().enumerate() {
        let at = blocks.len() * LANES + i / 2;
        if i % 2 == 0 { even[at] = value } else { odd[at] = value }
    }
}
