// Other ways of writing the same digit: turned, moved, larger or smaller, partly covered. The same seed gives the same
// digit. Pure.

import { random } from "../random.js";
import { PIXELS, SIDE } from "./idx.js";

/** Degrees, pixels, share of the size, and pixels of the cover's side. */
const TURN = 12;
const MOVE = 2;
const SIZE = 0.12;
const COVER = 9;

/** @typedef {{ turn: boolean, cover: boolean }} Changes */

/** @param {Uint8Array} pixels @param {Changes} changes @param {number} seed @returns {Uint8Array} */
export function variedDigit(pixels, { turn, cover }, seed) {
  const next = random(seed);
  const around = (/** @type {number} */ most) => most * (2 * next() - 1);
  const drawn = { angle: (around(TURN) * Math.PI) / 180, size: 1 + around(SIZE), x: around(MOVE), y: around(MOVE) };
  const [left, top] = [Math.floor(next() * SIDE) - COVER / 2, Math.floor(next() * SIDE) - COVER / 2];
  const varied = turn ? moved(pixels, drawn) : pixels.slice();
  for (let at = 0; cover && at < PIXELS; at += 1) {
    const [x, y] = [at % SIDE, Math.floor(at / SIDE)];
    if (x >= left && x < left + COVER && y >= top && y < top + COVER) varied[at] = 0;
  }
  return varied;
}

/** Each pixel from where it comes, between its four neighbours there; what is outside is paper. @param {Uint8Array} pixels @param {{ angle: number, size: number, x: number, y: number }} by */
function moved(pixels, { angle, size, x: right, y: down }) {
  const [cos, sin, middle] = [Math.cos(angle) / size, Math.sin(angle) / size, (SIDE - 1) / 2];
  const ink = (/** @type {number} */ x, /** @type {number} */ y) => (x < 0 || y < 0 || x >= SIDE || y >= SIDE ? 0 : (pixels[y * SIDE + x] ?? 0));
  return Uint8Array.from({ length: PIXELS }, (_, at) => {
    const [x, y] = [(at % SIDE) - middle - right, Math.floor(at / SIDE) - middle - down];
    const [fromX, fromY] = [x * cos + y * sin + middle, y * cos - x * sin + middle];
    const [left, top] = [Math.floor(fromX), Math.floor(fromY)];
    const [shareX, shareY] = [fromX - left, fromY - top];
    const row = (/** @type {number} */ line) => ink(left, line) * (1 - shareX) + ink(left + 1, line) * shareX;
    return Math.round(row(top) * (1 - shareY) + row(top + 1) * shareY);
  });
}
