//! A trained network's answers as targets: what a teacher thinks of every picture that a student learns from.
//!
//! Knowledge distillation, as Hinton, Vinyals and Dean have it (Distilling the Knowledge in a Neural Network, 2015): the target
//! of class `c` is `(1 - share) [c = truth] + share softmax(z / temperature)_c`, with `z` the teacher's logits; where the
//! student meets mirrored pictures, the mean of those for the picture and for its mirror image. The student meets the
//! picture changed at random; its teacher has seen it as it is.

use std::fs;
use std::path::Path;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::evaluate::{View, ask};
use super::tensors::{self, Values};
use super::{Note, Precision, RunError, Teacher};
use crate::data::{Batches, Dataset};
use crate::models;
use crate::transfer::loss::softmax;
use crate::weights::Checkpoint;

/// For every picture a distribution over the classes.
pub struct Targets {
    rows: Vec<f32>,
    classes: usize,
}

/// Whose answers a file has, and to what.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Asked {
    /// SHA-256 of the file of weights.
    teacher: Vec<u8>,
    views: Vec<View>,
    classes: Vec<String>,
    /// SHA-256 of the pictures' classes, one after the other: with other pictures, or in another order, it is another.
    truth: Vec<u8>,
}

/// The tensor in that file: logits of `[pictures, classes]`.
const ANSWERS: &str = "answers";

impl Targets {
    /// Asks the network whose weights are the bytes of `file`, which a run wrote, and keeps what it says at `kept`, or reads
    /// there what it said before. `file` may also be what was kept so. `done` is told of how many more pictures there are
    /// answers.
    ///
    /// Fails if the weights do not say their network, or have other classes, or the answers are to something else.
    pub fn new(
        teacher: &Teacher,
        file: &[u8],
        data: &dyn Dataset,
        views: &[View],
        kept: &Path,
        done: &mut dyn FnMut(usize),
    ) -> Result<Self, RunError> {
        let classes = data.classes().len();
        let dims = vec![data.len(), classes];
        let truth: Vec<u8> =
            (0..data.len()).flat_map(|index| (data.label(index) as u32).to_le_bytes()).collect();
        let asked = Asked {
            teacher: Sha256::digest(file).to_vec(),
            views: views.to_vec(),
            classes: data.classes().to_vec(),
            truth: Sha256::digest(truth).to_vec(),
        };
        let before = || fs::read(kept).ok().and_then(|bytes| read(&bytes)).filter(|(_, of)| *of == asked);
        let answers = if let Some((given, of)) = read(file) {
            let teacher = asked.teacher.clone();
            if given.dims != dims || (Asked { teacher, ..of }) != asked {
                return Err(RunError::OtherAnswers);
            }
            given
        } else if let Some((answers, _)) = before().filter(|(answers, _)| answers.dims == dims) {
            answers
        } else {
            let answers = Values { dims, data: answers(file, data, views, done)? };
            let bytes = tensors::bytes(&[(ANSWERS.to_string(), answers)].into(), &asked, Precision::F16);
            tensors::write(kept, &bytes)?;
            // As whoever reads the file sees them.
            read(&bytes).expect("just written").0
        };
        let mut rows = Vec::with_capacity(answers.data.len());
        for (index, logits) in answers.data.chunks_exact(classes).enumerate() {
            rows.extend(target(teacher, data.label(index), logits));
        }
        Ok(Self { rows, classes })
    }

    /// `[n, classes]` for these pictures.
    pub fn of(&self, indices: &[usize]) -> Vec<f32> {
        indices.iter().flat_map(|index| &self.rows[index * self.classes..][..self.classes]).copied().collect()
    }
}

/// The answers in a file's bytes, and what they are to; none if it is another file.
fn read(bytes: &[u8]) -> Option<(Values, Asked)> {
    let (mut tensors, asked) = tensors::read(bytes)?;
    Some((tensors.remove(ANSWERS)?, asked))
}

/// The mean of what the network says of each picture's views, `[pictures, classes]`.
fn answers(
    weights: &[u8],
    data: &dyn Dataset,
    views: &[View],
    done: &mut dyn FnMut(usize),
) -> Result<Vec<f32>, RunError> {
    let note = Note::of(weights).ok_or(RunError::UnknownTeacher)?;
    let spec = models::find(&note.model).ok_or(RunError::UnknownTeacher)?;
    if note.classes != data.classes() {
        return Err(RunError::OtherClasses { teacher: note.classes, data: data.classes().to_vec() });
    }
    let input = note.recipe.map_or(spec.input, |recipe| recipe.input(spec));
    let batches = Batches { data, input, fit: note.fit, augmentation: &[], seed: 0 };
    ask(spec, Checkpoint::read(weights.to_vec())?, &batches, views, done)
}

/// The distribution that a picture of class `truth` is given.
fn target(teacher: &Teacher, truth: usize, logits: &[f32]) -> Vec<f32> {
    let mut target: Vec<f32> =
        logits.iter().map(|logit| (f64::from(*logit) / teacher.temperature) as f32).collect();
    softmax(&mut target);
    target.iter_mut().for_each(|probability| *probability *= teacher.share as f32);
    target[truth] += (1.0 - teacher.share) as f32;
    target
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_lies_between_the_truth_and_what_the_teacher_thinks() {
        let of = |share, temperature| target(&Teacher { share, temperature }, 2, &[1.0, 3.0, 0.0]);
        assert_eq!(of(0.0, 1.0), [0.0, 0.0, 1.0]);
        let sum = 1f64.exp() + 3f64.exp() + 1.0;
        for (found, expected) in of(1.0, 1.0).into_iter().zip([1f64.exp() / sum, 3f64.exp() / sum, 1.0 / sum])
        {
            assert!((f64::from(found) - expected).abs() < 1e-7, "{found} for {expected}");
        }
        let (sharp, soft) = (of(0.5, 1.0), of(0.5, 4.0));
        assert!(sharp[1] > soft[1] && sharp[0] < soft[0] && sharp[2] > 0.5, "{sharp:?} {soft:?}");
        assert!((soft.iter().sum::<f32>() - 1.0).abs() < 1e-6);
    }
}
