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

/// The points of such a table; none if it is another one.
pub fn parse(text: &str) -> Option<Vec<Point>> {
    let point = |line: &str| {
        let fields: Vec<&str> = line.split(',').collect();
        let [epoch, learning_rate, loss, accuracy, test_loss, test_accuracy] = fields[..] else {
            return None;
        };
        let maybe = |field: &str| match field {
            "" => Some(None),
            value => value.parse().ok().map(Some),
        };
        Some(Point {
            epoch: epoch.parse().ok()?,
            learning_rate: learning_rate.parse().ok()?,
            loss: loss.parse().ok()?,
            accuracy: accuracy.parse().ok()?,
            test_loss: maybe(test_loss)?,
            test_accuracy: maybe(test_accuracy)?,
        })
    };
    text.lines().skip(1).map(point).collect()
}

/// To six digits after the point, so that a number is the same after it was written and read.
pub fn rounded(value: f64) -> f64 {
    (value * 1e6).round() / 1e6
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_gives_its_points_back() {
        let tested = Point {
            epoch: 1,
            learning_rate: 0.1,
            loss: 2.302584,
            accuracy: 0.5,
            test_loss: Some(1.25),
            test_accuracy: Some(0.75),
        };
        let points = [tested.clone(), Point { epoch: 2, test_loss: None, test_accuracy: None, ..tested }];
        assert_eq!(parse(&table(&points)).as_deref(), Some(&points[..]));
        assert_eq!(parse("epoch\n1,2"), None);
    }
}
