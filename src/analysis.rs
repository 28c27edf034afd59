//! What a network costs, read off its graph in one pass: parameters, multiply-accumulates, receptive field, memory.

use crate::graph::{Graph, NodeId};
use crate::ops::Op;

/// The cost of one node.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Cost {
    /// Learned values; running statistics are not counted.
    pub parameters: u64,
    /// Multiply-accumulates for the whole batch.
    pub macs: u64,
    /// Side of the square of input pixels that one output value can see; 0 after a global average: all of them.
    pub receptive_field: usize,
    /// Bytes of the output in f32.
    pub activation_bytes: u64,
}

/// The cost of every node, in node order.
pub fn costs(graph: &Graph) -> Vec<Cost> {
    // Receptive field and jump (input pixels between neighbouring outputs) of every node.
    let mut fields: Vec<(usize, usize)> = Vec::with_capacity(graph.nodes.len());
    let mut costs = Vec::with_capacity(graph.nodes.len());
    for node in &graph.nodes {
        let inputs: Vec<_> = node.inputs.iter().map(|id| graph.node(*id).shape).collect();
        let (field, jump) = node
            .inputs
            .iter()
            .map(|id| fields[id.0])
            .reduce(|a, b| (if a.0 == 0 || b.0 == 0 { 0 } else { a.0.max(b.0) }, a.1.max(b.1)))
            .unwrap_or((1, 1));
        let window = node.op.window(&inputs);
        let everything =
            field == 0 || matches!(node.op, Op::GlobalAvgPool(_) | Op::Flatten(_) | Op::Linear(_));
        fields.push((
            if everything { 0 } else { field + (window.kernel[0] - 1) * jump },
            jump * window.stride[0],
        ));
        let learned = node.params.iter().map(|id| graph.param(*id)).filter(|p| !p.name.contains(".running_"));
        costs.push(Cost {
            parameters: learned.map(|p| p.dims.iter().product::<usize>() as u64).sum(),
            macs: node.op.macs(&inputs, node.shape),
            receptive_field: fields[fields.len() - 1].0,
            activation_bytes: 4 * node.shape.len() as u64,
        });
    }
    costs
}

/// The cost of the whole network; the receptive field is that of its last node.
pub fn total(graph: &Graph) -> Cost {
    match graph.nodes.len() {
        0 => Cost::default(),
        len => between(&costs(graph), None, NodeId(len - 1)),
    }
}

/// The cost of the nodes after `from` (or from the start) up to and including `to`.
pub fn between(costs: &[Cost], from: Option<NodeId>, to: NodeId) -> Cost {
    let first = from.map_or(0, |id| id.0 + 1);
    costs[first..=to.0].iter().fold(Cost::default(), |sum, cost| Cost {
        parameters: sum.parameters + cost.parameters,
        macs: sum.macs + cost.macs,
        receptive_field: cost.receptive_field,
        activation_bytes: sum.activation_bytes + cost.activation_bytes,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::models;
    use crate::shape::Shape;

    #[test]
    fn resnet18_costs_what_torchvision_says() {
        let graph = models::find("resnet18").unwrap().graph(Shape::new(1, 3, 224, 224), 1000).unwrap();
        let cost = total(&graph);
        assert_eq!(cost.parameters, 11_689_512);
        assert_eq!(cost.macs, 1_814_073_344);
    }

    #[test]
    fn resnet18_sees_435_pixels_at_layer4() {
        let graph = models::find("resnet18").unwrap().graph(Shape::new(1, 3, 224, 224), 1000).unwrap();
        let costs = costs(&graph);
        let field = |name: &str| costs[graph.find(name).unwrap().0].receptive_field;
        assert_eq!(field("conv1"), 7);
        assert_eq!(field("layer1"), 43);
        assert_eq!(field("layer4"), 435);
        assert_eq!(field("avgpool"), 0);
    }
}
