//! A linear probe: how good are a network's features, measured by a head trained on some examples and tested on others.

use super::examples::{Example, Examples};
use super::loss::largest;
use super::settings::{Settings, SettingsError};
use super::trainer::Training;

/// Trains a head on all of `training`, none held back, and returns its accuracy on `test`, 0 to 1.
///
/// # Panics
/// If the examples have different numbers of features, or `test` has a class that is not in the settings.
pub fn probe(training: &[&Example], test: &[&Example], settings: &Settings) -> Result<f64, SettingsError> {
    let mut examples = Examples::new();
    for &example in training {
        examples.insert(example.clone()).expect("the features of one network");
    }
    let mut run = Training::new(&examples, Settings { validation_share: 0.0, ..settings.clone() })?;
    while !run.epoch().done {}
    let (head, _) = run.finish();
    let is_right = |example: &&&Example| {
        let truth = head.classes().iter().position(|class| *class == example.class);
        largest(&head.predict(&example.features)) == truth.expect("a class of the settings")
    };
    Ok(test.iter().filter(is_right).count() as f64 / test.len() as f64)
}
