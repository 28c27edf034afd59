//! Pictures from JavaScript as RGBA bytes.

use js_sys::{Reflect, Uint8Array, Uint8ClampedArray};
use wasm_bindgen::prelude::*;
use web_sys::{ImageBitmap, ImageData, OffscreenCanvas, OffscreenCanvasRenderingContext2d};

use super::{Engine, field, sentence};
use crate::image::{InputSpec, preprocess};
use crate::shape::Shape;
use crate::tensor::Tensor;

/// Upright RGBA bytes, row by row.
struct Rgba {
    bytes: Vec<u8>,
    width: usize,
    height: usize,
}

impl Engine {
    /// The picture as the loaded network sees it, `[1, c, h, w]`.
    pub(super) fn prepared(&self, picture: &JsValue) -> Result<Vec<f32>, JsError> {
        prepare(picture, &self.loaded()?.input)
    }
}

/// The picture as a network with that input sees it, `[1, c, h, w]`.
pub(super) fn prepare(picture: &JsValue, input: &InputSpec) -> Result<Vec<f32>, JsError> {
    let Rgba { bytes, width, height } = read(picture)?;
    preprocess(&bytes, width, height, input).map_err(sentence)
}

/// The picture as it is, `[1, channels, h, w]` in units of 0..255.
pub(super) fn planes(picture: &JsValue, channels: usize) -> Result<Tensor<f32>, JsError> {
    let Rgba { bytes, width, height } = read(picture)?;
    let as_it_is = InputSpec::plain(channels, height, width);
    let values = preprocess(&bytes, width, height, &as_it_is).map_err(sentence)?;
    Ok(Tensor::new(Shape::new(1, channels, height, width), values))
}

fn read(picture: &JsValue) -> Result<Rgba, JsError> {
    if let Some(bitmap) = picture.dyn_ref::<ImageBitmap>() {
        return drawn(bitmap);
    }
    let side = |name| field(picture, name).and_then(|v| v.as_f64()).map(|v| v as usize);
    let data = field(picture, "data");
    let bytes = data.as_ref().and_then(|data| {
        let clamped = data.dyn_ref::<Uint8ClampedArray>().map(Uint8ClampedArray::to_vec);
        clamped.or_else(|| data.dyn_ref::<Uint8Array>().map(Uint8Array::to_vec))
    });
    match (bytes, side("width"), side("height")) {
        (Some(bytes), Some(width), Some(height)) => Ok(Rgba { bytes, width, height }),
        _ => Err(sentence(
            "a picture is an ImageBitmap, an ImageData, or { data, width, height } with RGBA bytes",
        )),
    }
}

/// A bitmap's pixels, by way of a canvas: the one way that every browser has.
fn drawn(bitmap: &ImageBitmap) -> Result<Rgba, JsError> {
    let failed = |_| sentence("this browser cannot read the pixels of a picture");
    let (width, height) = (bitmap.width(), bitmap.height());
    if width == 0 || height == 0 {
        return Err(sentence("this picture has no pixels; it may have been closed or transferred already"));
    }
    let canvas = OffscreenCanvas::new(width, height).map_err(failed)?;
    let settings = js_sys::Object::new();
    Reflect::set(&settings, &"willReadFrequently".into(), &true.into()).map_err(failed)?;
    let context = canvas.get_context_with_context_options("2d", &settings).map_err(failed)?;
    let context: OffscreenCanvasRenderingContext2d =
        context.and_then(|c| c.dyn_into().ok()).ok_or_else(|| failed(JsValue::NULL))?;
    context.draw_image_with_image_bitmap(bitmap, 0.0, 0.0).map_err(failed)?;
    let image: ImageData =
        context.get_image_data(0.0, 0.0, f64::from(width), f64::from(height)).map_err(failed)?;
    Ok(Rgba { bytes: image.data().0, width: width as usize, height: height as usize })
}
