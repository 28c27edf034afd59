//! How the learning rate changes while a network trains: a factor of its peak for every step.
//!
//! Constant, stepwise, cosine (Loshchilov and Hutter 2017) and one-cycle (Smith and Topin 2018), each after an optional
//! linear warm-up, with PyTorch's formulas; and smaller rates for layers further from the head (Howard and Ruder 2018).
//! Knows no optimizer: momentum is not cycled.

use std::f64::consts::PI;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::graph::Graph;

/// The course of the learning rate. In a recipe, `kind` is its name: `kind = "one_cycle"`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Schedule {
    Constant {
        /// Epochs during which the rate rises from nothing; in every schedule but `OneCycle`, which rises by itself.
        #[serde(default)]
        warmup: f64,
    },
    /// Multiplied by `factor` after each of `epochs`.
    Step {
        epochs: Vec<f64>,
        #[serde(default = "tenth")]
        factor: f64,
        #[serde(default)]
        warmup: f64,
    },
    /// Half a cosine, down to `floor` of the peak.
    Cosine {
        #[serde(default)]
        floor: f64,
        #[serde(default)]
        warmup: f64,
    },
    /// Half a cosine up from `1 / start` of the peak during the first `rise` of all steps, then half a cosine down to
    /// `1 / end` of where it started.
    OneCycle {
        #[serde(default = "third")]
        rise: f64,
        #[serde(default = "start")]
        start: f64,
        #[serde(default = "end")]
        end: f64,
    },
}

/// A schedule that goes nowhere.
#[derive(Clone, Debug, Error, PartialEq)]
pub enum ScheduleError {
    #[error("schedule: {field} must lie between {least} and {most}, got {found}")]
    Bounds { field: &'static str, least: f64, most: f64, found: f64 },
    #[error("schedule: epochs must rise from one step to the next, got {epochs:?}")]
    Order { epochs: Vec<f64> },
}

impl Default for Schedule {
    fn default() -> Self {
        Self::Constant { warmup: 0.0 }
    }
}

impl Schedule {
    /// Fails where the rate would be negative, undefined or go back in time.
    pub fn validate(&self) -> Result<(), ScheduleError> {
        let within = |field, found: f64, least, most| {
            let error = ScheduleError::Bounds { field, least, most, found };
            if (least..=most).contains(&found) { Ok(()) } else { Err(error) }
        };
        match self {
            Self::Constant { warmup } => within("warmup", *warmup, 0.0, 1e6),
            Self::Step { epochs, factor, warmup } => {
                within("warmup", *warmup, 0.0, 1e6)?;
                within("factor", *factor, 0.0, 1.0)?;
                let rising = epochs.iter().all(|at| *at >= 0.0) && epochs.is_sorted();
                if rising { Ok(()) } else { Err(ScheduleError::Order { epochs: epochs.clone() }) }
            }
            Self::Cosine { floor, warmup } => {
                within("floor", *floor, 0.0, 1.0)?;
                within("warmup", *warmup, 0.0, 1e6)
            }
            Self::OneCycle { rise, start, end } => {
                within("rise", *rise, 0.0, 1.0)?;
                within("start", *start, 1.0, 1e9)?;
                within("end", *end, 1.0, 1e9)
            }
        }
    }

    /// The share of the peak rate with which `step` is taken, the first one being 0, of `epochs` of `steps` each.
    pub fn at(&self, step: usize, steps: usize, epochs: usize) -> f64 {
        let (epoch, total) = (step as f64 / steps.max(1) as f64, (steps * epochs) as f64);
        match self {
            Self::Constant { warmup } => risen(step, *warmup, steps),
            Self::Step { epochs, factor, warmup } => {
                let passed = epochs.iter().filter(|at| epoch >= **at).count();
                risen(step, *warmup, steps) * factor.powi(passed as i32)
            }
            Self::Cosine { floor, warmup } => {
                let rise = warmup * steps as f64;
                let share = ((step as f64 - rise) / (total - rise).max(1.0)).clamp(0.0, 1.0);
                risen(step, *warmup, steps) * between(1.0, *floor, share)
            }
            Self::OneCycle { rise, start, end } => {
                let top = (rise * total - 1.0).max(0.0);
                let last = (total - 1.0).max(1.0);
                let step = step as f64;
                if step <= top && top > 0.0 {
                    between(1.0 / start, 1.0, step / top)
                } else {
                    between(1.0, 1.0 / (start * end), ((step - top) / (last - top).max(1.0)).min(1.0))
                }
            }
        }
    }
}

/// From `a` to `b` along half a cosine.
fn between(a: f64, b: f64, share: f64) -> f64 {
    b + (a - b) * 0.5 * (1.0 + (PI * share).cos())
}

/// Rises in equal parts over the warm-up; the first step already moves.
fn risen(step: usize, warmup: f64, steps: usize) -> f64 {
    ((step + 1) as f64 / (warmup * steps as f64).max(1.0)).min(1.0)
}

/// The share of the learning rate that each parameter gets, in the graph's order: 1 after the last stage, multiplied by
/// `decay` once for each stage that still follows.
pub fn by_depth(graph: &Graph, decay: f64) -> Vec<f32> {
    let mut shares = vec![1.0; graph.params.len()];
    for (node, id) in graph.nodes.iter().zip(0..) {
        let following = graph.taps.stages.iter().filter(|stage| stage.node.0 >= id).count();
        for param in &node.params {
            shares[param.0] = decay.powi(following as i32) as f32;
        }
    }
    shares
}

fn tenth() -> f64 {
    0.1
}

fn third() -> f64 {
    0.3
}

fn start() -> f64 {
    25.0
}

fn end() -> f64 {
    1e4
}

#[cfg(test)]
mod tests {
    use super::*;

    fn course(schedule: &Schedule, steps: usize, epochs: usize) -> Vec<f64> {
        (0..steps * epochs).map(|step| schedule.at(step, steps, epochs)).collect()
    }

    #[test]
    fn one_cycle_has_the_numbers_of_torch() {
        // torch 2.15: OneCycleLR(SGD(lr=1), max_lr=1, total_steps=10), get_last_lr before each step.
        let published =
            [0.04, 0.52, 1.0, 0.9504846, 0.8117457, 0.611262, 0.388742, 0.1882583, 0.0495194, 4e-06];
        let found = course(&Schedule::OneCycle { rise: 0.3, start: 25.0, end: 1e4 }, 5, 2);
        let near = found.iter().zip(published).all(|(f, e): (&f64, f64)| (f - e).abs() < 1e-6);
        assert!(near, "expected {published:?}, got {found:?}");
    }

    #[test]
    fn cosine_starts_at_the_peak_and_ends_at_its_floor() {
        let found = course(&Schedule::Cosine { floor: 0.1, warmup: 0.0 }, 100, 10);
        assert!(found.is_sorted_by(|a, b| a >= b), "{found:?}");
        let (first, middle, last) = (found[0], found[500], found[999]);
        assert!(
            first == 1.0 && (middle - 0.55).abs() < 1e-9 && (last - 0.1).abs() < 1e-4,
            "{first} {middle} {last}"
        );
    }

    #[test]
    fn steps_multiply_at_their_epochs() {
        let schedule = Schedule::Step { epochs: vec![1.0, 2.5], factor: 0.1, warmup: 0.0 };
        let found = course(&schedule, 2, 3);
        let expected = [1.0, 1.0, 0.1, 0.1, 0.1, 0.01];
        assert!(found.iter().zip(expected).all(|(f, e)| (f - e).abs() < 1e-12), "{found:?}");
    }

    #[test]
    fn warm_up_rises_in_equal_parts() {
        let found = course(&Schedule::Constant { warmup: 2.0 }, 2, 3);
        assert_eq!(found, [0.25, 0.5, 0.75, 1.0, 1.0, 1.0]);
    }

    #[test]
    fn a_schedule_that_goes_nowhere_is_refused() {
        let bad = [
            Schedule::Step { epochs: vec![2.0, 1.0], factor: 0.1, warmup: 0.0 },
            Schedule::Cosine { floor: -0.1, warmup: 0.0 },
            Schedule::OneCycle { rise: f64::NAN, start: 25.0, end: 1e4 },
            Schedule::Constant { warmup: -1.0 },
        ];
        for schedule in bad {
            assert!(schedule.validate().is_err(), "{schedule:?}");
        }
    }

    #[test]
    fn layers_below_learn_more_slowly_than_those_above() {
        let graph = crate::models::find("lenet5").unwrap().published(1).unwrap();
        let shares = by_depth(&graph, 0.5);
        let of = |name: &str| shares[graph.params.iter().position(|param| param.name == name).unwrap()];
        assert_eq!(
            [of("fc2.weight"), of("fc1.bias"), of("conv3.weight"), of("conv1.weight")],
            [1.0, 0.5, 0.25, 0.0625]
        );
    }
}
