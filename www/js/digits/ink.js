// From a drawing to a picture as MNIST has them: the ink's box becomes 20 pixels at its longer side, and its centre of mass
// the centre of 28 x 28. Knows no canvas: ink comes as numbers.

import { PIXELS, SIDE } from "./idx.js";

const BOX = 20;

/**
 * `ink` has 255 where there is ink, `side` x `side`; none at all gives null.
 * @param {ArrayLike<number>} ink @param {number} side @returns {Uint8Array | null}
 */
export function asDigit(ink, side) {
  let [left, right, top, bottom, mass, sumX, sumY] = [side, -1, side, -1, 0, 0, 0];
  for (let y = 0; y < side; y += 1) {
    for (let x = 0; x < side; x += 1) {
      const value = ink[y * side + x] ?? 0;
      if (value === 0) continue;
      [left, right, top, bottom] = [Math.min(left, x), Math.max(right, x), Math.min(top, y), Math.max(bottom, y)];
      mass += value;
      sumX += value * (x + 0.5);
      sumY += value * (y + 0.5);
    }
  }
  if (mass === 0) return null;
  // Pixels of the drawing in one of the digit's.
  const step = Math.max(right - left + 1, bottom - top + 1) / BOX;
  const from = (/** @type {number} */ middle, /** @type {number} */ at) => middle + (at - SIDE / 2) * step;
  const [middleX, middleY] = [sumX / mass, sumY / mass];
  return Uint8Array.from({ length: PIXELS }, (_, at) => {
    const [x, y] = [from(middleX, at % SIDE), from(middleY, Math.floor(at / SIDE))];
    return Math.round(average(ink, side, x, y, step));
  });
}

/**
 * The mean ink of a square, of which a part may be outside, where there is none.
 * @param {ArrayLike<number>} ink @param {number} side @param {number} x @param {number} y @param {number} step
 */
function average(ink, side, x, y, step) {
  let sum = 0;
  for (let row = Math.max(0, Math.floor(y)); row < Math.min(side, y + step); row += 1) {
    const high = overlap(row, y, step);
    for (let column = Math.max(0, Math.floor(x)); column < Math.min(side, x + step); column += 1) sum += (ink[row * side + column] ?? 0) * high * overlap(column, x, step);
  }
  return sum / (step * step);
}

/** How much of the pixel at `at` the stretch from `start` covers. @param {number} at @param {number} start @param {number} length */
function overlap(at, start, length) {
  return Math.max(0, Math.min(at + 1, start + length) - Math.max(at, start));
}
