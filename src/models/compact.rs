//! Compact editions of AlexNet, VGG and GoogLeNet for pictures of 32 x 32 pixels: the shape of each idea at a size that
//! a laptop trains on CIFAR-10 and a page loads in a blink, under 1.25 million parameters (2.5 MB in f16).
//!
//! Every convolution is followed by batch norm (Ioffe and Szegedy 2015), which none of the three papers had yet and
//! which lets them train in a few epochs; AlexNet's local response normalisation goes with it.

use crate::graph::NodeId;
use crate::net::{Net, Part};
use crate::ops::{Activation, Conv2d};
use crate::shape::Window;

use super::cifar_resnet::CIFAR10;
use super::{Accuracy, Classes, Figures, ModelSpec, WeightsFile, averaged, classified};

pub const ALEXNET: ModelSpec = ModelSpec {
    id: "alexnet_cifar10",
    title: "AlexNet, compact",
    family: "AlexNet",
    year: 2012,
    paper: "after Krizhevsky, Sutskever and Hinton, ImageNet Classification with Deep Convolutional Neural Networks, 2012",
    depth: 8,
    accuracy: Some(Accuracy { top1: 85.30, source: "recipes/alexnet-cifar10.toml" }),
    weights: Some(WeightsFile {
        file: "models/alexnet-cifar10.safetensors",
        bytes: 2_036_844,
        sha256: "a23acab24c5b575628d3fc23765bdcd37ef91436bc1f9220dc60a8a874f55f94",
        licence: "MIT OR Apache-2.0",
    }),
    build: alexnet,
    ..BLANK
};

pub const VGG: ModelSpec = ModelSpec {
    id: "vgg_cifar10",
    title: "VGG, compact",
    family: "VGG",
    year: 2014,
    paper: "after Simonyan and Zisserman, Very Deep Convolutional Networks for Large-Scale Image Recognition, 2014",
    depth: 10,
    accuracy: Some(Accuracy { top1: 86.26, source: "recipes/vgg-cifar10.toml" }),
    weights: Some(WeightsFile {
        file: "models/vgg-cifar10.safetensors",
        bytes: 2_088_516,
        sha256: "984248c7342feca75261312e5758f6cbdd123f781df76360dfbd33cd1e94bab4",
        licence: "MIT OR Apache-2.0",
    }),
    build: vgg,
    ..BLANK
};

pub const GOOGLENET: ModelSpec = ModelSpec {
    id: "googlenet_cifar10",
    title: "GoogLeNet, compact",
    family: "GoogLeNet",
    year: 2014,
    paper: "after Szegedy and others, Going Deeper with Convolutions, 2014",
    depth: 15,
    accuracy: Some(Accuracy { top1: 86.15, source: "recipes/googlenet-cifar10.toml" }),
    weights: Some(WeightsFile {
        file: "models/googlenet-cifar10.safetensors",
        bytes: 1_605_780,
        sha256: "5946c9190a0ef80c04e0cf1b16bc453c71ec35f1d988bc3739a9a77b72d72c80",
        licence: "MIT OR Apache-2.0",
    }),
    build: googlenet,
    ..BLANK
};

/// What the three have in common.
const BLANK: ModelSpec = ModelSpec {
    id: "",
    title: "",
    family: "",
    year: 0,
    paper: "",
    depth: 0,
    figures: Figures { parameters: None, macs: None },
    accuracy: None,
    classes: Classes::Cifar10,
    input: CIFAR10,
    weights: None,
    build: |_, _, _| {},
};

const EPSILON: f64 = 1e-5;

/// Half the size, each pixel seeing its neighbours too: AlexNet's overlapping pooling.
const OVERLAPPING: Window = Window::square(3, 2, 1);

/// Five convolutions, the first two with large windows, and three fully connected layers.
fn alexnet(net: &mut Net, image: NodeId, part: Part) {
    let mut x = image;
    for (i, (channels, kernel, pooled)) in
        [(32, 5, true), (64, 5, true), (128, 3, false), (128, 3, false), (128, 3, true)]
            .into_iter()
            .enumerate()
    {
        let name = format!("conv{}", i + 1);
        let title = format!("{channels} maps, {kernel} x {kernel} windows");
        x = net.stage(&name, &title, |net| {
            let x = conv(net, x, channels, kernel);
            if pooled { net.max_pool("pool", x, OVERLAPPING) } else { x }
        });
    }
    if part == Part::Trunk {
        averaged(net, x);
        return;
    }
    let x = net.flatten("flatten", x);
    let x = net.dropout("dropout1", x, 0.3);
    let x = net.linear("fc1", x, 256);
    let x = net.activation("relu1", x, Activation::Relu);
    net.mark_stage("fc1", "256 numbers that see everything", x);
    let x = net.dropout("dropout2", x, 0.3);
    let x = net.linear("fc2", x, 256);
    let x = net.activation("relu2", x, Activation::Relu);
    net.mark_stage("fc2", "256 numbers: the features", x);
    net.features(x);
    classified(net, "fc3", x, part);
}

/// Four stages of two 3 x 3 convolutions, and two fully connected layers.
fn vgg(net: &mut Net, image: NodeId, part: Part) {
    let mut x = image;
    for (i, channels) in [32, 64, 128, 192].into_iter().enumerate() {
        let title = format!("Stage {}: two convolutions of {channels} channels", i + 1);
        x = net.stage(&format!("stage{}", i + 1), &title, |net| {
            for convolution in ["0", "1"] {
                x = net.block(convolution, |net| conv(net, x, channels, 3));
            }
            net.max_pool("pool", x, Window::square(2, 2, 0))
        });
    }
    if part == Part::Trunk {
        averaged(net, x);
        return;
    }
    let x = net.flatten("flatten", x);
    let x = net.dropout("dropout", x, 0.3);
    let x = net.linear("fc1", x, 256);
    let x = net.activation("relu", x, Activation::Relu);
    net.mark_stage("fc1", "256 numbers: the features", x);
    net.features(x);
    classified(net, "fc2", x, part);
}

/// Channels of one inception block: 1 x 1; 1 x 1 then 3 x 3; 1 x 1 then 5 x 5; pooling then 1 x 1.
struct Inception {
    one: usize,
    three: [usize; 2],
    five: [usize; 2],
    pooled: usize,
}

/// A stem and six inception blocks on maps of 16, 8 and 4 pixels.
fn googlenet(net: &mut Net, image: NodeId, part: Part) {
    let mut x = net.stage("stem", "Stem: two 3 x 3 convolutions", |net| {
        let x = net.block("conv1", |net| conv(net, image, 32, 3));
        let x = net.max_pool("pool", x, OVERLAPPING);
        net.block("conv2", |net| conv(net, x, 64, 3))
    });
    let stages: [&[Inception]; 3] = [
        &[
            Inception { one: 24, three: [32, 48], five: [8, 16], pooled: 16 },
            Inception { one: 32, three: [32, 64], five: [8, 16], pooled: 16 },
        ],
        &[
            Inception { one: 64, three: [48, 96], five: [12, 32], pooled: 32 },
            Inception { one: 64, three: [64, 112], five: [16, 40], pooled: 40 },
        ],
        &[
            Inception { one: 96, three: [80, 160], five: [20, 48], pooled: 48 },
            Inception { one: 128, three: [96, 192], five: [24, 64], pooled: 64 },
        ],
    ];
    for (i, blocks) in stages.into_iter().enumerate() {
        let title = format!("Stage {}: two inception blocks", i + 3);
        x = net.stage(&format!("inception{}", i + 3), &title, |net| {
            if i > 0 {
                x = net.max_pool("pool", x, OVERLAPPING);
            }
            for (name, block) in ["a", "b"].into_iter().zip(blocks) {
                x = net.block(name, |net| inception(net, x, block));
            }
            x
        });
    }
    let x = averaged(net, x);
    classified(net, "fc", x, part);
}

/// Four windows on the same maps, side by side. Szegedy et al. 2014, figure 2.
fn inception(net: &mut Net, x: NodeId, channels: &Inception) -> NodeId {
    let one = net.block("branch1", |net| conv(net, x, channels.one, 1));
    let three = net.block("branch2", |net| {
        let x = net.block("0", |net| conv(net, x, channels.three[0], 1));
        net.block("1", |net| conv(net, x, channels.three[1], 3))
    });
    let five = net.block("branch3", |net| {
        let x = net.block("0", |net| conv(net, x, channels.five[0], 1));
        net.block("1", |net| conv(net, x, channels.five[1], 5))
    });
    let pooled = net.block("branch4", |net| {
        let x = net.max_pool("pool", x, Window::square(3, 1, 1));
        conv(net, x, channels.pooled, 1)
    });
    net.concat("concat", &[one, three, five, pooled])
}

/// Convolution with an odd window that keeps the size, batch norm, ReLU.
fn conv(net: &mut Net, x: NodeId, channels: usize, kernel: usize) -> NodeId {
    let x = net.conv2d("conv", x, Conv2d::new(channels, Window::square(kernel, 1, kernel / 2)));
    let x = net.batch_norm("bn", x, EPSILON);
    net.activation("relu", x, Activation::Relu)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analysis;

    #[test]
    fn each_has_fewer_than_one_and_a_quarter_million_parameters() {
        for spec in [ALEXNET, VGG, GOOGLENET] {
            let graph = spec.published(1).expect("a sound network");
            let cost = analysis::total(&graph);
            println!("{}: {} parameters, {} MACs", spec.id, cost.parameters, cost.macs);
            assert!((500_000..1_250_000).contains(&cost.parameters), "{}: {}", spec.id, cost.parameters);
        }
    }
}
