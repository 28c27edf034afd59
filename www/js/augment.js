// Other pictures of the same thing: cut out, mirrored, turned, recoloured and covered at random, with torchvision's draws
// (RandomResizedCrop, RandomHorizontalFlip, RandomRotation, ColorJitter) and DeVries and Taylor's cutout of 2017, all
// gentle, because a class has few pictures here. The same seed gives the same picture. Knows no training.

import { random } from "./random.js";

/** @typedef {"crop" | "flip" | "turn" | "colour" | "cutout"} Change */

/** Variants of each picture that a run learns from in turn. */
export const VARIANTS = 4;
/** Pixels of a variant's shorter side: what most networks see. */
const SIDE = 256;
/** Least share of the area that a crop keeps, and its proportions; degrees of a turn; the most that colours change. */
const SCALE = 0.4;
const RATIO = 4 / 3;
const TURN = 15;
const JITTER = { brightness: 0.3, contrast: 0.3, saturation: 0.3, hue: 0.04 };
/** Share of the shorter side that is covered, and what with. */
const HOLE = 0.35;
const GREY = "#808080";
const ATTEMPTS = 10;

/**
 * A variant of a picture. Everything is drawn in any case, so that one change more leaves the others as they are.
 * @param {ImageBitmap | OffscreenCanvas | HTMLCanvasElement} picture @param {Change[]} changes @param {number} seed
 * @returns {OffscreenCanvas}
 */
export function varied(picture, changes, seed) {
  const next = random(seed);
  const drawn = { part: crop(picture.width, picture.height, next), mirrored: next() < 0.5, turn: ((2 * next() - 1) * TURN * Math.PI) / 180, colours: colours(next), hole: [next(), next()] };
  const has = (/** @type {Change} */ change) => changes.includes(change);
  const part = has("crop") ? drawn.part : { x: 0, y: 0, width: picture.width, height: picture.height };
  const scale = SIDE / Math.min(part.width, part.height);
  // A crop of other proportions is stretched to a square, as the network will see it.
  const [width, height] = has("crop") ? [SIDE, SIDE] : [Math.round(part.width * scale), Math.round(part.height * scale)];
  const canvas = new OffscreenCanvas(width, height);
  const pen = /** @type {OffscreenCanvasRenderingContext2D} */ (canvas.getContext("2d", { willReadFrequently: true }));
  pen.imageSmoothingQuality = "high";
  pen.fillStyle = GREY;
  if (has("turn")) pen.fillRect(0, 0, width, height);
  pen.translate(width / 2, height / 2);
  if (has("turn")) pen.rotate(drawn.turn);
  if (has("flip") && drawn.mirrored) pen.scale(-1, 1);
  pen.drawImage(picture, part.x, part.y, part.width, part.height, -width / 2, -height / 2, width, height);
  pen.resetTransform();
  if (has("colour")) recolour(pen, width, height, drawn.colours);
  if (has("cutout")) {
    const side = HOLE * Math.min(width, height);
    const [x, y] = /** @type {[number, number]} */ (drawn.hole);
    pen.fillRect(x * width - side / 2, y * height - side / 2, side, side);
  }
  return canvas;
}

/** A part of the picture: a share of the area, and proportions on a logarithmic scale. @param {number} width @param {number} height @param {() => number} next */
function crop(width, height, next) {
  let found = { x: 0, y: 0, width, height };
  for (let attempt = 0; attempt < ATTEMPTS; attempt += 1) {
    const [area, ratio, x, y] = [width * height * (SCALE + (1 - SCALE) * next()), RATIO ** (2 * next() - 1), next(), next()];
    const part = { width: Math.round(Math.sqrt(area * ratio)), height: Math.round(Math.sqrt(area / ratio)) };
    const fits = part.width >= 1 && part.height >= 1 && part.width <= width && part.height <= height;
    if (fits && found.width === width && found.height === height) found = { ...part, x: Math.floor(x * (width - part.width + 1)), y: Math.floor(y * (height - part.height + 1)) };
  }
  return found;
}

/** @param {() => number} next */
function colours(next) {
  const around = (/** @type {number} */ most) => 1 + most * (2 * next() - 1);
  return { brightness: around(JITTER.brightness), contrast: around(JITTER.contrast), saturation: around(JITTER.saturation), hue: 2 * Math.PI * JITTER.hue * (2 * next() - 1) };
}

/** Brightness, contrast, saturation and hue, one after the other. @param {OffscreenCanvasRenderingContext2D} pen @param {number} width @param {number} height @param {ReturnType<typeof colours>} by */
function recolour(pen, width, height, { brightness, contrast, saturation, hue }) {
  const image = pen.getImageData(0, 0, width, height);
  const { data } = image;
  const luma = (/** @type {number} */ at) => 0.299 * (data[at] ?? 0) + 0.587 * (data[at + 1] ?? 0) + 0.114 * (data[at + 2] ?? 0);
  let mean = 0;
  for (let at = 0; at < data.length; at += 4) mean += (4 * brightness * luma(at)) / data.length;
  const [cos, sin] = [Math.cos(hue), Math.sin(hue)];
  for (let at = 0; at < data.length; at += 4) {
    const light = brightness * luma(at);
    // Away from grey by red and blue, as television has it; the hue turns the two.
    const [u, v] = [brightness * (data[at + 2] ?? 0) - light, brightness * (data[at] ?? 0) - light].map((value) => value * contrast * saturation);
    const [blue, red] = [(u ?? 0) * cos - (v ?? 0) * sin, (u ?? 0) * sin + (v ?? 0) * cos];
    const grey = contrast * light + (1 - contrast) * mean;
    data[at] = grey + red;
    data[at + 1] = grey - (0.299 * red + 0.114 * blue) / 0.587;
    data[at + 2] = grey + blue;
  }
  pen.putImageData(image, 0, 0);
}
