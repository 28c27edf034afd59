//! GoogLeNet (Szegedy et al. 2014, table 1), both: the paper's, and torchvision's, which has batch norm instead of local
//! response normalisation and 3 x 3 convolutions where the paper has 5 x 5. Names are torchvision's in both.
//!
//! The auxiliary heads of section 5 exist while it trains.

use crate::graph::NodeId;
use crate::image::InputSpec;
use crate::net::{Net, Part};
use crate::ops::{Activation, Conv2d, Lrn};
use crate::shape::Window;

use super::{Accuracy, CAFFE, Classes, Figures, IMAGENET, ModelSpec, averaged, classified};

pub const GOOGLENET_2014: ModelSpec = ModelSpec {
    id: "googlenet_2014",
    title: "GoogLeNet of 2014",
    family: "GoogLeNet",
    year: 2014,
    paper: "Szegedy et al., Going Deeper with Convolutions, 2014, table 1",
    depth: 22,
    // The table's columns added up.
    figures: Figures { parameters: Some(6_797_000), macs: Some(1_533_000_000) },
    accuracy: Some(Accuracy { top1: 68.7, source: "Caffe's bvlc_googlenet" }),
    classes: Classes::ImageNet,
    input: CAFFE,
    weights: None,
    build: |net, image, part| googlenet(net, image, part, PAPER),
};

pub const GOOGLENET: ModelSpec = ModelSpec {
    id: "googlenet",
    title: "GoogLeNet",
    accuracy: Some(Accuracy { top1: 69.778, source: "torchvision, IMAGENET1K_V1" }),
    // The published weights expect what they call a transformed input: -1 to 1.
    input: InputSpec { mean: [127.5; 3], std: [127.5; 3], ..IMAGENET },
    build: |net, image, part| googlenet(net, image, part, TORCHVISION),
    ..GOOGLENET_2014
};

/// In what the two differ.
#[derive(Clone, Copy)]
struct Style {
    batch_norm: bool,
    /// Side of the third branch's window.
    wide: usize,
    last_pool: Window,
    /// Shares of values dropped before the classifier and within the auxiliary heads.
    dropout: [f32; 2],
}

const PAPER: Style = Style { batch_norm: false, wide: 5, last_pool: POOL, dropout: [0.4, 0.7] };
const TORCHVISION: Style =
    Style { batch_norm: true, wide: 3, last_pool: Window::square(2, 2, 0).with_ceil(), dropout: [0.2, 0.7] };

const POOL: Window = Window::square(3, 2, 0).with_ceil();

/// Modules of a stage: name, then the channels of the four branches, those that narrow in front of the others:
/// `1 x 1`, `3 x 3 reduce`, `3 x 3`, `5 x 5 reduce`, `5 x 5`, `pool proj`.
type Stage = &'static [(&'static str, [usize; 6])];

const STAGES: [Stage; 3] = [
    &[("inception3a", [64, 96, 128, 16, 32, 32]), ("inception3b", [128, 128, 192, 32, 96, 64])],
    &[
        ("inception4a", [192, 96, 208, 16, 48, 64]),
        ("inception4b", [160, 112, 224, 24, 64, 64]),
        ("inception4c", [128, 128, 256, 24, 64, 64]),
        ("inception4d", [112, 144, 288, 32, 64, 64]),
        ("inception4e", [256, 160, 320, 32, 128, 128]),
    ],
    &[("inception5a", [256, 160, 320, 32, 128, 128]), ("inception5b", [384, 192, 384, 48, 128, 128])],
];

/// Weight of each auxiliary head's loss.
const AUXILIARY: f32 = 0.3;

fn googlenet(net: &mut Net, image: NodeId, part: Part, style: Style) {
    let normalised = |net: &mut Net, name: &str, x| {
        if style.batch_norm { x } else { net.lrn(name, x, Lrn::GOOGLENET) }
    };
    let x = conv(net, "conv1", image, 64, Window::square(7, 2, 3), style);
    let x = net.max_pool("maxpool1", x, POOL);
    let x = normalised(net, "norm1", x);
    net.mark_stage(&net.name(x), "Stem: 7 x 7 convolution and pooling", x);
    let x = conv(net, "conv2", x, 64, Window::point(), style);
    let x = conv(net, "conv3", x, 192, Window::square(3, 1, 1), style);
    let x = normalised(net, "norm2", x);
    let mut x = net.max_pool("maxpool2", x, POOL);
    net.mark_stage("maxpool2", "Stage 2: 2 convolutions, 192 maps", x);
    let mut tapped = Vec::new();
    for (i, (stage, pool)) in STAGES.into_iter().zip([Some(POOL), Some(style.last_pool), None]).enumerate() {
        for &(name, channels) in stage {
            x = net.block(name, |net| inception(net, x, channels, style));
            if ["inception4a", "inception4d"].contains(&name) {
                tapped.push(x);
            }
        }
        let title = format!("Stage {}: {} inception modules, {} maps", i + 3, stage.len(), net.shape(x).c);
        let mut name = stage[stage.len() - 1].0.to_string();
        if let Some(pool) = pool {
            name = format!("maxpool{}", i + 3);
            x = net.max_pool(&name, x, pool);
        }
        net.mark_stage(&name, &title, x);
    }
    let x = averaged(net, x);
    let x = if part == Part::Trunk { x } else { net.dropout("dropout", x, style.dropout[0]) };
    net.features(x);
    classified(net, "fc", x, part);
    if let Part::Training { classes } = part {
        for (i, x) in tapped.into_iter().enumerate() {
            net.block(&format!("aux{}", i + 1), |net| auxiliary(net, x, classes, style));
        }
    }
}

/// Four views of the same maps, side by side. Szegedy et al. 2014, figure 2 (b).
fn inception(net: &mut Net, x: NodeId, channels: [usize; 6], style: Style) -> NodeId {
    let [one, narrow_three, three, narrow_wide, wide, pool] = channels;
    let same = |side| Window::square(side, 1, side / 2);
    let branch1 = conv(net, "branch1", x, one, Window::point(), style);
    let branch2 = net.block("branch2", |net| {
        let x = conv(net, "0", x, narrow_three, Window::point(), style);
        conv(net, "1", x, three, same(3), style)
    });
    let branch3 = net.block("branch3", |net| {
        let x = conv(net, "0", x, narrow_wide, Window::point(), style);
        conv(net, "1", x, wide, same(style.wide), style)
    });
    let branch4 = net.block("branch4", |net| {
        let x = net.max_pool("0", x, same(3).with_ceil());
        conv(net, "1", x, pool, Window::point(), style)
    });
    net.concat("concat", &[branch1, branch2, branch3, branch4])
}

/// A small classifier in the middle of the network. Szegedy et al. 2014, section 5.
fn auxiliary(net: &mut Net, x: NodeId, classes: usize, style: Style) -> NodeId {
    let x = if style.batch_norm {
        net.adaptive_avg_pool("avgpool", x, [4, 4])
    } else {
        net.avg_pool("avgpool", x, Window::square(5, 3, 0))
    };
    let x = conv(net, "conv", x, 128, Window::point(), style);
    let x = net.flatten("flatten", x);
    let x = net.linear("fc1", x, 1024);
    let x = net.activation("relu", x, Activation::Relu);
    let x = net.dropout("dropout", x, style.dropout[1]);
    let x = net.linear("fc2", x, classes);
    net.auxiliary(x, AUXILIARY);
    x
}

/// A convolution with batch norm or bias, and a ReLU.
fn conv(net: &mut Net, name: &str, x: NodeId, channels: usize, window: Window, style: Style) -> NodeId {
    net.block(name, |net| {
        let conv = Conv2d::new(channels, window);
        let x = if style.batch_norm {
            let x = net.conv2d("conv", x, conv);
            net.batch_norm("bn", x, 1e-3)
        } else {
            net.conv2d("conv", x, conv.with_bias())
        };
        net.activation("relu", x, Activation::Relu)
    })
}
