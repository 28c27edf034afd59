//! VGG (Simonyan and Zisserman 2014, table 1, columns A, B, D and E), with and without the batch norm that torchvision
//! added later, under torchvision's names: the layers of `features` and of `classifier`, counted.

use crate::graph::NodeId;
use crate::net::{Net, Part};
use crate::ops::{Activation, Conv2d};
use crate::shape::Window;

use super::{Accuracy, Classes, Figures, IMAGENET, ModelSpec, averaged, classified};

pub const VGG11: ModelSpec = ModelSpec {
    build: |net, image, part| vgg(net, image, part, A, false),
    ..spec("vgg11", "VGG-11", 11, 133, 69.02)
};
pub const VGG11_BN: ModelSpec = ModelSpec {
    build: |net, image, part| vgg(net, image, part, A, true),
    ..spec("vgg11_bn", "VGG-11 with batch norm", 11, 133, 70.37)
};
pub const VGG13: ModelSpec = ModelSpec {
    build: |net, image, part| vgg(net, image, part, B, false),
    ..spec("vgg13", "VGG-13", 13, 133, 69.928)
};
pub const VGG13_BN: ModelSpec = ModelSpec {
    build: |net, image, part| vgg(net, image, part, B, true),
    ..spec("vgg13_bn", "VGG-13 with batch norm", 13, 133, 71.586)
};
pub const VGG16: ModelSpec = ModelSpec {
    build: |net, image, part| vgg(net, image, part, D, false),
    ..spec("vgg16", "VGG-16", 16, 138, 71.592)
};
pub const VGG16_BN: ModelSpec = ModelSpec {
    build: |net, image, part| vgg(net, image, part, D, true),
    ..spec("vgg16_bn", "VGG-16 with batch norm", 16, 138, 73.36)
};
pub const VGG19: ModelSpec = ModelSpec {
    build: |net, image, part| vgg(net, image, part, E, false),
    ..spec("vgg19", "VGG-19", 19, 144, 72.376)
};
pub const VGG19_BN: ModelSpec = ModelSpec {
    build: |net, image, part| vgg(net, image, part, E, true),
    ..spec("vgg19_bn", "VGG-19 with batch norm", 19, 144, 74.218)
};

/// Convolutions of the five stages.
const A: [usize; 5] = [1, 1, 2, 2, 2];
const B: [usize; 5] = [2, 2, 2, 2, 2];
const D: [usize; 5] = [2, 2, 3, 3, 3];
const E: [usize; 5] = [2, 2, 4, 4, 4];

/// What the eight have in common; `parameters` are the millions of the paper's table 2.
const fn spec(id: &'static str, title: &'static str, depth: usize, parameters: u64, top1: f32) -> ModelSpec {
    ModelSpec {
        id,
        title,
        family: "VGG",
        year: 2014,
        paper: "Simonyan and Zisserman, Very Deep Convolutional Networks for Large-Scale Image Recognition, 2014, table 1",
        depth,
        figures: millions(parameters),
        accuracy: Some(Accuracy { top1, source: "torchvision, IMAGENET1K_V1" }),
        classes: Classes::ImageNet,
        input: IMAGENET,
        weights: None,
        build: |_, _, _| (),
    }
}

const fn millions(parameters: u64) -> Figures {
    Figures { parameters: Some(parameters * 1_000_000), ..Figures::NONE }
}

fn vgg(net: &mut Net, image: NodeId, part: Part, stages: [usize; 5], norm: bool) {
    let mut x = image;
    let mut layer = 0;
    let mut next = || {
        layer += 1;
        format!("features.{}", layer - 1)
    };
    for (i, (convolutions, channels)) in stages.into_iter().zip([64, 128, 256, 512, 512]).enumerate() {
        for _ in 0..convolutions {
            x = net.conv2d(&next(), x, Conv2d::new(channels, Window::square(3, 1, 1)).with_bias());
            if norm {
                x = net.batch_norm(&next(), x, 1e-5);
            }
            x = net.activation(&next(), x, Activation::Relu);
        }
        let pool = next();
        x = net.max_pool(&pool, x, Window::square(2, 2, 0));
        let plural = if convolutions == 1 { "convolution" } else { "convolutions" };
        net.mark_stage(&pool, &format!("Stage {}: {convolutions} {plural}, {channels} maps", i + 1), x);
    }
    if part == Part::Trunk {
        averaged(net, x);
        return;
    }
    x = net.adaptive_avg_pool("avgpool", x, [7, 7]);
    x = net.flatten("flatten", x);
    for i in [0, 3] {
        x = net.linear(&format!("classifier.{i}"), x, 4096);
        let relu = format!("classifier.{}", i + 1);
        x = net.activation(&relu, x, Activation::Relu);
        net.mark_stage(&relu, "4096 numbers, each from all before it", x);
        x = net.dropout(&format!("classifier.{}", i + 2), x, 0.5);
    }
    net.features(x);
    classified(net, "classifier.6", x, part);
}
