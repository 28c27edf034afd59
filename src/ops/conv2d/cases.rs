//! The convolutions that every backend is held against.

use super::super::{Activation, Case, Op, Operator};
use super::{Conv2d, Epilogue};
use crate::shape::{Padding, Shape, Window};

pub fn all() -> Vec<Case> {
    let conv = |channels, window| Conv2d::new(channels, window).with_bias();
    let plain = Epilogue { residual: false, activation: Some(Activation::Relu) };
    let fused =
        |op: Conv2d, residual, activation| Conv2d { epilogue: Epilogue { residual, activation }, ..op };
    let lopsided =
        Window { padding: Padding { top: 0, left: 1, bottom: 2, right: 0 }, ..Window::square(3, 2, 0) };
    let wide = Window { kernel: [1, 7], stride: [1, 2], ..Window::square(1, 1, 3) };
    vec![
        case(conv(6, Window::square(5, 1, 0)), Shape::new(2, 1, 32, 32)),
        case(conv(120, Window::square(5, 1, 0)), Shape::new(2, 16, 5, 5)),
        case(Conv2d { epilogue: plain, ..conv(64, Window::square(7, 2, 3)) }, Shape::new(1, 3, 32, 30)),
        case(conv(11, Window::square(3, 1, 1)), Shape::new(2, 13, 9, 10)),
        case(conv(24, Window::square(3, 2, 1)), Shape::new(1, 16, 15, 15)),
        case(
            fused(conv(32, Window::square(3, 1, 1)), true, Some(Activation::Relu)),
            Shape::new(1, 32, 14, 14),
        ),
        case(Conv2d::new(40, Window::square(1, 1, 0)), Shape::new(2, 24, 7, 9)),
        case(fused(conv(16, Window::square(1, 1, 0)), true, None), Shape::new(1, 96, 8, 8)),
        case(conv(130, Window::square(1, 1, 0)), Shape::new(1, 67, 1, 1)),
        case(conv(8, Window::square(1, 2, 0)), Shape::new(1, 5, 9, 9)),
        case(conv(12, Window::square(3, 1, 1)).with_groups(2), Shape::new(2, 8, 6, 7)),
        case(
            fused(depthwise(32, Window::same(3, 2, 28, 28)), false, Some(Activation::Relu6)),
            Shape::new(1, 32, 28, 28),
        ),
        case(
            fused(depthwise(20, Window::square(5, 1, 2)), false, Some(Activation::Relu6)),
            Shape::new(2, 20, 14, 13),
        ),
        case(depthwise(7, Window::same(5, 2, 9, 12)), Shape::new(1, 7, 9, 12)),
        case(depthwise(3, Window::square(3, 1, 1)), Shape::new(1, 3, 4, 4)),
        case(conv(9, lopsided), Shape::new(1, 4, 10, 8)),
        case(fused(conv(5, wide), false, Some(Activation::Tanh)), Shape::new(1, 3, 4, 12)),
        case(
            fused(conv(4, Window::square(3, 1, 1)), false, Some(Activation::Sigmoid)),
            Shape::new(1, 2, 3, 3),
        ),
        case(conv(1, Window::square(1, 1, 0)), Shape::new(1, 1, 1, 1)),
        case(conv(11, Window::square(3, 1, 1)), Shape::new(2, 13, 9, 10)).in_half(),
        case(
            fused(conv(36, Window::square(1, 1, 0)), true, Some(Activation::Relu6)),
            Shape::new(2, 20, 7, 9),
        )
        .in_half(),
        case(Conv2d::new(9, Window::square(3, 2, 1)).with_groups(3), Shape::new(1, 15, 8, 7)).in_half(),
    ]
}

/// The convolutions of the cases on their inputs, named: what the gradients are tested with.
pub fn plain() -> Vec<(String, Conv2d, Shape)> {
    let plain = |case: Case| match case.op {
        Op::Conv2d(conv) => (case.name, conv.plain(), case.inputs[0]),
        op => unreachable!("{} is not a convolution", op.kind()),
    };
    all().into_iter().map(plain).collect()
}

fn depthwise(channels: usize, window: Window) -> Conv2d {
    Conv2d::new(channels, window).with_bias().with_groups(channels)
}

fn case(op: Conv2d, x: Shape) -> Case {
    let Conv2d {
        channels, window: Window { kernel: [kh, kw], stride: [sh, sw], padding, .. }, groups, ..
    } = op;
    let Padding { top, left, bottom, right } = padding;
    let Epilogue { residual, activation } = op.epilogue;
    let mut name = format!("conv {kh}x{kw}/{sh}x{sw} pad {top},{left},{bottom},{right} {x} to {channels}");
    if groups > 1 {
        name += &format!(", {groups} groups");
    }
    if residual {
        name += ", residual";
    }
    if let Some(f) = activation {
        name += &format!(", {}", f.name());
    }
    let mut inputs = vec![x];
    if residual {
        let y = Conv2d { epilogue: Epilogue::default(), ..op }.infer(&[x]);
        inputs.push(y.expect("the case's shapes fit"));
    }
    Case::new(name, Op::Conv2d(op), inputs)
}
