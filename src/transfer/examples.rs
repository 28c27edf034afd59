//! The examples a learner has shown: a feature vector each, with its class and the recording it came from.
//!
//! Kept in the order of recording, which is the only notion of time there is. Knows no pictures.

use thiserror::Error;

#[derive(Clone, Debug, PartialEq)]
pub struct Example {
    /// Chosen by the page; unique.
    pub id: String,
    /// Chosen by the page; not necessarily something to show.
    pub class: String,
    /// One hold of the record button, or one upload: frames so alike that they must not be both learned and tested on.
    pub burst: String,
    /// What the frozen part of the network computes, `[features]`.
    pub features: Vec<f32>,
}

#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum ExampleError {
    #[error("an example needs at least one feature, got none")]
    Empty,
    #[error(
        "an example of {expected} features is expected, like those before it, got {found}; \
         after a change of network all examples are computed again"
    )]
    Length { expected: usize, found: usize },
    #[error(
        "feature {index} of an example is {value} instead of a finite number; the network's weights may be damaged"
    )]
    NotFinite { index: usize, value: String },
}

/// All examples, oldest first.
#[derive(Clone, Debug, Default)]
pub struct Examples {
    items: Vec<Example>,
}

impl Examples {
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds an example, or replaces the one with the same id where it stands.
    pub fn insert(&mut self, example: Example) -> Result<(), ExampleError> {
        if example.features.is_empty() {
            return Err(ExampleError::Empty);
        }
        if let Some((index, value)) = example.features.iter().enumerate().find(|(_, v)| !v.is_finite()) {
            return Err(ExampleError::NotFinite { index, value: value.to_string() });
        }
        let place = self.items.iter().position(|item| item.id == example.id);
        let replaces_the_only_one = place.is_some() && self.items.len() == 1;
        if let Some(expected) = self.feature_length()
            && expected != example.features.len()
            && !replaces_the_only_one
        {
            return Err(ExampleError::Length { expected, found: example.features.len() });
        }
        match place {
            Some(index) => self.items[index] = example,
            None => self.items.push(example),
        }
        Ok(())
    }

    /// Whether there was an example of this id.
    pub fn remove(&mut self, id: &str) -> bool {
        let place = self.items.iter().position(|item| item.id == id);
        place.map(|index| self.items.remove(index)).is_some()
    }

    pub fn clear(&mut self) {
        self.items.clear();
    }

    pub fn get(&self, id: &str) -> Option<&Example> {
        self.items.iter().find(|item| item.id == id)
    }

    /// The examples of one class, oldest first.
    pub fn of_class<'a>(&'a self, class: &'a str) -> impl Iterator<Item = &'a Example> {
        self.items.iter().filter(move |item| item.class == class)
    }

    pub fn iter(&self) -> impl Iterator<Item = &Example> {
        self.items.iter()
    }

    pub fn len(&self) -> usize {
        self.items.len()
    }

    pub fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    /// Number of features of every example, as soon as there is one.
    pub fn feature_length(&self) -> Option<usize> {
        self.items.first().map(|item| item.features.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn example(id: &str, class: &str, features: &[f32]) -> Example {
        Example { id: id.into(), class: class.into(), burst: "b".into(), features: features.to_vec() }
    }

    #[test]
    fn inserting_an_id_again_replaces_it_in_place() {
        let mut examples = Examples::new();
        for id in ["a", "b", "c"] {
            examples.insert(example(id, "old", &[1.0])).unwrap();
        }
        examples.insert(example("b", "new", &[2.0])).unwrap();
        let ids: Vec<_> = examples.iter().map(|item| item.id.as_str()).collect();
        assert_eq!(ids, ["a", "b", "c"]);
        assert_eq!(examples.of_class("new").count(), 1);
        assert_eq!(examples.get("b").unwrap().features, [2.0]);
    }

    #[test]
    fn features_of_another_length_are_refused_until_the_collection_is_empty() {
        let mut examples = Examples::new();
        examples.insert(example("a", "x", &[1.0, 2.0])).unwrap();
        examples.insert(example("b", "x", &[1.0, 2.0])).unwrap();
        let error = examples.insert(example("c", "x", &[1.0])).unwrap_err();
        assert_eq!(error, ExampleError::Length { expected: 2, found: 1 });
        assert!(examples.remove("a") && examples.remove("b") && !examples.remove("b"));
        examples.insert(example("c", "x", &[1.0])).unwrap();
        assert_eq!(examples.feature_length(), Some(1));
    }

    #[test]
    fn features_that_are_not_numbers_are_refused() {
        let mut examples = Examples::new();
        let error = examples.insert(example("a", "x", &[0.0, f32::NAN])).unwrap_err();
        assert!(error.to_string().contains("feature 1"), "{error}");
        assert_eq!(examples.insert(example("a", "x", &[])), Err(ExampleError::Empty));
        assert!(examples.is_empty());
    }
}
