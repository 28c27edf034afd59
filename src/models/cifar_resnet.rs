//! The residual networks that He, Zhang, Ren and Sun 2015 train on CIFAR-10 (section 4.2): 6n + 2 layers of 3 x 3
//! convolutions on maps of 32, 16 and 8 pixels with 16, 32 and 64 channels; and their plain twins without shortcuts.
//!
//! Where a stage changes the shape, the shortcut is a 1 x 1 convolution with batch norm (the paper's option B, as in
//! torchvision's networks), not the paper's option A, which fills the new channels with zeros: 1.0 % more parameters in
//! ResNet-20. Names are torchvision's.

use crate::graph::NodeId;
use crate::image::{Filter, InputSpec, Order};
use crate::net::{Net, Part};
use crate::ops::{Activation, Conv2d};
use crate::shape::Window;

use super::{Accuracy, Classes, Figures, ModelSpec, WeightsFile, averaged, classified};

pub const RESNET20: ModelSpec = ModelSpec {
    accuracy: Some(Accuracy { top1: 90.07, source: "recipes/resnet20-cifar10.toml" }),
    weights: Some(WeightsFile {
        file: "models/resnet20-cifar10.safetensors",
        bytes: 558_172,
        sha256: "5f17e87f7d5e31c5da68800209cac55bbf8a02e4dd855c64f6ce8473da29d909",
        licence: "MIT OR Apache-2.0",
    }),
    ..spec("resnet20", "ResNet-20", 20, 270_000, |net, image, part| residual(net, image, part, 3, true))
};
pub const RESNET32: ModelSpec =
    spec("resnet32", "ResNet-32", 32, 460_000, |net, image, part| residual(net, image, part, 5, true));
pub const RESNET44: ModelSpec =
    spec("resnet44", "ResNet-44", 44, 660_000, |net, image, part| residual(net, image, part, 7, true));
pub const RESNET56: ModelSpec =
    spec("resnet56", "ResNet-56", 56, 850_000, |net, image, part| residual(net, image, part, 9, true));
pub const RESNET110: ModelSpec =
    spec("resnet110", "ResNet-110", 110, 1_700_000, |net, image, part| residual(net, image, part, 18, true));
pub const PLAIN20: ModelSpec =
    spec("plain20", "Plain-20", 20, 270_000, |net, image, part| residual(net, image, part, 3, false));
pub const PLAIN56: ModelSpec =
    spec("plain56", "Plain-56", 56, 850_000, |net, image, part| residual(net, image, part, 9, false));

/// CIFAR-10's pictures as they are, normalised by the mean and deviation of its training set.
pub const CIFAR10: InputSpec = InputSpec {
    channels: 3,
    height: 32,
    width: 32,
    resize_short: 32,
    filter: Filter::Bilinear,
    order: Order::Rgb,
    mean: [125.3, 123.0, 113.9],
    std: [63.0, 62.1, 66.7],
};

const EPSILON: f64 = 1e-5;

/// `parameters` is the paper's own figure, table 6.
const fn spec(
    id: &'static str,
    title: &'static str,
    depth: usize,
    parameters: u64,
    build: fn(&mut Net, NodeId, Part),
) -> ModelSpec {
    ModelSpec {
        id,
        title,
        family: "ResNet",
        year: 2015,
        paper: "He, Zhang, Ren and Sun, Deep Residual Learning for Image Recognition, 2015, section 4.2",
        depth,
        figures: Figures { parameters: Some(parameters), macs: None },
        accuracy: None,
        classes: Classes::Cifar10,
        input: CIFAR10,
        weights: None,
        build,
    }
}

/// Three stages of `blocks` blocks each.
fn residual(net: &mut Net, image: NodeId, part: Part, blocks: usize, shortcuts: bool) {
    let x = net.conv2d("conv1", image, Conv2d::new(16, Window::square(3, 1, 1)));
    let x = net.batch_norm("bn1", x, EPSILON);
    let mut x = net.activation("relu", x, Activation::Relu);
    net.mark_stage("relu", "Stem: 3 x 3 convolution", x);
    for (i, channels) in [16, 32, 64].into_iter().enumerate() {
        let kind = if shortcuts { "residual" } else { "plain" };
        let title = format!("Stage {}: {blocks} {kind} blocks of {channels} channels", i + 1);
        x = net.stage(&format!("layer{}", i + 1), &title, |net| {
            for block in 0..blocks {
                let stride = if i > 0 && block == 0 { 2 } else { 1 };
                x = net.block(&block.to_string(), |net| pair(net, x, channels, stride, shortcuts));
            }
            x
        });
    }
    let x = averaged(net, x);
    classified(net, "fc", x, part);
}

/// Two 3 x 3 convolutions, and a shortcut around them where there are any.
fn pair(net: &mut Net, x: NodeId, channels: usize, stride: usize, shortcuts: bool) -> NodeId {
    let y = net.conv2d("conv1", x, Conv2d::new(channels, Window::square(3, stride, 1)));
    let y = net.batch_norm("bn1", y, EPSILON);
    let y = net.activation("relu1", y, Activation::Relu);
    let y = net.conv2d("conv2", y, Conv2d::new(channels, Window::square(3, 1, 1)));
    let mut y = net.batch_norm("bn2", y, EPSILON);
    if shortcuts {
        let shortcut = if stride == 1 { x } else { projected(net, x, channels, stride) };
        y = net.sum("add", y, shortcut);
    }
    net.activation("relu2", y, Activation::Relu)
}

fn projected(net: &mut Net, x: NodeId, channels: usize, stride: usize) -> NodeId {
    net.block("downsample", |net| {
        let x = net.conv2d("0", x, Conv2d::new(channels, Window::square(1, stride, 0)));
        net.batch_norm("1", x, EPSILON)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analysis;

    #[test]
    fn parameters_are_the_papers_plus_the_projections() {
        // Option A counted by hand: 16, 32 and 64 channels, batch norm, and the last layer.
        let option_a = [
            (RESNET20, 269_722),
            (RESNET32, 464_154),
            (RESNET44, 658_586),
            (RESNET56, 853_018),
            (RESNET110, 1_727_962),
        ];
        let projections = 16 * 32 + 2 * 32 + 32 * 64 + 2 * 64;
        for (spec, count) in option_a {
            let graph = spec.published(1).expect("a sound network");
            assert_eq!(analysis::total(&graph).parameters, count + projections, "{}", spec.id);
        }
        for (spec, count) in [(PLAIN20, 269_722), (PLAIN56, 853_018)] {
            let graph = spec.published(1).expect("a sound network");
            assert_eq!(analysis::total(&graph).parameters, count, "{}", spec.id);
        }
    }

    #[test]
    fn the_depth_is_in_the_name() {
        for spec in [RESNET20, RESNET32, RESNET44, RESNET56, RESNET110, PLAIN20, PLAIN56] {
            let graph = spec.published(1).expect("a sound network");
            let deep = graph.params.iter().filter(|param| {
                param.name.ends_with("weight") && param.dims.len() > 1 && !param.name.contains("downsample")
            });
            assert_eq!(deep.count(), spec.depth, "{}", spec.id);
        }
    }
}
