//! What a page or a table shows of networks: plain records that cross to JavaScript as they are.

use serde::Serialize;

use crate::analysis::{self, Cost};
use crate::models::{CATALOGUE, ModelSpec, WeightsFile};
use crate::network::Network;

/// A network of the catalogue, as published.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ModelInfo {
    pub id: &'static str,
    pub title: &'static str,
    pub year: u16,
    pub paper: &'static str,
    pub parameters: u64,
    /// Multiply-accumulates per picture, convolutions and linear layers only.
    pub macs: u64,
    pub input: InputInfo,
    pub classes: usize,
    pub feature_length: usize,
    pub weights: Option<WeightsInfo>,
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
    pub pretrained: bool,
    pub fingerprint: String,
    pub load_ms: f64,
    /// In data-flow order, from the image to the head.
    pub stages: Vec<StageInfo>,
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
}

/// Every network there is, oldest first.
pub fn models() -> Vec<ModelInfo> {
    CATALOGUE.iter().map(ModelInfo::published).collect()
}

impl ModelInfo {
    /// # Panics
    /// If the published network does not build, which the tests rule out.
    pub fn published(spec: &ModelSpec) -> Self {
        let graph = spec.published(1).expect("a published network builds");
        let Cost { parameters, macs, .. } = analysis::total(&graph);
        let features = graph.taps.features.expect("a finished network has features");
        let weights = spec.weights.map(|WeightsFile { file, bytes, sha256, licence }| WeightsInfo {
            file,
            bytes,
            sha256,
            licence,
        });
        Self {
            id: spec.id,
            title: spec.title,
            year: spec.year,
            paper: spec.paper,
            parameters,
            macs,
            input: InputInfo {
                channels: spec.input.channels,
                height: spec.input.height,
                width: spec.input.width,
            },
            classes: spec.classes,
            feature_length: graph.node(features).shape.image(),
            weights,
        }
    }
}

impl NetworkInfo {
    pub fn of(network: &Network, load_ms: f64) -> Self {
        let graph = &network.graph;
        let costs = analysis::costs(graph);
        let mut before = None;
        let stages = graph.taps.stages.iter().map(|stage| {
            let cost = analysis::between(&costs, before, stage.node);
            before = Some(stage.node);
            StageInfo {
                name: stage.name.clone(),
                title: stage.title.clone(),
                shape: graph.node(stage.node).shape.axes(),
                parameters: cost.parameters,
                macs: cost.macs,
                receptive_field: cost.receptive_field,
            }
        });
        let stages = stages.collect();
        let Cost { parameters, macs, .. } = analysis::total(graph);
        let published = ModelInfo::published(network.spec);
        let input = InputInfo {
            channels: network.input.channels,
            height: network.input.height,
            width: network.input.width,
        };
        let feature_length = network.feature_length();
        let model =
            ModelInfo { parameters, macs, input, classes: network.classes, feature_length, ..published };
        Self {
            model,
            pretrained: network.pretrained,
            fingerprint: network.fingerprint.clone(),
            load_ms,
            stages,
        }
    }
}
