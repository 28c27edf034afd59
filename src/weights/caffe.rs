//! Weights that Caffe trained, for a network whose local response normalisation has other constants than Caffe's.
//!
//! AlexNet's paper has k = 2 and alpha = 1e-4 for each square, Caffe's replica, whose weights there are, k = 1 and a fifth
//! of that. Convolution, ReLU and pooling pass a factor on, so the two are the same network at other scales:
//! `c x / (k + a (c x)²)^beta` is `c (k' / k)^beta` times `x / (k' + a' x²)^beta` where `c² = (a' / k') / (a / k)`.

use std::collections::BTreeMap;

use super::Checkpoint;
use crate::graph::{Graph, Node, NodeId};
use crate::ops::{Activation, Lrn, Op};

/// Caffe's own constants, in all its networks.
const THEIRS: Lrn = Lrn::GOOGLENET;

/// Whether a file has the names that Caffe's blobs have in ONNX.
pub(super) fn wrote(file: &Checkpoint) -> bool {
    file.names().any(|(name, _)| name.ends_with("_w_0"))
}

/// By what parameters of `graph` are multiplied, by name, so that Caffe's weights mean in it what they meant to Caffe.
pub(super) fn factors(graph: &Graph) -> BTreeMap<String, f32> {
    let mut factors = BTreeMap::new();
    for (i, node) in graph.nodes.iter().enumerate() {
        let Op::Lrn(ours) = node.op else { continue };
        if ours == THEIRS || ours.size != THEIRS.size || ours.beta != THEIRS.beta {
            continue;
        }
        let before = ((THEIRS.alpha / THEIRS.k) / (ours.alpha / ours.k)).sqrt();
        let after = (ours.k / THEIRS.k).powf(ours.beta) / before;
        let mut scale = |node: &Node, params: usize, factor: f64| {
            for id in node.params.iter().take(params) {
                *factors.entry(graph.param(*id).name.clone()).or_insert(1.0) *= factor as f32;
            }
        };
        // The bias of what comes before grows with it; that of what comes after was right already.
        scale(source(graph, node), 2, before);
        for reader in readers(graph, NodeId(i)) {
            scale(reader, 1, after);
        }
    }
    factors
}

/// The layer with weights whose output arrives at `node`.
fn source<'a>(graph: &'a Graph, node: &Node) -> &'a Node {
    let before = graph.node(node.inputs[0]);
    if passes(&before.op) { source(graph, before) } else { before }
}

/// The layers with weights at which the output of `node` arrives.
fn readers(graph: &Graph, node: NodeId) -> Vec<&Node> {
    let direct = graph.nodes.iter().enumerate().filter(|(_, reader)| reader.inputs.contains(&node));
    let weighing = direct.map(|(i, reader)| match passes(&reader.op) {
        true => readers(graph, NodeId(i)),
        false => vec![reader],
    });
    weighing.flatten().collect()
}

/// Whether a factor of the input is one of the output.
fn passes(op: &Op) -> bool {
    matches!(op, Op::Activation(Activation::Relu) | Op::MaxPool(_) | Op::AvgPool(_) | Op::GlobalAvgPool(_))
        || op.is_identity()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::models::find;
    use crate::ops::case::normalised_error;
    use crate::shape::Shape;
    use crate::tensor::Tensor;
    use crate::weights::Parameters;

    #[test]
    fn alexnet_computes_with_its_own_constants_what_caffes_did_with_others() {
        let trunk = find("alexnet_2012").unwrap().trunk(Shape::new(1, 3, 67, 67)).unwrap();
        let (ours, _) = trunk.prune(&[trunk.find("conv3").unwrap()]);
        let mut theirs = ours.clone();
        for node in &mut theirs.nodes {
            if let Op::Lrn(lrn) = &mut node.op {
                *lrn = THEIRS;
            }
        }
        let values = pollster::block_on(Parameters::initialised(1).of(&ours)).unwrap();
        let scaled: Vec<Tensor<f32>> = ours
            .params
            .iter()
            .zip(&values)
            .map(|(param, values)| {
                let factor = factors(&ours).get(&param.name).copied().unwrap_or(1.0);
                values.map(|value| value * factor)
            })
            .collect();
        // Pixels of Caffe's size, so that the normalisation is far from linear.
        let shape = ours.input_shape();
        let x = Tensor::new(shape, (0..shape.len()).map(|i| (i * 7919 % 256) as f32 - 120.0).collect());
        let expected = theirs.interpret(&x, &values).pop().unwrap();
        let unscaled = ours.interpret(&x, &values).pop().unwrap();
        let found = ours.interpret(&x, &scaled).pop().unwrap();
        let expected: Vec<f64> = expected.data.iter().map(|&v| f64::from(v)).collect();
        let error = normalised_error(&found.data, &expected);
        let without = normalised_error(&unscaled.data, &expected);
        assert!(error < 1e-5 && without > 0.1, "error {error:e}, without factors {without:e}");
    }
}
