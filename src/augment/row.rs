//! What was drawn for one picture as a row of numbers, which kernels read: a part, resized; mirrored; turned; recoloured;
//! covered. Any of these may be idle, but their order is fixed.

use super::colour::{Change as Colour, Jitter};
use super::geometry::Part;
use super::{AugmentError, Augmentation, Change, Target};
use crate::image::InputSpec;
use crate::random::Random;

/// What was drawn for a picture that lies in the upper left of a frame.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    /// What is shown of the picture.
    pub part: Part,
    pub mirrored: bool,
    /// Sine and cosine of the angle, counter-clockwise.
    pub turn: (f32, f32),
    pub colours: Jitter,
    /// Row and column of the centre of what is covered, and its side.
    pub hole: [usize; 3],
}

/// Numbers of a row: top, left, height and width of the part; mirrored or not; sine and cosine; four changes of colour, each
/// as its number (brightness, contrast, saturation, hue) and its amount; row, column and side of what is covered.
pub const LENGTH: usize = 18;

/// No angle.
const UPRIGHT: (f32, f32) = (0.0, 1.0);

impl Row {
    /// Nothing is changed: the part that evaluation sees too.
    pub fn plain(size: [usize; 2], input: &InputSpec) -> Self {
        let part = centre(size, input);
        Self { part, mirrored: false, turn: UPRIGHT, colours: Jitter::NONE, hole: [0; 3] }
    }

    /// Draws for a picture of `[height, width]`, exactly as [`super::apply`] draws for it.
    pub fn draw(
        steps: &[Augmentation],
        size: [usize; 2],
        input: &InputSpec,
        seed: u64,
    ) -> Result<Self, AugmentError> {
        check(steps)?;
        let (target, mut random) = (Target::of(input), Random::new(seed, 0));
        let mut row = Self::plain(size, input);
        for step in steps {
            // A crop that resizes comes first, and sees the picture as it is.
            let crops = matches!(step, Augmentation::RandomResizedCrop { .. });
            let seen = if crops { size } else { [target.height, target.width] };
            match step.draw(seen, target, &mut random)? {
                Change::None | Change::PaddedCrop { .. } => {}
                Change::ResizedCrop(part) => row.part = part,
                Change::Flip => row.mirrored = true,
                Change::Turn(degrees) => row.turn = degrees.to_radians().sin_cos(),
                Change::Colours(jitter) => row.colours = jitter,
                Change::Hole { centre: [down, right], side } => row.hole = [down, right, side],
            }
        }
        Ok(row)
    }

    /// Of every change there is, for a network that sees pictures of `target`: what kernels are tested with. Some are upright,
    /// because kernels tell these apart.
    pub fn example(size: [usize; 2], [height, width]: [usize; 2], seed: u64) -> Self {
        let steps = [
            Augmentation::RandomResizedCrop { scale: [0.3, 1.0], ratio: [0.6, 1.7] },
            Augmentation::HorizontalFlip { probability: 0.5 },
            Augmentation::Rotation { degrees: if seed.is_multiple_of(3) { 0.0 } else { 40.0 } },
            Augmentation::ColourJitter { brightness: 0.4, contrast: 0.4, saturation: 0.4, hue: 0.2 },
            Augmentation::Cutout { side: 5 },
        ];
        let input = InputSpec::plain(3, height, width);
        Self::draw(&steps, size, &input, seed).expect("steps in order")
    }

    pub fn to_values(&self) -> [f32; LENGTH] {
        let Part { top, left, height, width } = self.part;
        let mut values = [0.0; LENGTH];
        let (where_from, colours) = values.split_at_mut(7);
        where_from[..4].copy_from_slice(&[top, left, height, width].map(|pixels| pixels as f32));
        where_from[4..].copy_from_slice(&[f32::from(u8::from(self.mirrored)), self.turn.0, self.turn.1]);
        for (pair, change) in colours.chunks_exact_mut(2).zip(self.colours.order) {
            let (number, amount) = match change {
                Colour::Brightness(factor) => (0.0, factor),
                Colour::Contrast(factor) => (1.0, factor),
                Colour::Saturation(factor) => (2.0, factor),
                Colour::Hue(turn) => (3.0, turn),
            };
            pair.copy_from_slice(&[number, amount]);
        }
        values[15..].copy_from_slice(&self.hole.map(|pixels| pixels as f32));
        values
    }

    /// What [`Row::to_values`] wrote.
    pub fn from_values(values: &[f32]) -> Self {
        let pixels = |at: usize| values[at] as usize;
        let change = |at: usize| match (pixels(at), values[at + 1]) {
            (0, factor) => Colour::Brightness(factor),
            (1, factor) => Colour::Contrast(factor),
            (2, factor) => Colour::Saturation(factor),
            (_, turn) => Colour::Hue(turn),
        };
        Self {
            part: Part { top: pixels(0), left: pixels(1), height: pixels(2), width: pixels(3) },
            mirrored: values[4] != 0.0,
            turn: (values[5], values[6]),
            colours: Jitter { order: [7, 9, 11, 13].map(change) },
            hole: [15, 16, 17].map(pixels),
        }
    }

    /// Whether the picture stays upright.
    pub fn is_upright(&self) -> bool {
        self.turn == UPRIGHT
    }
}

/// Fails if the steps are not in the order that a row has.
pub fn check(steps: &[Augmentation]) -> Result<(), AugmentError> {
    let place = |step: &Augmentation| match step {
        Augmentation::RandomCrop { .. } => 0,
        Augmentation::RandomResizedCrop { .. } => 1,
        Augmentation::HorizontalFlip { .. } => 2,
        Augmentation::Rotation { .. } => 3,
        Augmentation::ColourJitter { .. } => 4,
        Augmentation::Cutout { .. } => 5,
    };
    let mut before = 0;
    for step in steps {
        step.validate()?;
        if place(step) <= before {
            return Err(AugmentError::Order { kind: step.kind() });
        }
        before = place(step);
    }
    Ok(())
}

/// The part of a picture of `[height, width]` that evaluation cuts out after resizing; all of it, if it has the network's size.
pub fn centre([h, w]: [usize; 2], input: &InputSpec) -> Part {
    if (h, w) == (input.height, input.width) {
        return Part { top: 0, left: 0, height: h, width: w };
    }
    let scale = h.min(w) as f64 / input.resize_short as f64;
    let kept = |size: usize, whole: usize| ((size as f64 * scale).round() as usize).clamp(1, whole);
    let (height, width) = (kept(input.height, h), kept(input.width, w));
    Part { top: (h - height) / 2, left: (w - width) / 2, height, width }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::models;

    fn every() -> Vec<Augmentation> {
        vec![
            Augmentation::RandomResizedCrop { scale: [0.4, 1.0], ratio: [0.75, 1.3] },
            Augmentation::HorizontalFlip { probability: 0.5 },
            Augmentation::Rotation { degrees: 15.0 },
            Augmentation::ColourJitter { brightness: 0.3, contrast: 0.3, saturation: 0.3, hue: 0.05 },
            Augmentation::Cutout { side: 9 },
        ]
    }

    #[test]
    fn a_row_says_all_that_was_drawn() {
        let input = models::find("resnet20").expect("a known network").input;
        let rows = (0..20).map(|seed| Row::draw(&every(), [50, 70], &input, seed).expect("a sound order"));
        for row in rows.chain([Row::plain([50, 70], &input)]) {
            assert_eq!(Row::from_values(&row.to_values()), row);
        }
    }

    #[test]
    fn another_order_is_refused_in_a_sentence() {
        let mut steps = every();
        assert_eq!(check(&steps), Ok(()));
        steps.swap(1, 2);
        let sentence = check(&steps).expect_err("out of order").to_string();
        assert!(sentence.contains("horizontal_flip is out of place"), "{sentence}");
        assert!(check(&[Augmentation::RandomCrop { padding: 4 }]).is_err());
        assert!(check(&[Augmentation::Rotation { degrees: -1.0 }]).is_err());
    }
}
