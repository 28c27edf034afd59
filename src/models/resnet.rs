//! Residual networks (He, Zhang, Ren and Sun 2015, table 1), with torchvision's names.

use crate::graph::NodeId;
use crate::image::{Filter, InputSpec};
use crate::net::{Net, Part};
use crate::ops::{Activation, Conv2d};
use crate::shape::Window;

use super::{Accuracy, Figures, ModelSpec, averaged, classified};

pub const RESNET18: ModelSpec = ModelSpec {
    id: "resnet18",
    title: "ResNet-18",
    family: "ResNet",
    year: 2015,
    paper: "He, Zhang, Ren and Sun, Deep Residual Learning for Image Recognition, 2015, table 1",
    depth: 18,
    figures: Figures { parameters: None, macs: Some(1_800_000_000) },
    accuracy: Some(Accuracy { top1: 69.758, source: "torchvision, IMAGENET1K_V1" }),
    classes: 1000,
    input: IMAGENET,
    weights: None,
    build: |net, image, part| resnet(net, image, part, [2, 2, 2, 2]),
};

/// torchvision's preprocessing of ImageNet: short side 256, central 224, mean and deviation per channel.
pub const IMAGENET: InputSpec = InputSpec {
    channels: 3,
    height: 224,
    width: 224,
    resize_short: 256,
    filter: Filter::Bilinear,
    mean: [0.485 * 255.0, 0.456 * 255.0, 0.406 * 255.0],
    std: [0.229 * 255.0, 0.224 * 255.0, 0.225 * 255.0],
};

const EPSILON: f64 = 1e-5;

/// `depths` are the numbers of residual blocks of the four stages.
fn resnet(net: &mut Net, image: NodeId, part: Part, depths: [usize; 4]) {
    let x = net.conv2d("conv1", image, Conv2d::new(64, Window::square(7, 2, 3)));
    let x = net.batch_norm("bn1", x, EPSILON);
    let x = net.activation("relu", x, Activation::Relu);
    let mut x = net.max_pool("maxpool", x, Window::square(3, 2, 1));
    net.mark_stage("maxpool", "Stem: 7 x 7 convolution and pooling", x);
    for (i, (depth, channels)) in depths.into_iter().zip([64, 128, 256, 512]).enumerate() {
        let title = format!("Stage {}: {depth} residual blocks of {channels} channels", i + 1);
        x = net.stage(&format!("layer{}", i + 1), &title, |net| {
            for block in 0..depth {
                let stride = if i > 0 && block == 0 { 2 } else { 1 };
                x = net.block(&block.to_string(), |net| basic_block(net, x, channels, stride));
            }
            x
        });
    }
    let x = averaged(net, x);
    classified(net, "fc", x, part);
}

/// Two 3 x 3 convolutions and a shortcut around them. He et al. 2015, figure 5, left.
fn basic_block(net: &mut Net, x: NodeId, channels: usize, stride: usize) -> NodeId {
    let y = net.conv2d("conv1", x, Conv2d::new(channels, Window::square(3, stride, 1)));
    let y = net.batch_norm("bn1", y, EPSILON);
    let y = net.activation("relu1", y, Activation::Relu);
    let y = net.conv2d("conv2", y, Conv2d::new(channels, Window::square(3, 1, 1)));
    let y = net.batch_norm("bn2", y, EPSILON);
    let shortcut = if stride != 1 || net.shape(x).c != channels {
        net.block("downsample", |net| {
            let x = net.conv2d("0", x, Conv2d::new(channels, Window::square(1, stride, 0)));
            net.batch_norm("1", x, EPSILON)
        })
    } else {
        x
    };
    let y = net.sum("add", y, shortcut);
    net.activation("relu2", y, Activation::Relu)
}
