//! What a run measured, epoch by epoch, as a table that every spreadsheet reads.

use serde::{Deserialize, Serialize};

/// One epoch.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Point {
    /// Counted from 1.
    pub epoch: usize,
    /// Of the epoch's last step.
    pub learning_rate: f64,
    /// Mean over the epoch, each batch measured just before it was learned.
    pub loss: f64,
    /// Share of right answers, 0 to 1, measured likewise.
    pub accuracy: f64,
    /// On the test pictures, of the weights that would be kept; none where there are none.
    pub test_loss: Option<f64>,
    pub test_accuracy: Option<f64>,
}

/// The points as comma-separated values, six digits each: no clock is in it, so that the same seed gives the same file.
pub fn table(points: &[Point]) -> String {
    let mut text = String::from("epoch,learning_rate,loss,accuracy,test_loss,test_accuracy\n");
    for point in points {
        let maybe = |value: Option<f64>| value.map(|value| format!("{value:.6}")).unwrap_or_default();
        text += &format!(
            "{},{:.6},{:.6},{:.6},{},{}\n",
            point.epoch,
            point.learning_rate,
            point.loss,
            point.accuracy,
            maybe(point.test_loss),
            maybe(point.test_accuracy)
        );
    }
    text
}

/// To six digits after the point, so that a number is the same after it was written and read.
pub fn rounded(value: f64) -> f64 {
    (value * 1e6).round() / 1e6
}
