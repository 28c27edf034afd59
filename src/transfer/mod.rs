//! Transfer learning on cached features: what is learned after the cut, here a head of one or two matrices.
//!
//! Knows neither pictures nor networks nor devices: an example arrives as the feature vector that the frozen part of
//! a network computed for it. Everything random takes its seed from [`Settings`], so a run can be repeated bit for bit.
//!
//! ```text
//! Examples -> split by recording -> Scale -> Perceptron <- Optimizer <- loss     Training, epoch by epoch
//!                                                   `-> Head (plain matrices) -> predict, file
//!                                                   `-> Evaluation (validation share)
//! ```

pub mod examples;
pub mod head;
pub mod metrics;
pub mod optimizer;
pub mod probe;
pub mod scale;
pub mod settings;
pub mod split;
pub mod trainer;

pub use headstart_kernels::{loss, perceptron};

pub use examples::{Example, ExampleError, Examples};
pub use head::{Head, HeadError};
pub use metrics::{Checked, Evaluation};
pub use probe::probe;
pub use settings::{Settings, SettingsError};
pub use trainer::{EpochReport, Start, Training};
