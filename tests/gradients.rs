//! Every op's gradient against central differences of its definition, in double precision.

use headstart::gradient::{Gradients, differentiate, pull_back};
use headstart::graph::{Graph, Node, NodeId};
use headstart::ops::case::{Case, Kind};
use headstart::ops::{BatchMoments, Input, MaxPool, Op, Operator};
use headstart::random::Random;
use headstart::shape::{Shape, Window};
use headstart::tensor::Tensor;

/// Half the distance of the two points between which a slope is measured.
const STEP: f64 = 1e-6;
/// Random directions for each tensor.
const DIRECTIONS: u64 = 4;

#[test]
fn every_gradient_is_the_slope_of_the_definition() {
    let mut checked = 0;
    for case in Op::cases() {
        if let Some(gradients) = gradients_of(&case) {
            check(&case, &gradients);
            checked += 1;
        }
    }
    assert!(checked > 70, "{checked} cases have a gradient");
}

#[test]
fn the_first_of_equal_values_gets_the_gradient_of_a_pooled_maximum() {
    let op = Op::MaxPool(MaxPool { window: Window::square(2, 2, 0) });
    let case = Case::new("", op, [Shape::new(1, 1, 2, 2)]);
    let gradients = gradients_of(&case).unwrap();
    let x = Tensor::new(Shape::new(1, 1, 2, 2), vec![1.0, 3.0, 3.0, 3.0]);
    let values = gradients.graph.interpret_inputs(&[&x, &Tensor::filled(Shape::new(1, 1, 1, 1), 5.0)], &[]);
    assert_eq!(values[gradients.nodes[0].unwrap().0].data, [0.0, 5.0, 0.0, 0.0]);
}

#[test]
fn a_loss_of_many_numbers_is_refused_in_one_sentence() {
    let graph = headstart::models::find("lenet5").unwrap().published(2).unwrap();
    let logits = graph.taps.logits.unwrap();
    let error = differentiate(graph, logits).unwrap_err().to_string();
    assert!(error.starts_with("fc2: a loss is one number"), "{error}");
}

/// The case's op as a graph with the gradient of its output as a last input; none for an op without a gradient.
fn gradients_of(case: &Case) -> Option<Gradients> {
    let mut graph = Graph::of_op(&case.op, &case.inputs).unwrap();
    let y = NodeId(graph.nodes.len() - 1);
    let shape = graph.node(y).shape;
    let op = Op::Input(Input { shape });
    graph.nodes.push(Node { name: "dy".into(), op, inputs: vec![], params: vec![], shape });
    pull_back(graph, y, NodeId(y.0 + 1)).ok()
}

fn check(case: &Case, gradients: &Gradients) {
    let wide =
        |values: Vec<Tensor<f32>>| -> Vec<Tensor<f64>> { values.iter().map(|t| t.map(f64::from)).collect() };
    let (x, p) = (wide(case.input_values()), wide(case.param_values()));
    let dy = direction(case.op.infer(&case.inputs).unwrap(), 0);
    let inputs: Vec<&Tensor<f64>> = x.iter().chain([&dy]).collect();
    let values = gradients.graph.interpret_inputs(&inputs, &p);
    let dot = |a: &Tensor<f64>, b: &Tensor<f64>| a.data.iter().zip(&b.data).map(|(a, b)| a * b).sum::<f64>();
    let compare = |what: String, gradient: NodeId, shape: Shape, at: &dyn Fn(&Tensor<f64>) -> f64| {
        assert_eq!(gradients.graph.node(gradient).shape, shape, "{}: shape of {what}", case.name);
        for seed in 1..=DIRECTIONS {
            let along = direction(shape, seed);
            let slope = (at(&along.map(|v| v * STEP)) - at(&along.map(|v| -v * STEP))) / (2.0 * STEP);
            let found = dot(&values[gradient.0], &along);
            let error = (found - slope).abs() / slope.abs().max(1.0);
            assert!(error < 1e-6, "{}: gradient of {what} is {found}, the slope {slope}", case.name);
        }
    };
    for (i, value) in x.iter().enumerate() {
        let Some(gradient) = gradients.nodes[i] else {
            assert!(case.kind(i).is_some(), "{}: no gradient for input {i}", case.name);
            continue;
        };
        compare(format!("input {i}"), gradient, value.shape, &|change| {
            let mut x = x.clone();
            x[i].data.iter_mut().zip(&change.data).for_each(|(x, change)| *x += change);
            for moments in (0..x.len()).filter(|j| case.kind(*j) == Some(Kind::Moments)) {
                x[moments] = BatchMoments.reference(&[&x[0]], &[]);
            }
            dot(&case.op.reference(&x.iter().collect::<Vec<_>>(), &p.iter().collect::<Vec<_>>()), &dy)
        });
    }
    for (i, value) in p.iter().enumerate() {
        let name = &gradients.graph.params[i].name;
        let Some(gradient) = gradients.params[i] else {
            assert!(name.starts_with("running"), "{}: no gradient for {name}", case.name);
            continue;
        };
        compare(name.clone(), gradient, value.shape, &|change| {
            let mut p = p.clone();
            p[i].data.iter_mut().zip(&change.data).for_each(|(p, change)| *p += change);
            dot(&case.op.reference(&x.iter().collect::<Vec<_>>(), &p.iter().collect::<Vec<_>>()), &dy)
        });
    }
}

fn direction(shape: Shape, seed: u64) -> Tensor<f64> {
    let mut random = Random::new(seed, 0);
    Tensor::new(shape, (0..shape.len()).map(|_| f64::from(random.uniform(-1.0, 1.0))).collect())
}
