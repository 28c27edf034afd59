//! The networks: one family, one file. A [`ModelSpec`] is all that the rest of the house knows of a network.

mod efficientnet_lite;
mod lenet5;
mod resnet;

use crate::graph::{Graph, NodeId};
use crate::image::InputSpec;
use crate::net::{Net, NetError};
use crate::shape::Shape;

/// The networks there are, oldest first.
pub const CATALOGUE: [ModelSpec; 3] =
    [lenet5::LENET5, resnet::RESNET18, efficientnet_lite::EFFICIENTNET_LITE0];

#[derive(Clone, Copy, Debug)]
pub struct ModelSpec {
    /// torchvision's name where it has the network.
    pub id: &'static str,
    pub title: &'static str,
    pub year: u16,
    pub paper: &'static str,
    /// Number of classes of the published network.
    pub classes: usize,
    /// How a picture becomes the network's input.
    pub input: InputSpec,
    /// The pretrained weights that come with the page.
    pub weights: Option<WeightsFile>,
    /// Adds the layers after the image and marks features and logits; the last argument is the class count.
    pub build: fn(&mut Net, NodeId, usize),
}

/// A file of pretrained weights, relative to the page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WeightsFile {
    pub file: &'static str,
    pub bytes: u64,
    pub sha256: &'static str,
    pub licence: &'static str,
}

impl ModelSpec {
    /// The network for inputs of `shape` (channels as in [`ModelSpec::input`]) and so many classes.
    pub fn graph(&self, shape: Shape, classes: usize) -> Result<Graph, NetError> {
        let (mut net, image) = Net::new(shape);
        (self.build)(&mut net, image, classes);
        net.finish()
    }

    /// The network as published, for a batch of `n` pictures.
    pub fn published(&self, n: usize) -> Result<Graph, NetError> {
        self.graph(Shape::new(n, self.input.channels, self.input.height, self.input.width), self.classes)
    }
}

/// The network of that id.
pub fn find(id: &str) -> Option<&'static ModelSpec> {
    CATALOGUE.iter().find(|spec| spec.id == id)
}

/// English names of the 1000 classes of ImageNet-1k in class order, as torchvision lists them.
pub fn imagenet_classes() -> impl Iterator<Item = &'static str> {
    include_str!("imagenet_classes.txt").lines()
}
