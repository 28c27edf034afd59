//! What a learner may choose about training, with defaults that suit both a few dozen and a few thousand examples.

use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::optimizer::Method;

/// Crosses to JavaScript and into saved heads as an object in camel case; what is missing takes its default.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Settings {
    /// The classes to tell apart; the head's outputs come in this order.
    pub classes: Vec<String>,
    /// Units of the hidden layer; 0 makes the head linear.
    pub hidden: usize,
    /// Times every training example is seen.
    pub epochs: usize,
    /// Examples per step.
    pub batch_size: usize,
    pub learning_rate: f64,
    /// Weight decay: this times the weight is added to its gradient, as in PyTorch.
    pub l2: f64,
    /// Part of each class that is not learned from but checked with, 0 to 0.9.
    pub validation_share: f64,
    /// Decides the split, the initial weights and the order of the examples.
    pub seed: u64,
    pub optimizer: Method,
    /// Only for stochastic gradient descent.
    pub momentum: f64,
}

#[derive(Clone, Debug, Error, PartialEq)]
pub enum SettingsError {
    #[error("{name} must be {range}, got {found}")]
    OutOfRange { name: &'static str, range: &'static str, found: String },
    #[error("training needs at least two classes, got {found}")]
    TooFewClasses { found: usize },
    #[error("every class is named once, but {found:?} is there twice")]
    RepeatedClass { found: String },
    #[error(
        "{without} of the {classes} classes {} no examples; record some, or leave {} out of the training",
        if *.without == 1 { "has" } else { "have" },
        if *.without == 1 { "the class" } else { "those classes" }
    )]
    NoExamples { without: usize, classes: usize },
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            classes: Vec::new(),
            hidden: 0,
            epochs: 50,
            batch_size: 16,
            learning_rate: 0.002,
            l2: 0.0001,
            validation_share: 0.2,
            seed: 1,
            optimizer: Method::Adam,
            momentum: 0.9,
        }
    }
}

impl Settings {
    /// Names the first setting outside its range.
    pub fn validate(&self) -> Result<(), SettingsError> {
        let whole = |name, found: usize, from: usize, to: usize, range| {
            if (from..=to).contains(&found) { Ok(()) } else { Err(out_of_range(name, range, found)) }
        };
        let number = |name, found: f64, inside: bool, range| {
            if inside { Ok(()) } else { Err(out_of_range(name, range, found)) }
        };
        whole("the size of the hidden layer", self.hidden, 0, 4096, "from 0 (no hidden layer) to 4096")?;
        whole("the number of epochs", self.epochs, 1, 10_000, "from 1 to 10000")?;
        whole("the batch size", self.batch_size, 1, 4096, "from 1 to 4096")?;
        let (rate, share) = (self.learning_rate, self.validation_share);
        number("the learning rate", rate, rate > 0.0 && rate <= 10.0, "above 0 and at most 10")?;
        number("L2", self.l2, (0.0..=1.0).contains(&self.l2), "from 0 to 1")?;
        number("the validation share", share, (0.0..=0.9).contains(&share), "from 0 to 0.9")?;
        number("the momentum", self.momentum, (0.0..1.0).contains(&self.momentum), "from 0 to below 1")?;

        if self.classes.len() < 2 {
            return Err(SettingsError::TooFewClasses { found: self.classes.len() });
        }
        let repeated = self.classes.iter().enumerate().find(|(i, class)| self.classes[..*i].contains(class));
        match repeated {
            Some((_, class)) => Err(SettingsError::RepeatedClass { found: class.clone() }),
            None => Ok(()),
        }
    }
}

fn out_of_range(name: &'static str, range: &'static str, found: impl ToString) -> SettingsError {
    SettingsError::OutOfRange { name, range, found: found.to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn valid() -> Settings {
        Settings { classes: vec!["a".into(), "b".into()], ..Settings::default() }
    }

    #[test]
    fn the_defaults_are_valid_once_there_are_classes() {
        assert_eq!(valid().validate(), Ok(()));
        assert!(matches!(Settings::default().validate(), Err(SettingsError::TooFewClasses { found: 0 })));
    }

    #[test]
    fn every_bad_value_is_named_with_its_range() {
        let bad: [(Settings, &str); 9] = [
            (Settings { hidden: 5000, ..valid() }, "hidden layer must be from 0"),
            (Settings { epochs: 0, ..valid() }, "epochs must be from 1 to 10000, got 0"),
            (Settings { batch_size: 0, ..valid() }, "batch size must be from 1"),
            (Settings { learning_rate: 0.0, ..valid() }, "learning rate must be above 0"),
            (Settings { learning_rate: f64::NAN, ..valid() }, "got NaN"),
            (Settings { l2: -0.1, ..valid() }, "L2 must be from 0 to 1, got -0.1"),
            (Settings { validation_share: 1.0, ..valid() }, "validation share must be from 0 to 0.9"),
            (Settings { momentum: 1.0, ..valid() }, "momentum must be from 0"),
            (
                Settings { classes: vec!["a".into(), "b".into(), "a".into()], ..valid() },
                "\"a\" is there twice",
            ),
        ];
        for (settings, part) in bad {
            let sentence = settings.validate().unwrap_err().to_string();
            assert!(sentence.contains(part), "{sentence:?} does not say {part:?}");
        }
    }

    #[test]
    fn settings_read_camel_case_and_fill_in_what_is_missing() {
        let json = r#"{ "classes": ["a", "b"], "batchSize": 8, "learningRate": 0.5, "optimizer": "sgd" }"#;
        let read: Settings = serde_json::from_str(json).unwrap();
        let expected = Settings { batch_size: 8, learning_rate: 0.5, optimizer: Method::Sgd, ..valid() };
        assert_eq!(read, expected);
    }
}
