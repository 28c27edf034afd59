//! From pictures of a dataset to a network's input: the order of an epoch, augmentation, size, normalisation.
//!
//! Which pictures come when, and what is drawn for each, depend on the seed and the epoch alone, so that a run that is
//! resumed goes on as if it had never stopped. Knows no network but the input it expects.

use serde::{Deserialize, Serialize};

use super::{DataError, Dataset, Picture};
use crate::augment::{self, Augmentation, Target, geometry, row};
use crate::image::{InputSpec, Order, preprocess};
use crate::random::Random;
use crate::shape::Shape;
use crate::tensor::Tensor;

/// How a picture of another size than the network's becomes its input.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fit {
    /// The short side is resized and the centre cut out, as the network's specification says.
    #[default]
    Resize,
    /// Black on all sides, or cut off on all sides: every pixel stays what it is. Digits of 28 pixels for LeNet-5's 32.
    Pad,
}

/// A dataset as a network sees it.
#[derive(Clone, Copy)]
pub struct Batches<'a> {
    pub data: &'a dyn Dataset,
    pub input: InputSpec,
    pub fit: Fit,
    /// What is done to pictures that are learned from.
    pub augmentation: &'a [Augmentation],
    pub seed: u64,
}

/// The stream of the seed that decides the order of the pictures.
const ORDER: u64 = 1;

impl Batches<'_> {
    /// The order in which the pictures are learned from in an epoch.
    pub fn order(&self, epoch: usize) -> Vec<usize> {
        let mut order: Vec<usize> = (0..self.data.len()).collect();
        Random::new(augment::seed_of(self.seed, epoch as u64, u64::MAX), ORDER).shuffle(&mut order);
        order
    }

    /// The pictures of `indices` as one batch `[n, c, h, w]`, and their labels; augmented as in that epoch, or as they are
    /// if there is none.
    pub fn read(&self, indices: &[usize], epoch: Option<usize>) -> Result<(Vec<f32>, Vec<u32>), DataError> {
        let mut x = Vec::with_capacity(indices.len() * self.input.len());
        for &index in indices {
            let picture = self.data.picture(index)?;
            match epoch {
                Some(epoch) => self.augmented(&picture, index, epoch, &mut x)?,
                None => self.plain(&picture, &mut x)?,
            }
        }
        Ok((x, indices.iter().map(|&index| self.data.label(index) as u32).collect()))
    }

    fn augmented(
        &self,
        picture: &Picture,
        index: usize,
        epoch: usize,
        x: &mut Vec<f32>,
    ) -> Result<(), DataError> {
        let raw = pixels(picture, self.input.channels);
        // A crop that resizes wants to see the picture as it is.
        let resizes = matches!(self.augmentation.first(), Some(Augmentation::RandomResizedCrop { .. }));
        let fitted = if resizes { raw } else { self.fitted(raw) };
        let seed = augment::seed_of(self.seed, epoch as u64, index as u64);
        let drawn = augment::apply(self.augmentation, fitted, Target::of(&self.input), seed)?;
        self.normalised(&drawn, x);
        Ok(())
    }

    fn plain(&self, picture: &Picture, x: &mut Vec<f32>) -> Result<(), DataError> {
        let InputSpec { channels, height, width, resize_short, .. } = self.input;
        let as_it_is =
            (picture.height, picture.width) == (height, width) && resize_short == height.min(width);
        if self.fit == Fit::Pad || as_it_is {
            self.normalised(&self.fitted(pixels(picture, channels)), x);
        } else {
            x.extend(preprocess(&picture.rgba(), picture.width, picture.height, &self.input)?);
        }
        Ok(())
    }

    /// Of the network's size, not yet normalised.
    fn fitted(&self, x: Tensor<f32>) -> Tensor<f32> {
        let InputSpec { height, width, .. } = self.input;
        let (h, w) = (x.shape.h, x.shape.w);
        if (h, w) == (height, width) {
            return x;
        }
        if self.fit == Fit::Pad {
            return geometry::centred(&x, [height, width]);
        }
        geometry::resized_crop(&x, row::centre([h, w], &self.input), [height, width])
    }

    fn normalised(&self, image: &Tensor<f32>, x: &mut Vec<f32>) {
        let InputSpec { order, mean, std, .. } = self.input;
        let planes: Vec<&[f32]> = image.data.chunks_exact(image.shape.plane()).collect();
        for (c, (mean, std)) in mean.into_iter().zip(std).take(planes.len()).enumerate() {
            let colour = if order == Order::Bgr { planes.len() - 1 - c } else { c };
            x.extend(planes[colour].iter().map(|value| (value - mean) / std));
        }
    }
}

/// The picture with as many channels as the network has, in units of 0..255: grey as Pillow's "L", colour from grey by
/// repetition.
fn pixels(picture: &Picture, channels: usize) -> Tensor<f32> {
    let shape = Shape::new(1, channels, picture.height, picture.width);
    let mut x = Tensor::filled(shape, 0.0);
    let plane = shape.plane();
    for (at, pixel) in picture.pixels.chunks_exact(picture.channels).enumerate() {
        match (picture.channels, channels) {
            (3, 1) => {
                let [r, g, b] = [0, 1, 2].map(|c| u32::from(pixel[c]));
                x.data[at] = ((r * 19_595 + g * 38_470 + b * 7_471 + 0x8000) >> 16) as f32;
            }
            (own, _) => (0..channels).for_each(|c| x.data[c * plane + at] = f32::from(pixel[c.min(own - 1)])),
        }
    }
    x
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::cifar::{Cifar10, InMemory, Records};
    use crate::models;

    fn data(count: usize) -> Cifar10 {
        let bytes =
            (0..count * 3073).map(|i| if i % 3073 == 0 { (i / 3073 % 10) as u8 } else { (i % 251) as u8 });
        let batch: Box<dyn Records> = Box::new(InMemory { place: "batch".into(), bytes: bytes.collect() });
        Cifar10::new(vec![batch]).expect("sound records")
    }

    fn batches<'a>(data: &'a Cifar10, model: &str, augmentation: &'a [Augmentation]) -> Batches<'a> {
        let input = models::find(model).expect("a known network").input;
        Batches { data, input, fit: Fit::Resize, augmentation, seed: 3 }
    }

    #[test]
    fn every_epoch_has_another_order_of_the_same_pictures() {
        let data = data(50);
        let batches = batches(&data, "resnet20", &[]);
        let (first, again, second) = (batches.order(0), batches.order(0), batches.order(1));
        assert_eq!(first, again);
        assert_ne!(first, second);
        let sorted = |mut order: Vec<usize>| {
            order.sort_unstable();
            order
        };
        assert_eq!(sorted(first), (0..50).collect::<Vec<_>>());
        assert_eq!(sorted(second), (0..50).collect::<Vec<_>>());
    }

    #[test]
    fn a_picture_of_the_networks_size_is_only_normalised() {
        let data = data(2);
        for order in [Order::Rgb, Order::Bgr] {
            let mut batches = batches(&data, "resnet20", &[]);
            batches.input.order = order;
            let (plain, labels) = batches.read(&[1], None).expect("in memory");
            let rgba = data.picture(1).expect("in memory").rgba();
            let expected = preprocess(&rgba, 32, 32, &batches.input).expect("a sound picture");
            let worst = plain.iter().zip(&expected).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
            assert!(worst < 1e-5, "{order:?}: {worst}");
            assert_eq!((labels, batches.read(&[1], Some(0)).expect("in memory").0), (vec![1], plain));
        }
    }

    #[test]
    fn what_is_drawn_depends_on_the_picture_and_the_epoch_and_not_on_its_place_in_a_batch() {
        let data = data(4);
        let steps =
            [Augmentation::RandomCrop { padding: 4 }, Augmentation::HorizontalFlip { probability: 0.5 }];
        let batches = batches(&data, "resnet20", &steps);
        let alone = batches.read(&[2], Some(7)).expect("in memory").0;
        let among = batches.read(&[0, 1, 2, 3], Some(7)).expect("in memory").0;
        assert_eq!(alone, among[2 * alone.len()..3 * alone.len()]);
        assert!((0..5).any(|epoch| batches.read(&[2], Some(epoch)).expect("in memory").0 != alone));
    }

    #[test]
    fn a_digit_is_padded_and_colour_becomes_grey() {
        let data = data(1);
        let input = models::find("lenet5").expect("a known network").input;
        let wide = InputSpec { height: 34, width: 34, resize_short: 34, ..input };
        let batches = Batches { data: &data, input: wide, fit: Fit::Pad, augmentation: &[], seed: 0 };
        let (x, _) = batches.read(&[0], None).expect("in memory");
        assert_eq!((x.len(), x[0]), (34 * 34, -1.0));
        let [r, g, b] = [0, 1, 2].map(|c| f32::from(data.picture(0).expect("in memory").pixels[c]));
        assert!((x[35] * 127.5 + 127.5 - (0.299 * r + 0.587 * g + 0.114 * b)).abs() <= 1.0, "{}", x[35]);
    }
}
