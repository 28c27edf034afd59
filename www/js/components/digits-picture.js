// One digit on a canvas of 28 x 28: chalk on a board, as the network gets it.

import { PIXELS, SIDE } from "../digits/idx.js";

/** @param {HTMLCanvasElement} canvas @param {Uint8Array | null} pixels @param {boolean} [seeThrough] without the board */
export function drawDigit(canvas, pixels, seeThrough = false) {
  const picture = new ImageData(SIDE, SIDE);
  for (let at = 0; at < PIXELS; at += 1) {
    const ink = pixels?.[at] ?? 0;
    picture.data.set(seeThrough ? [255, 255, 255, ink] : [ink, ink, ink, 255], 4 * at);
  }
  canvas.getContext("2d")?.putImageData(picture, 0, 0);
}
