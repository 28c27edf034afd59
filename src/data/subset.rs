//! A part of a dataset, by the numbers of its pictures: so many of each class to learn from, the others to test.

use std::sync::Arc;

use super::{DataError, Dataset, Picture};
use crate::random::Random;

/// Some pictures of another dataset, in an order of their own.
#[derive(Clone)]
pub struct Subset {
    whole: Arc<dyn Dataset>,
    chosen: Vec<usize>,
}

impl Subset {
    /// # Panics
    /// If a number is not that of a picture.
    pub fn new(whole: Arc<dyn Dataset>, chosen: Vec<usize>) -> Self {
        assert!(chosen.iter().all(|&index| index < whole.len()), "a subset of {} pictures", whole.len());
        Self { whole, chosen }
    }
}

impl Dataset for Subset {
    fn classes(&self) -> &[String] {
        self.whole.classes()
    }

    fn len(&self) -> usize {
        self.chosen.len()
    }

    fn label(&self, index: usize) -> usize {
        self.whole.label(self.chosen[index])
    }

    fn picture(&self, index: usize) -> Result<Picture, DataError> {
        self.whole.picture(self.chosen[index])
    }
}

/// `per_class` pictures of each class to learn from, chosen by `seed`, and all the others to test.
///
/// Fails if a class would have none left to test.
pub fn divide(whole: &Arc<dyn Dataset>, per_class: usize, seed: u64) -> Result<[Subset; 2], DataError> {
    let mut random = Random::new(seed, 0);
    let (mut training, mut test) = (Vec::new(), Vec::new());
    for (class, name) in whole.classes().iter().enumerate() {
        let mut members: Vec<usize> = (0..whole.len()).filter(|&index| whole.label(index) == class).collect();
        if members.len() <= per_class {
            let found = members.len();
            return Err(DataError::TooFewPictures { class: name.clone(), expected: per_class, found });
        }
        random.shuffle(&mut members);
        training.extend_from_slice(&members[..per_class]);
        test.extend_from_slice(&members[per_class..]);
    }
    Ok([training, test].map(|chosen| Subset::new(whole.clone(), chosen)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::idx::Idx;

    fn digits() -> Arc<dyn Dataset> {
        let pictures = [vec![0, 0, 8, 3, 0, 0, 0, 60, 0, 0, 0, 1, 0, 0, 0, 1], (0..60).collect()].concat();
        let labels = [vec![0, 0, 8, 1, 0, 0, 0, 60], (0..60).map(|i| i % 10).collect()].concat();
        Arc::new(Idx::new(["images", "labels"], pictures, labels).expect("a sound pair"))
    }

    #[test]
    fn a_division_takes_as_many_of_each_class_and_leaves_the_others() {
        let [training, test] = divide(&digits(), 4, 1).expect("six of each");
        for class in 0..10 {
            let count = |part: &Subset| (0..part.len()).filter(|&i| part.label(i) == class).count();
            assert_eq!((count(&training), count(&test)), (4, 2), "class {class}");
        }
        let mut pixels: Vec<u8> = [&training, &test]
            .into_iter()
            .flat_map(|part| (0..part.len()).map(|i| part.picture(i).expect("in memory").pixels[0]))
            .collect();
        pixels.sort_unstable();
        assert_eq!(pixels, (0..60).collect::<Vec<u8>>());
    }

    #[test]
    fn a_class_without_a_picture_to_test_is_an_error() {
        let error = divide(&digits(), 6, 1).err().expect("nothing left").to_string();
        assert!(error.contains("class 0 has 6 pictures"), "{error}");
    }
}
