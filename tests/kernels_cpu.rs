//! The CPU kernels against the definitions of the layers they compute: every shape of loop, including what no network
//! here asks for.

use headstart::ops::{
    Activation, AvgPool, Case, Conv2d, Conv2dWeightGradient, Epilogue as Fused, GlobalAvgPool, Linear,
    MaxPool, Op, Operator,
};
use headstart::shape::{Padding, Shape, Window};
use headstart::tensor::Tensor;
use headstart_kernels::columns::Columns;
use headstart_kernels::conv::{Convolution, Workspace};
use headstart_kernels::depthwise::Depthwise;
use headstart_kernels::epilogue::Epilogue;
use headstart_kernels::linear::linear;
use headstart_kernels::pool::{Pooling, global_average, pool};
use headstart_kernels::rounded;
use headstart_kernels::wide::with_lanes;
use headstart_kernels::winograd::Winograd;

/// The largest error of `f`, called with every number of lanes that loops can have here.
fn worst_of_all_lanes(f: impl Fn() -> f64) -> f64 {
    let errors = [4, 8, 16].map(|lanes| with_lanes(lanes, &f));
    errors.into_iter().fold(0.0, |worst, error| if error <= worst { worst } else { error })
}

fn convolution_error(op: Conv2d, x: Shape) -> f64 {
    let y = Conv2d { epilogue: Fused::default(), ..op };
    let output = y.infer(&[x]).unwrap();
    let inputs = if op.epilogue.residual { vec![x, output] } else { vec![x] };
    let case = Case::new("", Op::Conv2d(op), inputs);
    let (inputs, params) = (case.input_values(), case.param_values());
    let epilogue = Epilogue {
        bias: params.get(1).map(|bias| &bias.data[..]),
        residual: inputs.get(1).map(|residual| &residual.data[..]),
        activation: op.epilogue.activation,
    };
    let weight = Convolution::pack_weight(&params[0].data, op.channels, op.groups);
    let layer = Convolution::new(x, output, op.window, op.groups);
    worst_of_all_lanes(|| {
        let mut y = Tensor::filled(output, f32::NAN);
        layer.run(&inputs[0].data, &weight, &mut y.data, epilogue, &mut Workspace::default());
        case.error(&y)
    })
}

#[test]
fn windows_of_every_kind_agree_with_the_definition() {
    for (kernel, stride, padding) in
        [(1, 1, 0), (1, 2, 0), (3, 1, 1), (3, 2, 1), (5, 1, 0), (7, 2, 3), (2, 3, 1)]
    {
        for (n, size) in [(1, 7), (3, 5), (2, 19), (1, 33)] {
            for (channels, outputs, groups) in [(3, 5, 1), (8, 12, 2), (50, 41, 1)] {
                let window = Window::square(kernel, stride, padding);
                let op = Conv2d::new(outputs, window).with_bias().with_groups(groups);
                let op = Conv2d {
                    epilogue: Fused { residual: size > 6, activation: Some(Activation::Relu) },
                    ..op
                };
                let x = Shape::new(n, channels, size, size + 1);
                let error = convolution_error(op, x);
                assert!(error < 1e-5, "{op:?} on {x}: error {error}");
            }
        }
    }
}

#[test]
fn depths_of_several_blocks_agree_with_the_definition() {
    let op = Conv2d::new(9, Window::square(3, 1, 1)).with_bias();
    let error = convolution_error(op, Shape::new(2, 130, 4, 4));
    assert!(error < 1e-5, "error {error}");
}

#[test]
fn every_kernel_stride_and_width_agrees_with_the_definition() {
    let mut windows = vec![Window { kernel: [1, 5], stride: [3, 1], ..Window::square(1, 1, 2) }];
    for (kernel, stride, left) in [(3, 1, 1), (3, 2, 1), (3, 2, 0), (5, 1, 2), (5, 2, 1), (5, 2, 2)] {
        let padding = Padding { top: 1, left, bottom: 2, right: kernel - 1 - left };
        windows.push(Window { padding, ..Window::square(kernel, stride, 0) });
    }
    for window in windows {
        for (width, residual) in [(5, false), (7, true), (9, false), (13, true), (16, false), (35, true)] {
            let x = Shape::new(2, 3, 6, width);
            let op = Conv2d::new(3, window).with_bias().with_groups(3);
            let output = op.infer(&[x]).unwrap();
            let fused = Fused { residual, activation: Some(Activation::Relu6) };
            let inputs = if residual { vec![x, output] } else { vec![x] };
            let case = Case::new("", Op::Conv2d(Conv2d { epilogue: fused, ..op }), inputs);
            let (inputs, params) = (case.input_values(), case.param_values());
            let epilogue = Epilogue {
                bias: Some(&params[1].data),
                residual: inputs.get(1).map(|r| &r.data[..]),
                activation: fused.activation,
            };
            let mut y = Tensor::filled(output, f32::NAN);
            let layer = Depthwise::new(x, output, window);
            layer.run(&inputs[0].data, &params[0].data, &mut y.data, epilogue, &mut vec![9.0; 7]);
            let error = case.error(&y);
            assert!(error < 1e-5, "{window:?} on {x}: error {error}");
        }
    }
}

#[test]
fn every_batch_and_length_agrees_with_the_definition() {
    for (batch, c, o) in [(1, 1, 1), (1, 7, 9), (3, 8, 4), (2, 133, 31), (4, 67, 33), (9, 256, 10)] {
        for activation in [None, Some(Activation::Tanh)] {
            let op = Op::Linear(Linear { features: o, activation });
            let case = Case::new("", op, [Shape::vector(batch, c)]);
            let (x, p) = (case.input_values(), case.param_values());
            let mut y = Tensor::filled(Shape::vector(batch, o), f32::NAN);
            let epilogue = Epilogue { bias: Some(&p[1].data), residual: None, activation };
            linear(&x[0].data, &p[0].data, &mut y.data, batch, epilogue);
            let error = case.error(&y);
            assert!(error < 1e-5, "{c} to {o}, batch {batch}: error {error}");
        }
    }
}

#[test]
fn every_window_agrees_with_the_definition() {
    for (kernel, stride, padding) in
        [(2, 2, 0), (3, 2, 1), (3, 1, 1), (2, 3, 1), (5, 3, 2), (1, 2, 0), (7, 1, 3)]
    {
        for (ceil, width) in [(false, 7), (true, 8), (true, 10), (false, 33), (true, 31)] {
            let window = Window { ceil, ..Window::square(kernel, stride, padding) };
            let x = Shape::new(2, 3, 8, width);
            let [h, w] = window.output(x.h, x.w).unwrap();
            let output = Shape { h, w, ..x };
            for (pooling, op) in [
                (Pooling::Max, Op::MaxPool(MaxPool { window })),
                (Pooling::Average, Op::AvgPool(AvgPool { window })),
            ] {
                let case = Case::new("", op, [x]);
                let mut y = Tensor::filled(output, f32::NAN);
                let values = &case.input_values()[0].data;
                pool(pooling, (values, x), window, (&mut y.data, output), &mut vec![7.0; 3]);
                let error = case.error(&y);
                assert!(error < 1e-6, "{pooling:?} {window:?} on {x}: error {error}");
            }
        }
    }
}

#[test]
fn the_global_average_agrees_with_the_definition() {
    for size in [1, 2, 7] {
        let case = Case::new("", Op::GlobalAvgPool(GlobalAvgPool), [Shape::new(2, 3, size, size)]);
        let mut y = Tensor::filled(Shape::vector(2, 3), f32::NAN);
        global_average(&case.input_values()[0].data, size * size, &mut y.data);
        let error = case.error(&y);
        assert!(error < 1e-6, "size {size}: error {error}");
    }
}

#[test]
fn every_batch_and_length_agrees_with_the_definition_to_four_digits() {
    for (batch, c, o) in [(1, 1, 1), (1, 7, 9), (3, 8, 4), (2, 133, 31), (4, 67, 33), (9, 4096, 40)] {
        let activation = Some(Activation::Tanh);
        let op = Op::Linear(Linear { features: o, activation });
        let case = Case::new("", op, [Shape::vector(batch, c)]);
        let (x, p) = (case.input_values(), case.param_values());
        let mut y = Tensor::filled(Shape::vector(batch, o), f32::NAN);
        let epilogue = Epilogue { bias: Some(&p[1].data), residual: None, activation };
        rounded::linear(
            &x[0].data,
            &rounded::pack(&p[0].data, o),
            &mut y.data,
            batch,
            epilogue,
            &mut Vec::new(),
        );
        let error = case.error(&y);
        assert!(error < 5e-5, "{c} to {o}, batch {batch}: error {error}");
    }
}

#[test]
fn a_row_of_zeros_stays_one() {
    assert_eq!(rounded::pack(&[0.0; 4], 1), [0.0; 3]);
}

fn winograd_error(tile: usize, x: Shape, channels: usize, padding: Padding, residual: bool) -> f64 {
    let window = Window { padding, ..Window::square(3, 1, 0) };
    let op = Conv2d::new(channels, window).with_bias();
    let output = op.infer(&[x]).unwrap();
    let fused = Fused { residual, activation: Some(Activation::Relu) };
    let inputs = if residual { vec![x, output] } else { vec![x] };
    let case = Case::new("", Op::Conv2d(Conv2d { epilogue: fused, ..op }), inputs);
    let (inputs, params) = (case.input_values(), case.param_values());
    let epilogue = Epilogue {
        bias: Some(&params[1].data),
        residual: inputs.get(1).map(|r| &r.data[..]),
        activation: fused.activation,
    };
    let layer = Winograd::new(x, output, padding, tile);
    let plain = params[0].data.clone();
    let plains = layer.takes_plain_weight();
    let weight = if plains { plain } else { Winograd::pack_weight(&plain, channels, tile) };
    worst_of_all_lanes(|| {
        let mut y = Tensor::filled(output, f32::NAN);
        layer.run(&inputs[0].data, &weight, &mut y.data, epilogue, &mut Workspace::default());
        case.error(&y)
    })
}

#[test]
fn winograd_of_every_size_and_padding_agrees_with_the_definition() {
    let lopsided = Padding { top: 0, left: 1, bottom: 2, right: 0 };
    for tile in [4, 6] {
        for (n, h, w) in [(1, 1, 1), (1, 4, 4), (3, 5, 7), (1, 14, 9), (2, 6, 33)] {
            for (c, o) in [(1, 1), (3, 5), (8, 12), (33, 19)] {
                for (padding, residual) in
                    [(Padding::all(1), true), (Padding::all(2), false), (lopsided, true)]
                {
                    let x = Shape::new(n, c, h + 2, w + 2);
                    let error = winograd_error(tile, x, o, padding, residual);
                    assert!(error < 2e-5, "tile {tile}, {x} to {o}, {padding:?}: error {error}");
                }
            }
        }
    }
}

#[test]
fn weights_transformed_when_they_are_used_agree_with_the_definition() {
    for (n, tile, size, o) in [(1, 6, 14, 261), (2, 6, 9, 512), (1, 4, 6, 259)] {
        let error = winograd_error(tile, Shape::new(n, 512, size, size), o, Padding::all(1), true);
        assert!(error < 2e-5, "{n} of {size}, tile {tile}, to {o}: error {error}");
    }
}

#[test]
fn many_channels_lose_few_digits() {
    let x = Shape::new(1, 256, 8, 8);
    let errors = [4, 6].map(|tile| winograd_error(tile, x, 64, Padding::all(1), true));
    assert!(errors[0] < 2e-6 && errors[1] < 1e-5, "errors {errors:?}");
}

#[test]
fn gradients_of_weights_agree_with_the_definition() {
    for (kernel, stride, padding) in
        [(1, 1, 0), (1, 2, 0), (3, 1, 1), (3, 2, 1), (5, 1, 2), (5, 3, 1), (2, 2, 0), (7, 2, 3)]
    {
        for (n, size) in [(3, 5), (2, 8), (1, 17), (7, 7), (1, 64)] {
            for (channels, outputs, groups) in [(3, 5, 1), (8, 12, 2), (34, 9, 1), (17, 22, 1), (6, 6, 6)] {
                let window = Window::square(kernel, stride, padding);
                let conv = Conv2d::new(outputs, window).with_groups(groups);
                let x = Shape::new(n, channels, size, size + 1);
                let dy = conv.infer(&[x]).unwrap();
                let case =
                    Case::new("", Op::Conv2dWeightGradient(Conv2dWeightGradient { conv }), vec![x, dy]);
                let inputs = case.input_values();
                let layer = Columns::new(x, dy, window, groups);
                let error = worst_of_all_lanes(|| {
                    let mut dw =
                        Tensor::filled(Shape::new(outputs, channels / groups, kernel, kernel), f32::NAN);
                    let mut workspace = Workspace::default();
                    layer.weight_gradient(&inputs[0].data, &inputs[1].data, &mut dw.data, 1, &mut workspace);
                    case.error(&dw)
                });
                assert!(error < 2e-5, "{conv:?} on {x}: error {error}");
            }
        }
    }
}
