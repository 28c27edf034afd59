//! What a head is worth: accuracy, the confusion matrix and the single answers behind it.

use serde::{Deserialize, Serialize};

/// Answers on the validation share. Crosses to JavaScript in camel case.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Evaluation {
    pub classes: Vec<String>,
    /// Numbers of examples: rows are the truth, columns what was predicted.
    pub confusion: Vec<Vec<usize>>,
    /// Accuracy of each class, 0 to 1; none where there was nothing to measure.
    pub per_class: Vec<Option<f64>>,
    /// Share of correct answers, 0 to 1; none where there was nothing to measure.
    pub accuracy: Option<f64>,
    pub validation: Vec<Checked>,
}

/// One validation example and the head's answer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Checked {
    pub id: String,
    /// The class it was recorded for.
    pub truth: String,
    /// The class the head finds most probable.
    pub predicted: String,
    /// The head's probability of the predicted class.
    pub probability: f32,
}

/// One answer by class index.
#[derive(Clone, Debug, PartialEq)]
pub struct Answer {
    pub id: String,
    pub truth: usize,
    pub predicted: usize,
    pub probability: f32,
}

impl Evaluation {
    pub fn new(classes: &[String], answers: Vec<Answer>) -> Self {
        let mut confusion = vec![vec![0; classes.len()]; classes.len()];
        for answer in &answers {
            confusion[answer.truth][answer.predicted] += 1;
        }
        let share = |correct: usize, of: usize| (of > 0).then(|| correct as f64 / of as f64);
        let per_class =
            confusion.iter().enumerate().map(|(class, row)| share(row[class], row.iter().sum())).collect();
        let correct = (0..classes.len()).map(|class| confusion[class][class]).sum();
        let accuracy = share(correct, answers.len());
        let name = |class: usize| classes[class].clone();
        let validation = answers
            .into_iter()
            .map(|Answer { id, truth, predicted, probability }| Checked {
                id,
                truth: name(truth),
                predicted: name(predicted),
                probability,
            })
            .collect();
        Self { classes: classes.to_vec(), confusion, per_class, accuracy, validation }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn classes() -> Vec<String> {
        ["cat", "dog", "owl"].map(String::from).to_vec()
    }

    #[test]
    fn rows_are_the_truth_and_columns_the_prediction() {
        let answers = [(0, 0), (0, 1), (0, 1), (1, 1)].map(|(truth, predicted)| Answer {
            id: format!("{truth}{predicted}"),
            truth,
            predicted,
            probability: 0.5,
        });
        let evaluation = Evaluation::new(&classes(), answers.to_vec());
        assert_eq!(evaluation.confusion, [[1, 2, 0], [0, 1, 0], [0, 0, 0]]);
        assert_eq!(evaluation.per_class, [Some(1.0 / 3.0), Some(1.0), None]);
        assert_eq!(evaluation.accuracy, Some(0.5));
        assert_eq!((&*evaluation.validation[1].truth, &*evaluation.validation[1].predicted), ("cat", "dog"));
    }

    #[test]
    fn without_answers_nothing_is_claimed() {
        let evaluation = Evaluation::new(&classes(), Vec::new());
        assert_eq!((evaluation.accuracy, evaluation.per_class), (None, vec![None; 3]));
    }

    #[test]
    fn it_crosses_to_javascript_in_camel_case() {
        let json = serde_json::to_string(&Evaluation::new(&classes(), Vec::new())).unwrap();
        assert!(json.contains("\"perClass\":[null,null,null]"), "{json}");
    }
}
