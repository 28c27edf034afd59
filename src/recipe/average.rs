//! A running average of weights, which often tells more right than the last weights do.
//!
//! `average += (1 - d) (weight - average)`, where the decay `d` grows towards its final value as `(1 + t) / (10 + t)`, so
//! that the first, random weights are soon forgotten. Polyak and Juditsky 1992; the growth is TensorFlow's. Running
//! statistics of batch norm are averaged like weights.

use super::tensors::Tensors;

#[derive(Clone, Debug, PartialEq)]
pub struct Average {
    pub decay: f64,
    pub values: Tensors,
}

impl Average {
    /// Starts at `values`.
    pub fn new(decay: f64, values: Tensors) -> Self {
        Self { decay, values }
    }

    /// Follows `weight`, the values of the tensor `name` after `step` steps.
    ///
    /// # Panics
    /// If there is no such tensor.
    pub fn follow(&mut self, name: &str, weight: &[f32], step: u32) {
        let step = f64::from(step);
        let share = (1.0 - self.decay.min((1.0 + step) / (10.0 + step))) as f32;
        let average = self.values.get_mut(name).expect("an averaged tensor");
        average
            .data
            .iter_mut()
            .zip(weight)
            .for_each(|(average, weight)| *average += share * (weight - *average));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::recipe::tensors::Values;

    #[test]
    fn the_average_comes_to_weights_that_stay() {
        let values = Values { dims: vec![2], data: vec![0.0, 10.0] };
        let mut average = Average::new(0.9, Tensors::from([("w".to_string(), values)]));
        average.follow("w", &[1.0, 10.0], 1);
        let first = average.values["w"].data.clone();
        assert!((first[0] - 9.0 / 11.0).abs() < 1e-6 && first[1] == 10.0, "{first:?}");
        (2..200).for_each(|step| average.follow("w", &[3.0, 10.0], step));
        assert!((average.values["w"].data[0] - 3.0).abs() < 1e-5, "{:?}", average.values);
    }
}
