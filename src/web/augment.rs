//! Changed pictures of the same thing: what a run learns from, to be looked at, and for whoever drives a trainer.

use js_sys::{Array, Uint8ClampedArray};
use wasm_bindgen::prelude::*;

use super::examples::object;
use super::picture::planes;
use super::trainer::WebTrainer;
use super::{Engine, finetune, sentence};
use crate::augment::device::{self, Augmenter, Framed};
use crate::augment::row::{self, Row};
use crate::augment::{self, Augmentation};
use crate::image::{InputSpec, Order};

#[wasm_bindgen]
impl Engine {
    /// What the loaded network sees of a picture that is changed, once for each of `count`: the variants of the first example
    /// of a run with that seed.
    #[wasm_bindgen(unchecked_return_type = "{ data: Uint8ClampedArray, width: number, height: number }[]")]
    pub async fn variants(
        &self,
        #[wasm_bindgen(unchecked_param_type = "Picture")] picture: JsValue,
        #[wasm_bindgen(unchecked_param_type = "Change[]")] changes: JsValue,
        seed: u32,
        count: usize,
    ) -> Result<JsValue, JsError> {
        let (steps, input) = (read(changes)?, self.loaded()?.input);
        let Framed { values, size } = framed(&picture, &input)?;
        let augmenter = Augmenter::new(&input, device::frame(&input), 1, &self.backend).await;
        let mut augmenter = augmenter.map_err(sentence)?;
        let pictures = Array::new();
        for variant in 0..count {
            let seed = augment::seed_of(u64::from(seed), variant as u64, 0);
            let row = Row::draw(&steps, size, &input, seed).map_err(sentence)?;
            let seen = augmenter.run(&values, &[row]).await.map_err(sentence)?;
            let data = Uint8ClampedArray::from(&rgba(&seen, &input)[..]);
            let (width, height) = (input.width as u32, input.height as u32);
            pictures.push(&object([
                ("data", data.into()),
                ("width", width.into()),
                ("height", height.into()),
            ])?);
        }
        Ok(pictures.into())
    }
}

#[wasm_bindgen(js_class = Trainer)]
impl WebTrainer {
    /// Prepared pictures, `x` of `[n, c, h, w]`, changed, with a seed for each: what `step` is to learn from.
    pub async fn varied(
        &self,
        x: Vec<f32>,
        seeds: Vec<u32>,
        #[wasm_bindgen(unchecked_param_type = "Change[]")] changes: JsValue,
    ) -> Result<Vec<f32>, JsError> {
        let (steps, input) = (read(changes)?, self.input);
        let size = [input.height, input.width];
        let rows: Result<Vec<Row>, _> =
            seeds.iter().map(|&seed| Row::draw(&steps, size, &input, u64::from(seed))).collect();
        let rows = rows.map_err(sentence)?;
        let mut slot = self.augmenter.lock().await;
        if slot.as_ref().is_none_or(|augmenter| augmenter.batch() != rows.len()) {
            let augmenter = Augmenter::new(&input, size, rows.len(), &self.backend).await;
            *slot = Some(augmenter.map_err(sentence)?);
        }
        let pixels = x.chunks_exact(input.len().max(1)).flat_map(|picture| pixels(picture, &input));
        let pixels: Vec<f32> = pixels.collect();
        let augmenter = slot.as_mut().expect("just prepared");
        augmenter.run(&pixels, &rows).await.map_err(sentence)
    }
}

/// A picture that is to be changed before a network with that input.
pub(super) fn framed(picture: &JsValue, input: &InputSpec) -> Result<Framed, JsError> {
    Ok(device::framed(planes(picture, input.channels)?, device::frame(input)))
}

/// Read as a part of a run's settings, which they are.
fn read(changes: JsValue) -> Result<Vec<Augmentation>, JsError> {
    let steps = finetune::read(&object([("augmentation", changes)])?)?.augmentation;
    row::check(&steps).map_err(sentence)?;
    Ok(steps)
}

/// Red, green and blue, or grey, in units of 0..255, of one prepared picture.
fn pixels(x: &[f32], input: &InputSpec) -> Vec<f32> {
    let &InputSpec { channels, height, width, order, mean, std, .. } = input;
    let colour = |c: usize| if order == Order::Bgr { channels - 1 - c } else { c };
    let plane =
        |c: usize| x[c * height * width..][..height * width].iter().map(move |v| v * std[c] + mean[c]);
    (0..channels).flat_map(|c| plane(colour(c))).collect()
}

fn rgba(x: &[f32], input: &InputSpec) -> Vec<u8> {
    let (pixels, plane) = (pixels(x, input), input.height * input.width);
    let of = |at: usize, c: usize| pixels[c.min(input.channels - 1) * plane + at].round() as u8;
    (0..plane).flat_map(|at| [of(at, 0), of(at, 1), of(at, 2), 255]).collect()
}
