//! EfficientNet-Lite0: EfficientNet-B0 (Tan and Le 2019, table 1) without squeeze-and-excitation and with ReLU6
//! for swish, as released with TensorFlow in 2020. Padding is TensorFlow's "SAME".

use crate::graph::NodeId;
use crate::image::{Filter, InputSpec, Order};
use crate::net::{Net, Part};
use crate::ops::{Activation, BatchNorm, Conv2d};
use crate::shape::Window;

use super::{Accuracy, Classes, Figures, ModelSpec, WeightsFile, averaged, classified};

pub const EFFICIENTNET_LITE0: ModelSpec = ModelSpec {
    id: "efficientnet_lite0",
    title: "EfficientNet-Lite0",
    family: "EfficientNet-Lite",
    year: 2020,
    paper: "Tan and Le, EfficientNet: Rethinking Model Scaling for Convolutional Neural Networks, 2019; the Lite variant, 2020",
    // Without a count of the authors': every convolution and the linear layer.
    depth: 50,
    figures: Figures { parameters: Some(4_700_000), macs: Some(407_000_000) },
    accuracy: Some(Accuracy { top1: 75.1, source: "the TensorFlow release of 2020" }),
    classes: Classes::ImageNet,
    input: InputSpec {
        channels: 3,
        height: 224,
        width: 224,
        resize_short: 256,
        filter: Filter::Bicubic,
        order: Order::Rgb,
        mean: [127.0; 3],
        std: [128.0; 3],
    },
    weights: Some(WeightsFile {
        file: "models/efficientnet_lite0.f16.safetensors",
        bytes: 9_580_672,
        sha256: "1b6f230681c1c81df3288a0ce543aaf9355aac87bd8bffbbb43f140e3b398fea",
        licence: "Apache-2.0",
    }),
    build: efficientnet_lite0,
};

const NORM: BatchNorm = BatchNorm { epsilon: 1e-3, momentum: 0.01 };

/// Repeats, kernel, stride of the first block, expansion, output channels. Tan and Le 2019, table 1.
const STAGES: [(usize, usize, usize, usize, usize); 7] = [
    (1, 3, 1, 1, 16),
    (2, 3, 2, 6, 24),
    (2, 5, 2, 6, 40),
    (3, 3, 2, 6, 80),
    (3, 5, 1, 6, 112),
    (4, 5, 2, 6, 192),
    (1, 3, 1, 6, 320),
];

fn efficientnet_lite0(net: &mut Net, image: NodeId, part: Part) {
    let mut x = net.stage("stem", "Stem: edges and colours", |net| conv_bn(net, image, 32, 3, 2));
    let mut block = 0;
    for (i, (repeats, kernel, stride, expansion, channels)) in STAGES.into_iter().enumerate() {
        for repeat in 0..repeats {
            let stride = if repeat == 0 { stride } else { 1 };
            x = net.block(&format!("blocks.{block}"), |net| {
                mb_conv(net, x, kernel, stride, expansion, channels)
            });
            block += 1;
        }
        let plural = if repeats == 1 { "block" } else { "blocks" };
        let title = format!("Stage {}: {repeats} {plural}, {channels} channels", i + 1);
        net.mark_stage(&format!("blocks.{}", block - 1), &title, x);
    }
    let x = net.stage("head", "1280 detectors", |net| conv_bn(net, x, 1280, 1, 1));
    let x = averaged(net, x);
    classified(net, "classifier", x, part);
}

/// An inverted residual block (Sandler et al. 2018, figure 3): expand, filter each channel on its own, project back.
fn mb_conv(
    net: &mut Net,
    x: NodeId,
    kernel: usize,
    stride: usize,
    expansion: usize,
    channels: usize,
) -> NodeId {
    let narrow = net.shape(x).c;
    let wide = narrow * expansion;
    let mut y = x;
    if expansion != 1 {
        y = net.block("expand", |net| conv_bn(net, y, wide, 1, 1));
    }
    y = net.block("dw", |net| {
        let shape = net.shape(y);
        let window = Window::same(kernel, stride, shape.h, shape.w);
        let y = net.conv2d("conv", y, Conv2d::new(wide, window).with_groups(wide));
        let y = net.batch_norm("bn", y, NORM);
        net.activation("relu6", y, Activation::Relu6)
    });
    y = net.block("project", |net| {
        let y = net.conv2d("conv", y, Conv2d::new(channels, Window::point()));
        net.batch_norm("bn", y, NORM)
    });
    if stride == 1 && narrow == channels { net.sum("add", x, y) } else { y }
}

fn conv_bn(net: &mut Net, x: NodeId, channels: usize, kernel: usize, stride: usize) -> NodeId {
    let shape = net.shape(x);
    let window = Window::same(kernel, stride, shape.h, shape.w);
    let x = net.conv2d("conv", x, Conv2d::new(channels, window));
    let x = net.batch_norm("bn", x, NORM);
    net.activation("relu6", x, Activation::Relu6)
}
