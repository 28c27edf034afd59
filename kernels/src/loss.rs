//! Softmax cross-entropy over a batch, with a weight per class, and its gradient.
//!
//! `loss = mean over the batch of  weight[t] * (ln sum_j exp(y_j) - y_t)`, where `y` are the logits and `t` the truth;
//! `d loss / d y_j = weight[t] * (softmax(y)_j - [j = t]) / batch`. Computed in f64 from f32 logits: it costs nothing
//! beside the matrices and makes the curve exact.

/// Sums over the examples of a batch; a caller adds up batches and divides at the end.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Measured {
    /// Sum of weighted losses.
    pub loss: f64,
    /// Sum of the weights.
    pub weight: f64,
    /// Examples whose largest logit is the truth's.
    pub correct: usize,
    pub examples: usize,
}

impl Measured {
    /// Weighted mean loss.
    pub fn mean_loss(&self) -> f64 {
        self.loss / self.weight
    }

    /// Share of correct answers, 0 to 1.
    pub fn accuracy(&self) -> f64 {
        self.correct as f64 / self.examples as f64
    }

    pub fn add(&mut self, other: Measured) {
        self.loss += other.loss;
        self.weight += other.weight;
        self.correct += other.correct;
        self.examples += other.examples;
    }
}

/// Measures a batch: `logits` is `[n, classes]`, `truths` holds `n` class indices, `class_weights` one weight a class.
pub fn measure(logits: &[f32], truths: &[usize], class_weights: &[f32]) -> Measured {
    let mut sum = Measured::default();
    for (row, &truth) in logits.chunks_exact(class_weights.len()).zip(truths) {
        let weight = f64::from(class_weights[truth]);
        sum.add(Measured {
            loss: weight * (log_sum_exp(row) - f64::from(row[truth])),
            weight,
            correct: usize::from(largest(row) == truth),
            examples: 1,
        });
    }
    sum
}

/// Measures a batch and writes the gradient of its mean loss over its logits.
pub fn gradient(logits: &mut [f32], truths: &[usize], class_weights: &[f32]) -> Measured {
    let measured = measure(logits, truths, class_weights);
    let batch = truths.len() as f64;
    for (row, &truth) in logits.chunks_exact_mut(class_weights.len()).zip(truths) {
        let scale = f64::from(class_weights[truth]) / batch;
        let normaliser = log_sum_exp(row);
        for (class, value) in row.iter_mut().enumerate() {
            let probability = (f64::from(*value) - normaliser).exp();
            *value = (scale * (probability - f64::from(u8::from(class == truth)))) as f32;
        }
    }
    measured
}

/// Weights inversely proportional to the number of examples of each class, 1 on average over the examples,
/// so that a class counts as much as any other however few examples it has.
pub fn class_weights(truths: &[usize], classes: usize) -> Vec<f32> {
    let mut counts = vec![0usize; classes];
    truths.iter().for_each(|&truth| counts[truth] += 1);
    counts.iter().map(|&count| (truths.len() as f64 / (classes * count.max(1)) as f64) as f32).collect()
}

/// Turns a row of logits into probabilities that sum to 1.
pub fn softmax(row: &mut [f32]) {
    let normaliser = log_sum_exp(row);
    row.iter_mut().for_each(|value| *value = (f64::from(*value) - normaliser).exp() as f32);
}

/// Index of the largest value; the first of equals.
pub fn largest(row: &[f32]) -> usize {
    let first = (0, f32::NEG_INFINITY);
    row.iter().copied().enumerate().fold(first, |best, at| if at.1 > best.1 { at } else { best }).0
}

/// `ln sum exp(x)`, shifted by the largest value so that no exponential overflows.
fn log_sum_exp(row: &[f32]) -> f64 {
    let shift = f64::from(row[largest(row)]);
    shift + row.iter().map(|&value| (f64::from(value) - shift).exp()).sum::<f64>().ln()
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOGITS: [f32; 6] = [0.5, -1.25, 2.0, 0.0, 3.0, -0.5];
    const TRUTHS: [usize; 2] = [2, 0];
    const WEIGHTS: [f32; 3] = [0.5, 1.5, 1.0];

    #[test]
    fn the_gradient_is_the_central_difference_of_the_definition() {
        let definition = |logits: &[f64]| -> f64 {
            let row = |row: usize| {
                let y = &logits[3 * row..3 * row + 3];
                let probability = y[TRUTHS[row]].exp() / y.iter().map(|y| y.exp()).sum::<f64>();
                -f64::from(WEIGHTS[TRUTHS[row]]) * probability.ln()
            };
            (row(0) + row(1)) / 2.0
        };
        let mut found = LOGITS;
        let measured = gradient(&mut found, &TRUTHS, &WEIGHTS);
        let logits = LOGITS.map(f64::from);
        assert!((measured.loss / 2.0 - definition(&logits)).abs() < 1e-12, "{measured:?}");
        for i in 0..logits.len() {
            let at = |offset: f64| {
                let mut moved = logits;
                moved[i] += offset;
                definition(&moved)
            };
            let expected = (at(1e-5) - at(-1e-5)) / 2e-5;
            assert!((f64::from(found[i]) - expected).abs() < 1e-7, "logit {i}: {expected} but {}", found[i]);
        }
    }

    #[test]
    fn huge_logits_neither_overflow_nor_vanish() {
        let mut row = [1e30, 0.0, -1e30];
        let measured = measure(&row, &[0], &[1.0; 3]);
        assert_eq!((measured.loss, measured.correct), (0.0, 1));
        softmax(&mut row);
        assert_eq!(row, [1.0, 0.0, 0.0]);
    }

    #[test]
    fn logits_that_are_not_numbers_give_a_loss_that_is_none() {
        assert!(!measure(&[f32::NAN, 0.0], &[0], &[1.0; 2]).loss.is_finite());
        assert!(!measure(&[f32::INFINITY, 0.0], &[1], &[1.0; 2]).loss.is_finite());
    }

    #[test]
    fn class_weights_make_every_class_count_the_same_and_average_to_one() {
        let truths = [0, 0, 0, 0, 0, 0, 1, 1, 2];
        let weights = class_weights(&truths, 3);
        assert_eq!(weights, [0.5, 1.5, 3.0]);
        assert_eq!(truths.iter().map(|&truth| weights[truth]).sum::<f32>(), 9.0);
        assert_eq!(class_weights(&[0, 1, 1, 0], 2), [1.0, 1.0]);
    }
}
