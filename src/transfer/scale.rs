//! Features brought to unit size before learning, and the same map folded into a layer's weights afterwards.
//!
//! `x -> x / scale` with one scale for all features, their root mean square over the training examples, so that one
//! learning rate suits every network. Measured on the hand signs with EfficientNet-Lite0, 10 photos a class and five
//! seeds, a linear head gets 95.3 % of the others right this way, 94.8 % without scaling, 94.9 % if each feature's mean
//! is taken off too, and 91.9 % if each feature also has its own scale, which blows up the nearly constant ones.

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Scale(f32);

impl Scale {
    /// Root mean square of all values of `rows`, the features of the training examples.
    pub fn measure<'a>(rows: impl Iterator<Item = &'a [f32]>) -> Self {
        let (mut squares, mut count) = (0.0f64, 0usize);
        for row in rows {
            squares += row.iter().map(|&x| f64::from(x) * f64::from(x)).sum::<f64>();
            count += row.len();
        }
        let size = (squares / count.max(1) as f64).sqrt() as f32;
        // Features that are all zero have no size of their own.
        Self(if size > 0.0 { size } else { 1.0 })
    }

    /// Writes the scaled `row` to `out`.
    pub fn apply(self, row: &[f32], out: &mut [f32]) {
        out.iter_mut().zip(row).for_each(|(out, x)| *out = x / self.0);
    }

    /// Changes the weights of a layer of scaled features into those of plain ones with the same outputs.
    pub fn fold(self, weight: &mut [f32]) {
        weight.iter_mut().for_each(|w| *w /= self.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROWS: [[f32; 3]; 2] = [[1.0, 10.0, -2.0], [3.0, 10.0, 4.0]];

    fn measured() -> Scale {
        Scale::measure(ROWS.iter().map(|row| &row[..]))
    }

    #[test]
    fn scaled_features_have_a_root_mean_square_of_one() {
        let mut out = [[0.0; 3]; 2];
        ROWS.iter().zip(&mut out).for_each(|(row, out)| measured().apply(row, out));
        let mean_square = out.iter().flatten().map(|x| x * x).sum::<f32>() / 6.0;
        assert!((mean_square - 1.0).abs() < 1e-6, "{mean_square}");
    }

    #[test]
    fn a_folded_layer_gives_the_same_output_on_plain_features() {
        let output = |w: &[f32], x: &[f32]| w.iter().zip(x).map(|(w, x)| w * x).sum::<f32>();
        let weight = [0.5, -1.0, 2.0];
        let (mut folded, mut x) = (weight, [0.0; 3]);
        measured().apply(&ROWS[1], &mut x);
        measured().fold(&mut folded);
        let (expected, found) = (output(&weight, &x), output(&folded, &ROWS[1]));
        assert!((found - expected).abs() < 1e-6, "{expected} but {found}");
    }

    #[test]
    fn features_of_zero_are_left_alone() {
        let mut out = [9.0; 2];
        Scale::measure([&[0.0f32, 0.0][..]].into_iter()).apply(&[2.0, 3.0], &mut out);
        assert_eq!(out, [2.0, 3.0]);
    }
}
