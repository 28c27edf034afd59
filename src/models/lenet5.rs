//! LeNet-5 (LeCun, Bottou, Bengio and Haffner 1998, figure 2) in its common modern form: 32 x 32 grey pixels, full
//! connections in the second convolution, plain average pooling, a linear output layer.
//!
//! Two more as it is taught, to compare: with the sigmoid, and with ReLU and max pooling. All three share their names, so
//! that the weights of one fit the others.

use crate::graph::NodeId;
use crate::image::{Filter, InputSpec, Order};
use crate::net::{Net, Part};
use crate::ops::{Activation, Conv2d};
use crate::shape::Window;

use super::{Accuracy, Classes, Figures, ModelSpec, WeightsFile, averaged, classified};

pub const LENET5: ModelSpec = ModelSpec {
    id: "lenet5",
    title: "LeNet-5",
    family: "LeNet",
    year: 1998,
    paper: "LeCun, Bottou, Bengio and Haffner, Gradient-Based Learning Applied to Document Recognition, 1998, figure 2",
    // The paper's two subsampling layers have weights of their own, and it counts them.
    depth: 7,
    figures: Figures { parameters: Some(60_000), macs: Some(340_908) },
    accuracy: Some(Accuracy { top1: 99.13, source: "recipes/lenet5-mnist.toml" }),
    classes: Classes::Mnist,
    input: InputSpec {
        channels: 1,
        height: 32,
        width: 32,
        resize_short: 32,
        filter: Filter::Bilinear,
        order: Order::Rgb,
        mean: [127.5; 3],
        std: [127.5; 3],
    },
    weights: Some(WeightsFile {
        file: "models/lenet5-mnist.safetensors",
        bytes: 247_744,
        sha256: "e070bd2262d30815fed008a21d97ad21e2afc5034b434c6dcf34fd02976dc9ff",
        licence: "MIT OR Apache-2.0",
    }),
    build: |net, image, part| lenet5(net, image, part, Activation::Tanh, Net::avg_pool),
};

pub const LENET5_SIGMOID: ModelSpec = ModelSpec {
    id: "lenet5_sigmoid",
    title: "LeNet-5 with sigmoid",
    accuracy: None,
    weights: None,
    build: |net, image, part| lenet5(net, image, part, Activation::Sigmoid, Net::avg_pool),
    ..LENET5
};

pub const LENET5_RELU: ModelSpec = ModelSpec {
    id: "lenet5_relu",
    title: "LeNet-5 with ReLU and max pooling",
    accuracy: None,
    weights: None,
    build: |net, image, part| lenet5(net, image, part, Activation::Relu, Net::max_pool),
    ..LENET5
};

type Pool = fn(&mut Net, &str, NodeId, Window) -> NodeId;

fn lenet5(net: &mut Net, image: NodeId, part: Part, f: Activation, pool: Pool) {
    let five = Window::square(5, 1, 0);
    let half = Window::square(2, 2, 0);
    let named = |i: usize| format!("{}{i}", f.name().to_ascii_lowercase());
    let x = net.conv2d("conv1", image, Conv2d::new(6, five).with_bias());
    let x = net.activation(&named(1), x, f);
    let x = pool(net, "pool1", x, half);
    net.mark_stage("pool1", "6 maps of strokes and edges", x);
    let x = net.conv2d("conv2", x, Conv2d::new(16, five).with_bias());
    let x = net.activation(&named(2), x, f);
    let x = pool(net, "pool2", x, half);
    net.mark_stage("pool2", "16 maps of parts", x);
    let x = net.conv2d("conv3", x, Conv2d::new(120, five).with_bias());
    let x = net.activation(&named(3), x, f);
    net.mark_stage("conv3", "120 maps of whole shapes", x);
    if part == Part::Trunk {
        averaged(net, x);
        return;
    }
    let x = net.flatten("flatten", x);
    let x = net.linear("fc1", x, 84);
    let x = net.activation(&named(4), x, f);
    net.mark_stage("fc1", "84 numbers: the features", x);
    net.features(x);
    classified(net, "fc2", x, part);
}
