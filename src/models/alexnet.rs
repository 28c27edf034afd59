//! AlexNet, both: the paper's in two halves (Krizhevsky, Sutskever and Hinton 2012, figure 2), and the one tower of
//! Krizhevsky 2014 as torchvision has it, without local response normalisation and with names of its own.

use crate::graph::NodeId;
use crate::image::InputSpec;
use crate::net::{Net, Part};
use crate::ops::{Activation, Conv2d, Lrn};
use crate::shape::Window;

use super::{Accuracy, CAFFE, Classes, Figures, IMAGENET, ModelSpec, averaged, classified};

/// Named as Caffe's replica, whose weights are scaled when they are read, because its normalisation has other constants.
pub const ALEXNET_2012: ModelSpec = ModelSpec {
    id: "alexnet_2012",
    title: "AlexNet of 2012",
    family: "AlexNet",
    year: 2012,
    paper: "Krizhevsky, Sutskever and Hinton, ImageNet Classification with Deep Convolutional Neural Networks, 2012, figure 2",
    depth: 8,
    figures: Figures { parameters: Some(60_000_000), ..Figures::NONE },
    accuracy: Some(Accuracy { top1: 57.1, source: "Caffe's bvlc_alexnet" }),
    classes: Classes::ImageNet,
    input: InputSpec { height: 227, width: 227, ..CAFFE },
    weights: None,
    build: alexnet_2012,
};

pub const ALEXNET: ModelSpec = ModelSpec {
    id: "alexnet",
    title: "AlexNet",
    family: "AlexNet",
    year: 2014,
    paper: "Krizhevsky, One Weird Trick for Parallelizing Convolutional Neural Networks, 2014",
    depth: 8,
    figures: Figures::NONE,
    accuracy: Some(Accuracy { top1: 56.522, source: "torchvision, IMAGENET1K_V1" }),
    classes: Classes::ImageNet,
    input: IMAGENET,
    weights: None,
    build: alexnet,
};

/// Overlapping: windows of 3 pixels, 2 apart.
const POOL: Window = Window::square(3, 2, 0);

/// In the paper conv2, conv4 and conv5 see only the maps of their own graphics card: two groups.
fn alexnet_2012(net: &mut Net, image: NodeId, part: Part) {
    let x = conv(net, image, ["conv1", "relu1"], Conv2d::new(96, Window::square(11, 4, 0)));
    let x = net.lrn("norm1", x, Lrn::ALEXNET);
    let x = net.max_pool("pool1", x, POOL);
    net.mark_stage("pool1", "Stage 1: an 11 x 11 convolution, 96 maps", x);
    let x = conv(net, x, ["conv2", "relu2"], Conv2d::new(256, Window::square(5, 1, 2)).with_groups(2));
    let x = net.lrn("norm2", x, Lrn::ALEXNET);
    let x = net.max_pool("pool2", x, POOL);
    net.mark_stage("pool2", "Stage 2: a 5 x 5 convolution, 256 maps", x);
    let three = |channels| Conv2d::new(channels, Window::square(3, 1, 1));
    let x = conv(net, x, ["conv3", "relu3"], three(384));
    net.mark_stage("conv3", "Stage 3: a convolution, 384 maps", x);
    let x = conv(net, x, ["conv4", "relu4"], three(384).with_groups(2));
    net.mark_stage("conv4", "Stage 4: a convolution, 384 maps", x);
    let x = conv(net, x, ["conv5", "relu5"], three(256).with_groups(2));
    let x = net.max_pool("pool5", x, POOL);
    net.mark_stage("pool5", "Stage 5: a convolution, 256 maps", x);
    if part == Part::Trunk {
        averaged(net, x);
        return;
    }
    let mut x = net.flatten("flatten", x);
    for i in [6, 7] {
        x = net.linear(&format!("fc{i}"), x, 4096);
        x = net.activation(&format!("relu{i}"), x, Activation::Relu);
        net.mark_stage(&format!("fc{i}"), "4096 numbers, each from all before it", x);
        x = net.dropout(&format!("drop{i}"), x, 0.5);
    }
    net.features(x);
    classified(net, "fc8", x, part);
}

fn alexnet(net: &mut Net, image: NodeId, part: Part) {
    let x = conv(net, image, ["features.0", "features.1"], Conv2d::new(64, Window::square(11, 4, 2)));
    let x = net.max_pool("features.2", x, POOL);
    net.mark_stage("features.2", "Stage 1: an 11 x 11 convolution, 64 maps", x);
    let x = conv(net, x, ["features.3", "features.4"], Conv2d::new(192, Window::square(5, 1, 2)));
    let x = net.max_pool("features.5", x, POOL);
    net.mark_stage("features.5", "Stage 2: a 5 x 5 convolution, 192 maps", x);
    let three = |channels| Conv2d::new(channels, Window::square(3, 1, 1));
    let x = conv(net, x, ["features.6", "features.7"], three(384));
    net.mark_stage("features.7", "Stage 3: a convolution, 384 maps", x);
    let x = conv(net, x, ["features.8", "features.9"], three(256));
    net.mark_stage("features.9", "Stage 4: a convolution, 256 maps", x);
    let x = conv(net, x, ["features.10", "features.11"], three(256));
    let x = net.max_pool("features.12", x, POOL);
    net.mark_stage("features.12", "Stage 5: a convolution, 256 maps", x);
    if part == Part::Trunk {
        averaged(net, x);
        return;
    }
    let x = net.adaptive_avg_pool("avgpool", x, [6, 6]);
    let mut x = net.flatten("flatten", x);
    for i in [0, 3] {
        x = net.dropout(&format!("classifier.{i}"), x, 0.5);
        x = net.linear(&format!("classifier.{}", i + 1), x, 4096);
        let relu = format!("classifier.{}", i + 2);
        x = net.activation(&relu, x, Activation::Relu);
        net.mark_stage(&relu, "4096 numbers, each from all before it", x);
    }
    net.features(x);
    classified(net, "classifier.6", x, part);
}

fn conv(net: &mut Net, x: NodeId, [name, relu]: [&str; 2], conv: Conv2d) -> NodeId {
    let x = net.conv2d(name, x, conv.with_bias());
    net.activation(relu, x, Activation::Relu)
}
