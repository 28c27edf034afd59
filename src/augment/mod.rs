//! Augmentation: other pictures of the same thing, drawn from a seed, as torchvision's transforms draw them.
//!
//! Pictures are tensors of `[1, c, h, w]` in units of 0..255, before normalisation. An [`Augmentation`] says between
//! which bounds to draw, and a [`Change`] is what was drawn; the functions in [`geometry`] and [`colour`] that apply it
//! are pure. A [`device::Augmenter`] applies what was drawn, as a [`row`] of numbers, where a network runs. Knows no
//! files and no labels.

pub mod colour;
pub mod device;
pub mod geometry;
pub mod row;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::image::{InputSpec, Order};
use crate::random::Random;
use crate::tensor::Tensor;
use colour::Jitter;
use geometry::Part;

/// One step of augmentation and the bounds of what it draws, with torchvision's defaults. In a recipe, `kind` is its
/// name: `kind = "random_crop"`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Augmentation {
    /// A part of the picture with a random share of its area and random proportions, resized to the network's input.
    RandomResizedCrop {
        #[serde(default = "default_scale")]
        scale: [f32; 2],
        #[serde(default = "default_ratio")]
        ratio: [f32; 2],
    },
    /// A part of the network's size, from a picture with `padding` black pixels on each side.
    RandomCrop { padding: usize },
    /// Left and right exchanged, with `probability`.
    HorizontalFlip {
        #[serde(default = "half")]
        probability: f32,
    },
    /// Turned about the centre by up to `degrees` either way; what comes in from outside is black.
    Rotation { degrees: f32 },
    /// Brightness, contrast and saturation multiplied by `1 - x` to `1 + x`, hue turned by up to `hue` of a circle, in
    /// random order.
    ColourJitter {
        #[serde(default)]
        brightness: f32,
        #[serde(default)]
        contrast: f32,
        #[serde(default)]
        saturation: f32,
        #[serde(default)]
        hue: f32,
    },
    /// A square of `side` pixels somewhere, cut off at the border, replaced by the mean colour. DeVries and Taylor 2017.
    Cutout { side: usize },
}

/// Why an augmentation cannot be applied.
#[derive(Clone, Debug, Error, PartialEq)]
pub enum AugmentError {
    #[error("{kind}: {field} must lie between {least} and {most}, got {found}")]
    Bounds { kind: &'static str, field: &'static str, least: f32, most: f32, found: f32 },
    #[error("{kind}: {field} must be two numbers above 0, the smaller one first, got {low} and {high}")]
    Interval { kind: &'static str, field: &'static str, low: f32, high: f32 },
    #[error(
        "a picture of {width} x {height} pixels with {padding} of padding has no part of {crop_width} x {crop_height}; \
         raise padding or resize it"
    )]
    TooSmall { width: usize, height: usize, padding: usize, crop_width: usize, crop_height: usize },
    #[error(
        "on a device pictures are changed by random_resized_crop, horizontal_flip, rotation, colour_jitter and cutout, each \
         once at most and in this order; {kind} is out of place"
    )]
    Order { kind: &'static str },
}

/// What was drawn for one picture.
#[derive(Clone, Debug, PartialEq)]
pub enum Change {
    None,
    ResizedCrop(Part),
    PaddedCrop {
        padding: usize,
        start: [usize; 2],
    },
    Flip,
    /// In degrees, counter-clockwise.
    Turn(f32),
    Colours(Jitter),
    /// Row and column, and the side of the square.
    Hole {
        centre: [usize; 2],
        side: usize,
    },
}

/// What a pipeline of augmentations has to know of the network it feeds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Target {
    pub height: usize,
    pub width: usize,
    /// The mean colour, in units of 0..255.
    pub mean: [f32; 3],
}

impl Target {
    pub fn of(input: &InputSpec) -> Self {
        let InputSpec { height, width, order, mut mean, .. } = *input;
        if order == Order::Bgr {
            mean.reverse();
        }
        Self { height, width, mean }
    }
}

impl Augmentation {
    /// Fails where a bound is one that nothing can be drawn between.
    pub fn validate(&self) -> Result<(), AugmentError> {
        let within = |kind, field, found: f32, least: f32, most: f32| {
            let error = AugmentError::Bounds { kind, field, least, most, found };
            if (least..=most).contains(&found) { Ok(()) } else { Err(error) }
        };
        let interval = |kind, field, [low, high]: [f32; 2]| {
            let sound = low > 0.0 && low <= high && high.is_finite();
            if sound { Ok(()) } else { Err(AugmentError::Interval { kind, field, low, high }) }
        };
        match *self {
            Self::RandomResizedCrop { scale, ratio } => {
                interval("random_resized_crop", "scale", scale)?;
                interval("random_resized_crop", "ratio", ratio)
            }
            Self::HorizontalFlip { probability } => {
                within("horizontal_flip", "probability", probability, 0.0, 1.0)
            }
            Self::Rotation { degrees } => within("rotation", "degrees", degrees, 0.0, 180.0),
            Self::ColourJitter { brightness, contrast, saturation, hue } => {
                let kind = "colour_jitter";
                within(kind, "brightness", brightness, 0.0, 10.0)?;
                within(kind, "contrast", contrast, 0.0, 10.0)?;
                within(kind, "saturation", saturation, 0.0, 10.0)?;
                within(kind, "hue", hue, 0.0, 0.5)
            }
            Self::RandomCrop { .. } | Self::Cutout { .. } => Ok(()),
        }
    }

    /// Its name in a recipe.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::RandomResizedCrop { .. } => "random_resized_crop",
            Self::RandomCrop { .. } => "random_crop",
            Self::HorizontalFlip { .. } => "horizontal_flip",
            Self::Rotation { .. } => "rotation",
            Self::ColourJitter { .. } => "colour_jitter",
            Self::Cutout { .. } => "cutout",
        }
    }

    /// Draws for a picture of `[height, width]`. The same `random` gives the same change.
    pub fn draw(
        &self,
        [h, w]: [usize; 2],
        target: Target,
        random: &mut Random,
    ) -> Result<Change, AugmentError> {
        Ok(match *self {
            Self::RandomResizedCrop { scale, ratio } => {
                Change::ResizedCrop(geometry::draw_resized_crop([h, w], scale, ratio, random))
            }
            Self::RandomCrop { padding } => {
                let (crop_height, crop_width) = (target.height, target.width);
                if h + 2 * padding < crop_height || w + 2 * padding < crop_width {
                    return Err(AugmentError::TooSmall {
                        width: w,
                        height: h,
                        padding,
                        crop_width,
                        crop_height,
                    });
                }
                let top = random.below(h + 2 * padding - crop_height + 1);
                let left = random.below(w + 2 * padding - crop_width + 1);
                Change::PaddedCrop { padding, start: [top, left] }
            }
            Self::HorizontalFlip { probability } => match random.uniform(0.0, 1.0) < probability {
                true => Change::Flip,
                false => Change::None,
            },
            Self::Rotation { degrees } => Change::Turn(random.uniform(-degrees, degrees)),
            Self::ColourJitter { brightness, contrast, saturation, hue } => {
                Change::Colours(Jitter::draw(brightness, contrast, saturation, hue, random))
            }
            Self::Cutout { side } => Change::Hole { centre: [random.below(h), random.below(w)], side },
        })
    }

    /// Draws and applies. The same `random` gives the same picture; crops are of the target's size.
    pub fn apply(
        &self,
        x: &Tensor<f32>,
        target: Target,
        random: &mut Random,
    ) -> Result<Tensor<f32>, AugmentError> {
        Ok(self.draw([x.shape.h, x.shape.w], target, random)?.apply(x, target))
    }
}

impl Change {
    pub fn apply(&self, x: &Tensor<f32>, target: Target) -> Tensor<f32> {
        let size = [target.height, target.width];
        match self {
            Self::None => x.clone(),
            Self::ResizedCrop(part) => geometry::resized_crop(x, *part, size),
            Self::PaddedCrop { padding, start } => geometry::padded_crop(x, *padding, *start, size),
            Self::Flip => geometry::flip(x),
            Self::Turn(degrees) => geometry::rotate(x, *degrees),
            Self::Colours(jitter) => jitter.apply(x),
            Self::Hole { centre, side } => geometry::cutout(x, *centre, *side, target.mean),
        }
    }
}

/// All `steps` one after another, drawn from `seed`, which stands for one picture in one epoch.
pub fn apply(
    steps: &[Augmentation],
    x: Tensor<f32>,
    target: Target,
    seed: u64,
) -> Result<Tensor<f32>, AugmentError> {
    let mut random = Random::new(seed, 0);
    steps.iter().try_fold(x, |x, step| step.apply(&x, target, &mut random))
}

/// The seed of one picture in one epoch of a run: whatever the order and the number of threads, it is the same.
/// Steele, Lea and Flood 2014, "Fast splittable pseudorandom number generators" (the finaliser).
pub fn seed_of(run: u64, epoch: u64, index: u64) -> u64 {
    let mix = |mut z: u64| {
        z = (z ^ z >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ z >> 31
    };
    const GOLDEN: u64 = 0x9e37_79b9_7f4a_7c15;
    [run, epoch, index].into_iter().fold(0, |seed, part| mix(seed.wrapping_add(part).wrapping_add(GOLDEN)))
}

fn default_scale() -> [f32; 2] {
    [0.08, 1.0]
}

fn default_ratio() -> [f32; 2] {
    [3.0 / 4.0, 4.0 / 3.0]
}

fn half() -> f32 {
    0.5
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shape::Shape;

    const TARGET: Target = Target { height: 8, width: 8, mean: [127.5; 3] };

    fn picture() -> Tensor<f32> {
        let shape = Shape::new(1, 3, 8, 8);
        Tensor::new(shape, (0..shape.len()).map(|i| (i * 37 % 251) as f32).collect())
    }

    fn every() -> Vec<Augmentation> {
        vec![
            Augmentation::RandomResizedCrop { scale: default_scale(), ratio: default_ratio() },
            Augmentation::RandomCrop { padding: 2 },
            Augmentation::HorizontalFlip { probability: 0.5 },
            Augmentation::Rotation { degrees: 15.0 },
            Augmentation::ColourJitter { brightness: 0.4, contrast: 0.4, saturation: 0.4, hue: 0.1 },
            Augmentation::Cutout { side: 4 },
        ]
    }

    #[test]
    fn the_same_seed_gives_the_same_picture_bit_for_bit_and_another_seed_another() {
        for step in every() {
            let of = |seed| {
                apply(std::slice::from_ref(&step), picture(), TARGET, seed).expect("a picture large enough")
            };
            assert_eq!(of(5), of(5), "{step:?}");
            assert!((0..10).any(|seed| of(seed) != of(5)), "{step:?} does nothing");
        }
    }

    #[test]
    fn values_stay_between_black_and_white_and_sizes_are_the_targets() {
        for seed in 0..50 {
            let y = apply(&every(), picture(), TARGET, seed).expect("a picture large enough");
            assert_eq!(y.shape, picture().shape);
            assert!(y.data.iter().all(|value| (0.0..=255.0).contains(value)), "seed {seed}: {:?}", y.data);
        }
    }

    #[test]
    fn bounds_that_draw_nothing_leave_the_picture_alone() {
        let idle = [
            Augmentation::RandomResizedCrop { scale: [1.0; 2], ratio: [1.0; 2] },
            Augmentation::RandomCrop { padding: 0 },
            Augmentation::HorizontalFlip { probability: 0.0 },
            Augmentation::Rotation { degrees: 0.0 },
            Augmentation::ColourJitter { brightness: 0.0, contrast: 0.0, saturation: 0.0, hue: 0.0 },
            Augmentation::Cutout { side: 0 },
        ];
        for step in idle {
            let y = step.apply(&picture(), TARGET, &mut Random::new(1, 0)).expect("a picture large enough");
            let worst = y.data.iter().zip(&picture().data).map(|(y, x)| (y - x).abs()).fold(0.0, f32::max);
            assert!(worst < 1e-3, "{step:?} moves a value by {worst}");
        }
    }

    #[test]
    fn a_flip_happens_as_often_as_it_should() {
        let step = Augmentation::HorizontalFlip { probability: 0.3 };
        let flipped = (0..2000).filter(|&seed| {
            apply(std::slice::from_ref(&step), picture(), TARGET, seed_of(1, 0, seed)).ok() != Some(picture())
        });
        let share = flipped.count() as f64 / 2000.0;
        assert!((share - 0.3).abs() < 0.03, "{share}");
    }

    #[test]
    fn every_picture_of_every_epoch_has_a_seed_of_its_own() {
        let seeds = (0..20).flat_map(|epoch| (0..500).map(move |index| seed_of(7, epoch, index)));
        let different: std::collections::HashSet<u64> = seeds.collect();
        assert_eq!(different.len(), 10_000);
    }

    #[test]
    fn what_cannot_be_drawn_is_refused_in_a_sentence() {
        let bad = [
            (Augmentation::HorizontalFlip { probability: 1.5 }, "horizontal_flip: probability"),
            (
                Augmentation::RandomResizedCrop { scale: [0.0, 1.0], ratio: [1.0; 2] },
                "scale must be two numbers",
            ),
            (Augmentation::Rotation { degrees: f32::NAN }, "rotation: degrees"),
            (
                Augmentation::ColourJitter { brightness: 0.0, contrast: 0.0, saturation: 0.0, hue: 0.6 },
                "colour_jitter: hue must lie between 0 and 0.5, got 0.6",
            ),
        ];
        for (step, part) in bad {
            let sentence = step.validate().expect_err(part).to_string();
            assert!(sentence.contains(part), "{sentence:?} does not say {part:?}");
        }
        let crop = Augmentation::RandomCrop { padding: 0 };
        let error = crop.apply(&picture(), Target { height: 9, ..TARGET }, &mut Random::new(1, 0));
        assert!(matches!(error, Err(AugmentError::TooSmall { .. })));
        assert!(every().iter().all(|step| step.validate().is_ok()));
    }
}
