//! Residual networks and their plain twins without the shortcuts (He, Zhang, Ren and Sun 2015, table 1 and figure 3), with
//! torchvision's names. As there, the stride of a bottleneck is on its 3 x 3 convolution, which costs a little more than
//! the paper's.

use crate::graph::NodeId;
use crate::net::{Net, Part};
use crate::ops::{Activation, Conv2d};
use crate::shape::Window;

use super::{Accuracy, Classes, Figures, IMAGENET, ModelSpec, averaged, classified};

pub const RESNET18: ModelSpec = ModelSpec {
    build: |net, image, part| resnet(net, image, part, Block::Basic, [2, 2, 2, 2]),
    ..residual("resnet18", "ResNet-18", 18, 1_800, 69.758)
};
pub const RESNET34: ModelSpec = ModelSpec {
    build: |net, image, part| resnet(net, image, part, Block::Basic, [3, 4, 6, 3]),
    ..residual("resnet34", "ResNet-34", 34, 3_600, 73.314)
};
pub const RESNET50: ModelSpec = ModelSpec {
    build: |net, image, part| resnet(net, image, part, Block::Bottleneck, [3, 4, 6, 3]),
    ..residual("resnet50", "ResNet-50", 50, 3_800, 76.13)
};
pub const RESNET101: ModelSpec = ModelSpec {
    build: |net, image, part| resnet(net, image, part, Block::Bottleneck, [3, 4, 23, 3]),
    ..residual("resnet101", "ResNet-101", 101, 7_600, 77.374)
};
pub const RESNET152: ModelSpec = ModelSpec {
    build: |net, image, part| resnet(net, image, part, Block::Bottleneck, [3, 8, 36, 3]),
    ..residual("resnet152", "ResNet-152", 152, 11_300, 78.312)
};

pub const PLAIN18: ModelSpec = ModelSpec {
    build: |net, image, part| resnet(net, image, part, Block::Plain, [2, 2, 2, 2]),
    ..plain("plain18", "Plain-18", 18, Some(1_800))
};
pub const PLAIN34: ModelSpec = ModelSpec {
    build: |net, image, part| resnet(net, image, part, Block::Plain, [3, 4, 6, 3]),
    ..plain("plain34", "Plain-34", 34, Some(3_600))
};
pub const PLAIN50: ModelSpec = ModelSpec {
    build: |net, image, part| resnet(net, image, part, Block::PlainBottleneck, [3, 4, 6, 3]),
    ..plain("plain50", "Plain-50", 50, None)
};
pub const PLAIN101: ModelSpec = ModelSpec {
    build: |net, image, part| resnet(net, image, part, Block::PlainBottleneck, [3, 4, 23, 3]),
    ..plain("plain101", "Plain-101", 101, None)
};
pub const PLAIN152: ModelSpec = ModelSpec {
    build: |net, image, part| resnet(net, image, part, Block::PlainBottleneck, [3, 8, 36, 3]),
    ..plain("plain152", "Plain-152", 152, None)
};

/// The blocks of He et al. 2015, figure 5, left and right, and the same without their shortcuts.
#[derive(Clone, Copy, PartialEq)]
enum Block {
    Basic,
    Bottleneck,
    Plain,
    PlainBottleneck,
}

/// `macs` are the paper's, in millions.
const fn residual(id: &'static str, title: &'static str, depth: usize, macs: u64, top1: f32) -> ModelSpec {
    let figures = Figures { macs: Some(macs * 1_000_000), ..Figures::NONE };
    ModelSpec {
        id,
        title,
        family: "ResNet",
        year: 2015,
        paper: "He, Zhang, Ren and Sun, Deep Residual Learning for Image Recognition, 2015, table 1",
        depth,
        figures,
        accuracy: Some(Accuracy { top1, source: "torchvision, IMAGENET1K_V1" }),
        classes: Classes::ImageNet,
        input: IMAGENET,
        weights: None,
        build: |_, _, _| (),
    }
}

/// The paper has the first two; the deeper ones follow their table.
const fn plain(id: &'static str, title: &'static str, depth: usize, macs: Option<u64>) -> ModelSpec {
    let figures = match macs {
        Some(macs) => Figures { macs: Some(macs * 1_000_000), ..Figures::NONE },
        None => Figures::NONE,
    };
    ModelSpec { figures, accuracy: None, ..residual(id, title, depth, 0, 0.0) }
}

const EPSILON: f64 = 1e-5;

/// `depths` are the numbers of blocks of the four stages.
fn resnet(net: &mut Net, image: NodeId, part: Part, kind: Block, depths: [usize; 4]) {
    let x = net.conv2d("conv1", image, Conv2d::new(64, Window::square(7, 2, 3)));
    let x = net.batch_norm("bn1", x, EPSILON);
    let x = net.activation("relu", x, Activation::Relu);
    let mut x = net.max_pool("maxpool", x, Window::square(3, 2, 1));
    net.mark_stage("maxpool", "Stem: 7 x 7 convolution and pooling", x);
    for (i, (depth, channels)) in depths.into_iter().zip([64, 128, 256, 512]).enumerate() {
        let what = match kind {
            Block::Basic => format!("{depth} residual blocks, {channels} maps"),
            Block::Bottleneck => format!("{depth} residual blocks, {} maps", 4 * channels),
            Block::Plain => format!("{} convolutions, {channels} maps", 2 * depth),
            Block::PlainBottleneck => format!("{} convolutions, {} maps", 3 * depth, 4 * channels),
        };
        x = net.stage(&format!("layer{}", i + 1), &format!("Stage {}: {what}", i + 1), |net| {
            for block in 0..depth {
                let stride = if i > 0 && block == 0 { 2 } else { 1 };
                x = net.block(&block.to_string(), |net| match kind {
                    Block::Basic | Block::Plain => basic(net, x, channels, stride, kind == Block::Basic),
                    _ => bottleneck(net, x, channels, stride, kind == Block::Bottleneck),
                });
            }
            x
        });
    }
    let x = averaged(net, x);
    classified(net, "fc", x, part);
}

/// Two 3 x 3 convolutions and, perhaps, a shortcut around them. He et al. 2015, figure 5, left.
fn basic(net: &mut Net, x: NodeId, channels: usize, stride: usize, residual: bool) -> NodeId {
    let y = net.conv2d("conv1", x, Conv2d::new(channels, Window::square(3, stride, 1)));
    let y = net.batch_norm("bn1", y, EPSILON);
    let y = net.activation("relu1", y, Activation::Relu);
    let y = net.conv2d("conv2", y, Conv2d::new(channels, Window::square(3, 1, 1)));
    let y = net.batch_norm("bn2", y, EPSILON);
    let y = if residual { shortcut(net, x, y, stride) } else { y };
    net.activation("relu2", y, Activation::Relu)
}

/// Narrow, look, widen by four, and, perhaps, a shortcut around it. He et al. 2015, figure 5, right.
fn bottleneck(net: &mut Net, x: NodeId, channels: usize, stride: usize, residual: bool) -> NodeId {
    let y = net.conv2d("conv1", x, Conv2d::new(channels, Window::point()));
    let y = net.batch_norm("bn1", y, EPSILON);
    let y = net.activation("relu1", y, Activation::Relu);
    let y = net.conv2d("conv2", y, Conv2d::new(channels, Window::square(3, stride, 1)));
    let y = net.batch_norm("bn2", y, EPSILON);
    let y = net.activation("relu2", y, Activation::Relu);
    let y = net.conv2d("conv3", y, Conv2d::new(4 * channels, Window::point()));
    let y = net.batch_norm("bn3", y, EPSILON);
    let y = if residual { shortcut(net, x, y, stride) } else { y };
    net.activation("relu3", y, Activation::Relu)
}

/// `x + y`, with `x` projected where the shapes differ: the paper's option B.
fn shortcut(net: &mut Net, x: NodeId, y: NodeId, stride: usize) -> NodeId {
    let channels = net.shape(y).c;
    let x = if stride != 1 || net.shape(x).c != channels {
        net.block("downsample", |net| {
            let x = net.conv2d("0", x, Conv2d::new(channels, Window::square(1, stride, 0)));
            net.batch_norm("1", x, EPSILON)
        })
    } else {
        x
    };
    net.sum("add", y, x)
}
