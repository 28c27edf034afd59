//! Why a run cannot start, or cannot go on.

use thiserror::Error;

use super::RecipeError;
use crate::data::DataError;
use crate::exec::ExecError;
use crate::graph::GraphError;
use crate::net::NetError;
use crate::train::TrainError;
use crate::weights::WeightsError;

#[derive(Debug, Error)]
pub enum RunError {
    #[error(transparent)]
    Recipe(#[from] RecipeError),
    #[error(transparent)]
    Data(#[from] DataError),
    #[error(transparent)]
    Net(#[from] NetError),
    #[error(transparent)]
    Graph(#[from] GraphError),
    #[error(transparent)]
    Weights(#[from] WeightsError),
    #[error(transparent)]
    Exec(#[from] ExecError),
    #[error(transparent)]
    Train(#[from] TrainError),
    #[error("{place} cannot be written ({reason}); choose another place with --out")]
    Unwritable { place: String, reason: String },
    #[error("{place} cannot be read ({reason}); check its name")]
    Unreadable { place: String, reason: String },
    #[error(
        "{place} is not a checkpoint of this program, or is one of other classes; remove it, or choose another --out"
    )]
    NotACheckpoint { place: String },
    #[error("{place} is a checkpoint of another recipe ({title}); remove it, or choose another --out")]
    OtherRecipe { place: String, title: String },
    #[error("{title} learns from a teacher's answers; name a file of its weights with --teacher")]
    NoTeacher { title: String },
    #[error("{title} has no [teacher]; add it to the recipe, or leave --teacher out")]
    NoPupil { title: String },
    #[error(
        "the teacher's file does not say which network it is of; train one with a recipe, which writes such files"
    )]
    UnknownTeacher,
    #[error(
        "the teacher tells {} apart, and these pictures are of {}; choose a teacher that was trained on them",
        teacher.join(", "), data.join(", ")
    )]
    OtherClasses { teacher: Vec<String>, data: Vec<String> },
    #[error(
        "the teacher's answers are to other pictures than these, or are not for their mirror images where the recipe \
         mirrors; name a file of its weights with --teacher, and it is asked again"
    )]
    OtherAnswers,
    #[error("there are {found} pictures to learn from, fewer than a batch of {batch}; lower batch")]
    TooFewPictures { found: usize, batch: usize },
    #[error(
        "training diverged: the loss is no number any more in epoch {epoch}, step {step}, with a learning rate of \
         {learning_rate}; {kept}; lower learning_rate, or add warmup to the schedule"
    )]
    Diverged { epoch: usize, step: usize, learning_rate: f64, kept: String },
}
