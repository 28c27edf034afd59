//! What a page or a table shows of networks: plain records that cross to JavaScript as they are.

use serde::Serialize;

use crate::analysis::{self, Cost};
use crate::graph::{Graph, NodeId};
use crate::models::{Accuracy, CATALOGUE, ModelSpec, WeightsFile, find};
use crate::net::Part;
use crate::network::Network;
use crate::plan::Plan;
use crate::weights::{Checkpoint, Nearest, Parameters};

/// A network of the catalogue, as published.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ModelInfo {
    pub id: &'static str,
    pub title: &'static str,
    pub family: &'static str,
    pub year: u16,
    pub paper: &'static str,
    /// Layers with weights, as the paper counts them.
    pub depth: usize,
    /// What the paper says of the network, where it does.
    pub figures: FiguresInfo,
    pub accuracy: Option<AccuracyInfo>,
    pub parameters: u64,
    /// Multiply-accumulates per picture, convolutions and linear layers only.
    pub macs: u64,
    /// The same two without the classifier.
    pub trunk_parameters: u64,
    pub trunk_macs: u64,
    /// Bytes of the trunk's activations that are held at once, for one picture.
    pub activation_bytes: usize,
    pub input: InputInfo,
    pub classes: usize,
    /// What the published network was trained on.
    pub dataset: &'static str,
    pub feature_length: usize,
    /// Length of the features when the trunk alone is loaded.
    pub trunk_feature_length: usize,
    pub weights: Option<WeightsInfo>,
}

#[derive(Clone, Copy, Debug, Serialize)]
pub struct FiguresInfo {
    pub parameters: Option<u64>,
    pub macs: Option<u64>,
}

#[derive(Clone, Copy, Debug, Serialize)]
pub struct AccuracyInfo {
    /// Percent of the dataset's pictures that nobody trained on.
    pub top1: f32,
    pub source: &'static str,
}

#[derive(Clone, Copy, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct InputInfo {
    pub channels: usize,
    pub height: usize,
    pub width: usize,
}

#[derive(Clone, Copy, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct WeightsInfo {
    pub file: &'static str,
    pub bytes: u64,
    pub sha256: &'static str,
    pub licence: &'static str,
}

/// The network that is loaded.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct NetworkInfo {
    #[serde(flatten)]
    pub model: ModelInfo,
    /// Whether it was loaded without its classifier.
    pub trunk: bool,
    pub pretrained: bool,
    pub fingerprint: String,
    pub load_ms: f64,
    /// In data-flow order, from the image to the head.
    pub stages: Vec<StageInfo>,
}

/// What a diagram of a network is drawn from.
#[derive(Clone, Debug, Serialize)]
pub struct Architecture {
    /// Inputs precede their readers; the first is the image.
    pub nodes: Vec<NodeInfo>,
    /// In data-flow order.
    pub stages: Vec<StageInfo>,
}

#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct NodeInfo {
    pub name: String,
    /// "Conv2d", for instance.
    pub kind: &'static str,
    /// Indices of the nodes it reads.
    pub inputs: Vec<usize>,
    pub shape: [usize; 4],
    pub parameters: u64,
    pub macs: u64,
    /// As in [`StageInfo`].
    pub receptive_field: usize,
    /// Side of the square that one value sees of the layer's own input, and pixels from one to the next.
    pub kernel: usize,
    pub stride: usize,
    /// Dotted name of the innermost block it is in.
    pub block: Option<String>,
}

#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct StageInfo {
    pub name: String,
    pub title: String,
    pub shape: [usize; 4],
    pub parameters: u64,
    pub macs: u64,
    /// Side of the square of input pixels that one output value sees; 0 is the whole image.
    pub receptive_field: usize,
    /// Index of its last layer.
    pub node: usize,
}

/// What a file of weights is for.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Inspection {
    /// The network that the file was held against, if it fits.
    pub fits: Option<&'static str>,
    /// How much of that network the file has: "whole" or "trunk".
    pub part: Option<&'static str>,
    /// Where it does not fit: why, in one sentence, and every tensor that differs, a line each.
    pub sentence: String,
    pub details: String,
    pub nearest: Option<NearestInfo>,
}

#[derive(Clone, Copy, Debug, Serialize)]
pub struct NearestInfo {
    pub id: &'static str,
    pub title: &'static str,
    /// Tensors that differ; a classifier of other classes, or none, is no difference.
    pub differences: usize,
}

/// Every network there is, oldest first.
pub fn models() -> Vec<ModelInfo> {
    CATALOGUE.iter().map(ModelInfo::published).collect()
}

impl ModelInfo {
    /// # Panics
    /// If the published network does not build, which the tests rule out.
    pub fn published(spec: &ModelSpec) -> Self {
        let builds = "a published network builds";
        let (graph, trunk) = (spec.published(1).expect(builds), spec.trunk(spec.shape(1)).expect(builds));
        let Cost { parameters, macs, .. } = analysis::total(&graph);
        let trunk_cost = analysis::total(&trunk);
        let features = |graph: &Graph| graph.taps.features.expect("a finished network has features");
        let length = |graph: &Graph| graph.node(features(graph)).shape.image();
        let weights = spec.weights.map(|WeightsFile { file, bytes, sha256, licence }| WeightsInfo {
            file,
            bytes,
            sha256,
            licence,
        });
        Self {
            id: spec.id,
            title: spec.title,
            family: spec.family,
            year: spec.year,
            paper: spec.paper,
            depth: spec.depth,
            figures: FiguresInfo { parameters: spec.figures.parameters, macs: spec.figures.macs },
            accuracy: spec.accuracy.map(|Accuracy { top1, source }| AccuracyInfo { top1, source }),
            parameters,
            macs,
            trunk_parameters: trunk_cost.parameters,
            trunk_macs: trunk_cost.macs,
            activation_bytes: Plan::new(&trunk, &[features(&trunk)]).activation_bytes(),
            input: InputInfo {
                channels: spec.input.channels,
                height: spec.input.height,
                width: spec.input.width,
            },
            classes: spec.classes.count(),
            dataset: spec.classes.dataset(),
            feature_length: length(&graph),
            trunk_feature_length: length(&trunk),
            weights,
        }
    }
}

impl NetworkInfo {
    /// Counts are those of what was loaded.
    pub fn of(network: &Network, load_ms: f64) -> Self {
        let stages = stages(&network.graph, &analysis::costs(&network.graph));
        let Cost { parameters, macs, .. } = analysis::total(&network.graph);
        let published = ModelInfo::published(network.spec);
        let input = InputInfo {
            channels: network.input.channels,
            height: network.input.height,
            width: network.input.width,
        };
        let feature_length = network.feature_length();
        let classes = network.part.classes().unwrap_or(0);
        let model = ModelInfo { parameters, macs, input, classes, feature_length, ..published };
        Self {
            model,
            trunk: network.part == Part::Trunk,
            pretrained: network.pretrained,
            fingerprint: network.fingerprint.clone(),
            load_ms,
            stages,
        }
    }
}

impl Architecture {
    /// Of any graph before fusion.
    pub fn of(graph: &Graph) -> Self {
        let costs = analysis::costs(graph);
        let node = |(i, cost): (usize, &Cost)| {
            let node = graph.node(NodeId(i));
            let inputs: Vec<_> = node.inputs.iter().map(|id| graph.node(*id).shape).collect();
            let window = node.op.window(&inputs);
            NodeInfo {
                name: node.name.clone(),
                kind: node.op.kind(),
                inputs: node.inputs.iter().map(|id| id.0).collect(),
                shape: node.shape.axes(),
                parameters: cost.parameters,
                macs: cost.macs,
                receptive_field: cost.receptive_field,
                kernel: window.kernel[0],
                stride: window.stride[0],
                block: graph.block(NodeId(i)).map(str::to_string),
            }
        };
        Self { nodes: costs.iter().enumerate().map(node).collect(), stages: stages(graph, &costs) }
    }
}

impl Inspection {
    /// Of a file for `spec`, or else for the network that it comes closest to. Only names and shapes are looked at.
    pub fn of(file: &Checkpoint, spec: Option<&'static ModelSpec>) -> Self {
        let nearest = file.nearest();
        let closest = nearest.as_ref().and_then(|nearest| find(nearest.id));
        let nearest =
            nearest.map(|Nearest { id, title, differences }| NearestInfo { id, title, differences });
        let mut found = Self { nearest, ..Self::default() };
        let Some(spec) = spec.or(closest) else {
            found.sentence = "the weights are of no network that is known here; choose another file".into();
            found.details = file.names().map(|(name, dims)| format!("{name} {dims:?}\n")).collect();
            return found;
        };
        let builds = "a published network builds";
        for (part, graph) in [("whole", spec.published(1)), ("trunk", spec.trunk(spec.shape(1)))] {
            match Parameters::from_checkpoint(file.clone(), &graph.expect(builds), false, 0) {
                Ok(_) => return Self { fits: Some(spec.id), part: Some(part), nearest, ..Self::default() },
                Err(error) => {
                    found.sentence = error.to_string();
                    found.details = format!("{error:#}");
                }
            }
        }
        found
    }
}

fn stages(graph: &Graph, costs: &[Cost]) -> Vec<StageInfo> {
    let mut before = None;
    let stages = graph.taps.stages.iter().map(|stage| {
        let cost = analysis::between(costs, before, stage.node);
        before = Some(stage.node);
        StageInfo {
            name: stage.name.clone(),
            title: stage.title.clone(),
            shape: graph.node(stage.node).shape.axes(),
            parameters: cost.parameters,
            macs: cost.macs,
            receptive_field: cost.receptive_field,
            node: stage.node.0,
        }
    });
    stages.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    #[test]
    fn a_diagram_shows_the_shortcut_around_a_residual_block() {
        let diagram = Architecture::of(&find("resnet18").unwrap().published(1).unwrap());
        let at = |name: &str| diagram.nodes.iter().position(|node| node.name == name).unwrap();
        let add = &diagram.nodes[at("layer1.0.add")];
        assert_eq!(add.inputs, [at("layer1.0.bn2"), at("maxpool")]);
        assert_eq!(add.block.as_deref(), Some("layer1.0"));
        assert_eq!(diagram.nodes[at("layer2.0.downsample.0")].block.as_deref(), Some("layer2.0.downsample"));
        let conv1 = &diagram.nodes[at("conv1")];
        assert_eq!((conv1.kernel, conv1.stride, conv1.block.as_deref()), (7, 2, None));
        assert_eq!(diagram.nodes[diagram.stages[1].node].name, "layer1.1.relu2");
    }

    #[test]
    fn a_file_is_recognised_by_its_tensors_and_a_stranger_is_listed() {
        let file = std::fs::read("www/models/efficientnet_lite0.f16.safetensors").unwrap();
        let file = Checkpoint::read(file).unwrap();
        let found = Inspection::of(&file, None);
        assert_eq!(
            (found.fits, found.part),
            (Some("efficientnet_lite0"), Some("whole")),
            "{}",
            found.sentence
        );
        let wrong = Inspection::of(&file, find("resnet18"));
        assert_eq!((wrong.fits, wrong.nearest.map(|nearest| nearest.differences)), (None, Some(0)));
        assert!(wrong.details.lines().count() > 100, "{}", wrong.details);
    }

    #[test]
    fn stages_and_classifier_add_up_to_the_network() {
        for spec in &CATALOGUE {
            let (model, graph) = (ModelInfo::published(spec), spec.published(1).unwrap());
            let Architecture { nodes, stages } = Architecture::of(&graph);
            let whole: u64 = nodes.iter().map(|node| node.parameters).sum();
            let last = graph.node(graph.taps.logits.unwrap());
            let classifier: u64 = nodes.iter().filter(|n| n.name == last.name).map(|n| n.parameters).sum();
            let in_stages: u64 = stages.iter().map(|stage| stage.parameters).sum();
            assert_eq!((in_stages + classifier, whole), (model.parameters, model.parameters), "{}", spec.id);
            assert!(model.trunk_parameters <= in_stages, "{}", spec.id);
        }
    }
}
