//! What becomes of colours: brightness, contrast, saturation, hue. Pure functions on pictures of `[1, c, h, w]` in units
//! of 0..255; grey pictures have neither saturation nor hue.
//!
//! The same arithmetic as `torchvision.transforms.ColorJitter` on float tensors.

use crate::random::Random;
use crate::tensor::Tensor;

/// One draw of colour changes.
#[derive(Clone, Debug, PartialEq)]
pub struct Jitter {
    /// Which of the four comes first, second, third and last.
    pub order: [Change; 4],
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Change {
    Brightness(f32),
    Contrast(f32),
    Saturation(f32),
    /// In turns of the colour circle, -0.5 to 0.5.
    Hue(f32),
}

/// Luma of red, green and blue, as torchvision has it.
const LUMA: [f32; 3] = [0.2989, 0.587, 0.114];

const WHITE: f32 = 255.0;

impl Jitter {
    /// Factors from `max(0, 1 - x)` to `1 + x`, a hue from `-hue` to `hue`, and an order in which all are equally likely.
    pub fn draw(brightness: f32, contrast: f32, saturation: f32, hue: f32, random: &mut Random) -> Self {
        let mut factor = |x: f32| random.uniform((1.0 - x).max(0.0), 1.0 + x);
        let (brightness, contrast, saturation) = (factor(brightness), factor(contrast), factor(saturation));
        let mut order = [
            Change::Brightness(brightness),
            Change::Contrast(contrast),
            Change::Saturation(saturation),
            Change::Hue(random.uniform(-hue, hue)),
        ];
        random.shuffle(&mut order);
        Self { order }
    }

    /// Changes nothing.
    pub const NONE: Self = Self {
        order: [Change::Brightness(1.0), Change::Contrast(1.0), Change::Saturation(1.0), Change::Hue(0.0)],
    };

    pub fn apply(&self, x: &Tensor<f32>) -> Tensor<f32> {
        self.order.iter().fold(x.clone(), |x, change| change.apply(x))
    }
}

impl Change {
    pub fn apply(self, mut x: Tensor<f32>) -> Tensor<f32> {
        let coloured = x.shape.c == 3;
        match self {
            Self::Brightness(factor) => blend(&mut x, factor, |_| 0.0),
            Self::Contrast(factor) => {
                let pixels = x.shape.plane();
                let mean = (0..pixels).map(|at| grey(&x, at)).sum::<f32>() / pixels as f32;
                blend(&mut x, factor, |_| mean);
            }
            Self::Saturation(factor) if coloured => {
                let greys: Vec<f32> = (0..x.shape.plane()).map(|at| grey(&x, at)).collect();
                blend(&mut x, factor, |at| greys[at]);
            }
            Self::Hue(turn) if coloured && turn != 0.0 => {
                let pixels = x.shape.plane();
                for at in 0..pixels {
                    let turned = turn_hue([0, 1, 2].map(|c| x.data[c * pixels + at] / WHITE), turn);
                    for (c, value) in turned.into_iter().enumerate() {
                        x.data[c * pixels + at] = (value * WHITE).clamp(0.0, WHITE);
                    }
                }
            }
            Self::Saturation(_) | Self::Hue(_) => {}
        }
        x
    }
}

/// `factor * x + (1 - factor) * other`, between black and white; `other` is asked for the pixel's number.
fn blend(x: &mut Tensor<f32>, factor: f32, other: impl Fn(usize) -> f32) {
    let pixels = x.shape.plane();
    for (at, value) in x.data.iter_mut().enumerate() {
        *value = (factor * *value + (1.0 - factor) * other(at % pixels)).clamp(0.0, WHITE);
    }
}

fn grey(x: &Tensor<f32>, at: usize) -> f32 {
    if x.shape.c == 1 {
        return x.data[at];
    }
    LUMA.iter().enumerate().map(|(c, share)| share * x.data[c * x.shape.plane() + at]).sum()
}

/// Red, green and blue from 0 to 1, with the hue turned by a share of the circle: to HSV and back.
fn turn_hue([r, g, b]: [f32; 3], turn: f32) -> [f32; 3] {
    let (value, least) = (r.max(g).max(b), r.min(g).min(b));
    let chroma = value - least;
    if chroma == 0.0 {
        return [r, g, b];
    }
    let hue = if value == r {
        (g - b) / chroma
    } else if value == g {
        2.0 + (b - r) / chroma
    } else {
        4.0 + (r - g) / chroma
    };
    let hue = (hue / 6.0 + turn).rem_euclid(1.0) * 6.0;
    let saturation = chroma / value;
    let (sector, fraction) = (hue.floor(), hue - hue.floor());
    let p = value * (1.0 - saturation);
    let q = value * (1.0 - saturation * fraction);
    let t = value * (1.0 - saturation * (1.0 - fraction));
    match sector as u32 % 6 {
        0 => [value, t, p],
        1 => [q, value, p],
        2 => [p, value, t],
        3 => [p, q, value],
        4 => [t, p, value],
        _ => [value, p, q],
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shape::Shape;

    /// Two pixels, a light and a dark one.
    fn picture() -> Tensor<f32> {
        Tensor::new(Shape::new(1, 3, 1, 2), vec![200.0, 40.0, 120.0, 80.0, 20.0, 120.0])
    }

    #[test]
    fn every_change_has_the_numbers_of_torchvision() {
        // torchvision 0.29: adjust_brightness and so on of the picture above, divided by 255 and multiplied back.
        let published = [
            (Change::Brightness(1.4), [255.0, 56.0, 168.0, 112.0, 28.0, 168.0]),
            (Change::Contrast(0.6), [161.0192, 65.0192, 113.0192, 89.0192, 53.0192, 113.0192]),
            (Change::Saturation(1.5), [233.75, 23.702, 113.75, 83.702, 0.0, 143.702]),
            (Change::Hue(-0.1), [200.0, 40.0, 20.0, 120.0, 28.0, 112.0]),
        ];
        for (change, expected) in published {
            let found = change.apply(picture()).data;
            let near = found.iter().zip(expected).all(|(f, e): (&f32, f32)| (f - e).abs() < 1e-2);
            assert!(near, "{change:?}: expected {expected:?}, got {found:?}");
        }
    }

    #[test]
    fn a_full_turn_of_the_hue_changes_nothing() {
        for half in [0.5, -0.5] {
            let turned = Change::Hue(0.5).apply(Change::Hue(half).apply(picture()));
            let near = turned.data.iter().zip(&picture().data).all(|(f, e)| (f - e).abs() < 1e-2);
            assert!(near, "{:?}", turned.data);
        }
    }

    #[test]
    fn grey_pictures_have_no_hue_and_no_saturation() {
        let grey = Tensor::new(Shape::new(1, 1, 1, 2), vec![10.0, 200.0]);
        for change in [Change::Saturation(2.0), Change::Hue(0.3)] {
            assert_eq!(change.apply(grey.clone()), grey);
        }
    }
}
