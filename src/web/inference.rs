//! Running the network: raw tensors in and out, and pictures.

use wasm_bindgen::prelude::*;

use super::{Engine, known, sentence, to_js};
use crate::graph::NodeId;
use crate::network::Network;
use crate::transfer::loss::softmax;

/// Entries of a classification that are reported.
const TOP: usize = 5;

#[derive(serde::Serialize)]
struct Guess {
    index: usize,
    label: String,
    probability: f32,
}

#[derive(serde::Serialize)]
struct FeatureMaps {
    stage: String,
    channels: usize,
    height: usize,
    width: usize,
    #[serde(with = "serde_bytes")]
    tiles: Vec<u8>,
}

#[wasm_bindgen]
impl Engine {
    /// Logits `[batch, classes]` of a batch of prepared pictures, `x` of `[batch, c, h, w]`.
    pub async fn forward(&self, x: Vec<f32>, batch: usize) -> Result<Vec<f32>, JsError> {
        self.run(|network| network.logits().map_err(sentence), &x, batch).await
    }

    /// Features `[batch, featureLength]` of a batch of prepared pictures: the input of the last linear layer.
    pub async fn features(&self, x: Vec<f32>, batch: usize) -> Result<Vec<f32>, JsError> {
        self.run(|network| Ok(network.features()), &x, batch).await
    }

    /// The output of any layer or block by its dotted name, `layer2.0.conv1` or `layer2`: `[batch, c, h, w]`.
    pub async fn activation(&self, name: String, x: Vec<f32>, batch: usize) -> Result<Vec<f32>, JsError> {
        self.run(|network| network.graph.find(&name).map_err(sentence), &x, batch).await
    }

    /// The five likeliest classes of the network's own last layer, likeliest first.
    #[wasm_bindgen(unchecked_return_type = "Guess[]")]
    pub async fn classify(
        &self,
        #[wasm_bindgen(unchecked_param_type = "Picture")] picture: JsValue,
    ) -> Result<JsValue, JsError> {
        let loaded = self.loaded()?;
        let x = self.prepared(&picture)?;
        let mut probabilities = self.run(|network| network.logits().map_err(sentence), &x, 1).await?;
        softmax(&mut probabilities);
        let mut order: Vec<usize> = (0..probabilities.len()).collect();
        order.sort_by(|a, b| probabilities[*b].total_cmp(&probabilities[*a]));
        let names = known(loaded.info.model.id)?.classes.names();
        let named = loaded.info.pretrained && loaded.info.model.classes == names.len();
        let guess = |&index: &usize| Guess {
            index,
            label: if named { names[index].into() } else { format!("class {index}") },
            probability: probabilities[index],
        };
        to_js(&order.iter().take(TOP).map(guess).collect::<Vec<_>>())
    }

    /// What the network sees of a picture, `[1, c, h, w]`: resized, cropped and normalised.
    pub fn preprocess(
        &self,
        #[wasm_bindgen(unchecked_param_type = "Picture")] picture: JsValue,
    ) -> Result<Vec<f32>, JsError> {
        self.prepared(&picture)
    }

    /// The first `count` channels of every stage for one picture, each scaled to its own range, 0 to 255.
    #[wasm_bindgen(js_name = featureMaps, unchecked_return_type = "FeatureMaps[]")]
    pub async fn feature_maps(
        &self,
        #[wasm_bindgen(unchecked_param_type = "Picture")] picture: JsValue,
        count: usize,
    ) -> Result<JsValue, JsError> {
        let x = self.prepared(&picture)?;
        let mut slot = self.network.lock().await;
        let network = slot.as_mut().ok_or_else(|| sentence("no network is loaded; call load() first"))?;
        let stages = network.graph.taps.stages.clone();
        let nodes: Vec<NodeId> = stages.iter().map(|stage| stage.node).collect();
        let values = network.run(&self.backend, &nodes, &x, 1).await.map_err(sentence)?;
        let maps = stages.iter().zip(&values).map(|(stage, values)| {
            let shape = network.graph.node(stage.node).shape;
            let tiles = values.chunks_exact(shape.plane()).take(count).flat_map(scaled).collect();
            FeatureMaps {
                stage: stage.name.clone(),
                channels: shape.c,
                height: shape.h,
                width: shape.w,
                tiles,
            }
        });
        let maps: Vec<FeatureMaps> = maps.collect();
        // Bytes become a Uint8Array only without the JSON-compatible serializer.
        serde::Serialize::serialize(&maps, &serde_wasm_bindgen::Serializer::new()).map_err(sentence)
    }
}

impl Engine {
    /// Runs the loaded network up to one node.
    pub(super) async fn run(
        &self,
        output: impl FnOnce(&Network) -> Result<NodeId, JsError>,
        x: &[f32],
        batch: usize,
    ) -> Result<Vec<f32>, JsError> {
        let mut slot = self.network.lock().await;
        let network = slot.as_mut().ok_or_else(|| sentence("no network is loaded; call load() first"))?;
        let output = output(network)?;
        let mut values = network.run(&self.backend, &[output], x, batch).await.map_err(sentence)?;
        Ok(values.pop().expect("one output was asked for"))
    }
}

/// One channel over its own range; a constant one is black.
fn scaled(channel: &[f32]) -> impl Iterator<Item = u8> + '_ {
    let low = channel.iter().copied().fold(f32::INFINITY, f32::min);
    let high = channel.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let scale = if high > low { 255.0 / (high - low) } else { 0.0 };
    channel.iter().map(move |v| ((v - low) * scale) as u8)
}
