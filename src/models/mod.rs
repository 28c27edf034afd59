//! The networks: one family, one file. A [`ModelSpec`] is all that the rest of the house knows of a network.

mod alexnet;
mod cifar_resnet;
mod classes;
mod compact;
mod efficientnet_lite;
mod googlenet;
mod lenet5;
mod resnet;
mod vgg;

use std::collections::BTreeSet;

use crate::graph::{Graph, NodeId};
use crate::image::{Filter, InputSpec, Order};
use crate::net::{Net, NetError, Part};
use crate::shape::Shape;

pub use classes::Classes;

/// The networks there are, oldest first.
pub const CATALOGUE: [ModelSpec; 36] = [
    lenet5::LENET5,
    lenet5::LENET5_SIGMOID,
    lenet5::LENET5_RELU,
    alexnet::ALEXNET_2012,
    compact::ALEXNET,
    alexnet::ALEXNET,
    vgg::VGG11,
    vgg::VGG11_BN,
    vgg::VGG13,
    vgg::VGG13_BN,
    vgg::VGG16,
    vgg::VGG16_BN,
    vgg::VGG19,
    vgg::VGG19_BN,
    compact::VGG,
    googlenet::GOOGLENET_2014,
    googlenet::GOOGLENET,
    compact::GOOGLENET,
    resnet::RESNET18,
    resnet::RESNET34,
    resnet::RESNET50,
    resnet::RESNET101,
    resnet::RESNET152,
    resnet::PLAIN18,
    resnet::PLAIN34,
    resnet::PLAIN50,
    resnet::PLAIN101,
    resnet::PLAIN152,
    cifar_resnet::RESNET20,
    cifar_resnet::RESNET32,
    cifar_resnet::RESNET44,
    cifar_resnet::RESNET56,
    cifar_resnet::RESNET110,
    cifar_resnet::PLAIN20,
    cifar_resnet::PLAIN56,
    efficientnet_lite::EFFICIENTNET_LITE0,
];

#[derive(Clone, Copy, Debug)]
pub struct ModelSpec {
    /// torchvision's name where it has the network.
    pub id: &'static str,
    pub title: &'static str,
    /// What it is a variant of: "ResNet".
    pub family: &'static str,
    pub year: u16,
    /// Authors, title, year and table.
    pub paper: &'static str,
    /// Layers with weights from the image to the logits, as the paper counts them.
    pub depth: usize,
    /// What the paper says of it, where it does.
    pub figures: Figures,
    /// Of published weights with these names.
    pub accuracy: Option<Accuracy>,
    /// What the published network tells apart.
    pub classes: Classes,
    /// How a picture becomes the network's input.
    pub input: InputSpec,
    /// The pretrained weights that come with the page.
    pub weights: Option<WeightsFile>,
    /// Adds the layers after the image and marks stages, features and, where the part has them, logits.
    pub build: fn(&mut Net, NodeId, Part),
}

/// Figures of the paper's own, as precise as it gives them.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Figures {
    /// Learned values.
    pub parameters: Option<u64>,
    /// Multiply-adds per picture.
    pub macs: Option<u64>,
}

/// Top-1 accuracy on pictures of the network's dataset that nobody trained on: the 50,000 of ImageNet-1k for validation, one
/// central crop each, or the 10,000 official test pictures of MNIST and of CIFAR-10.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Accuracy {
    /// Percent.
    pub top1: f32,
    /// Whose weights, and who measured.
    pub source: &'static str,
}

/// A file of pretrained weights, relative to the page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WeightsFile {
    pub file: &'static str,
    pub bytes: u64,
    pub sha256: &'static str,
    pub licence: &'static str,
}

impl Figures {
    const NONE: Self = Self { parameters: None, macs: None };
}

/// torchvision's preprocessing of ImageNet: short side 256, central 224, mean and deviation per channel.
const IMAGENET: InputSpec = InputSpec {
    channels: 3,
    height: 224,
    width: 224,
    resize_short: 256,
    filter: Filter::Bilinear,
    order: Order::Rgb,
    mean: [0.485 * 255.0, 0.456 * 255.0, 0.406 * 255.0],
    std: [0.229 * 255.0, 0.224 * 255.0, 0.225 * 255.0],
};

/// Caffe's: blue, green and red as bytes, less their means over ImageNet.
const CAFFE: InputSpec =
    InputSpec { order: Order::Bgr, mean: [104.0, 117.0, 123.0], std: [1.0; 3], ..IMAGENET };

impl ModelSpec {
    /// The whole network for inputs of `shape` (channels as in [`ModelSpec::input`]) and so many classes.
    pub fn graph(&self, shape: Shape, classes: usize) -> Result<Graph, NetError> {
        self.part(shape, Part::Whole { classes })
    }

    /// The network without its classifier, ending with the features. A VGG's are the average of its last 512 maps.
    pub fn trunk(&self, shape: Shape) -> Result<Graph, NetError> {
        self.part(shape, Part::Trunk)
    }

    /// So much of the network, for inputs of `shape`.
    pub fn part(&self, shape: Shape, part: Part) -> Result<Graph, NetError> {
        let mut graph = self.built(shape, part)?;
        let everything = Part::Training { classes: self.classes.count() };
        if part != everything {
            let published = self.built(self.shape(1), everything)?;
            let read: BTreeSet<&str> = graph.params.iter().map(|param| param.name.as_str()).collect();
            let unread = published.params.into_iter().map(|param| param.name);
            graph.unread = unread.filter(|name| !read.contains(name.as_str())).collect();
        }
        Ok(graph)
    }

    /// The network as published, for a batch of `n` pictures.
    pub fn published(&self, n: usize) -> Result<Graph, NetError> {
        self.graph(self.shape(n), self.classes.count())
    }

    /// What the published network sees of `n` pictures.
    pub const fn shape(&self, n: usize) -> Shape {
        self.input.shape(n)
    }

    fn built(&self, shape: Shape, part: Part) -> Result<Graph, NetError> {
        let (mut net, image) = Net::new(shape);
        (self.build)(&mut net, image, part);
        net.finish(part)
    }
}

/// The network of that id.
pub fn find(id: &str) -> Option<&'static ModelSpec> {
    CATALOGUE.iter().find(|spec| spec.id == id)
}

/// Ends with the average of every map as features.
fn averaged(net: &mut Net, x: NodeId) -> NodeId {
    let x = net.global_avg_pool("avgpool", x);
    let x = net.flatten("flatten", x);
    net.mark_stage("avgpool", "Average of every map: the features", x);
    net.features(x)
}

/// Ends with a linear layer of that name on the features, unless the part has no classes.
fn classified(net: &mut Net, name: &str, features: NodeId, part: Part) {
    if let Some(classes) = part.classes() {
        let x = net.linear(name, features, classes);
        net.logits(x);
    }
}
