// Files of digits and drawings of digits, without a browser.

import assert from "node:assert/strict";
import { test } from "node:test";
import { gzipSync } from "node:zlib";
import { readDigits } from "../../www/js/digits/idx.js";
import { asDigit } from "../../www/js/digits/ink.js";
import { idx } from "./idx.mjs";

const pictures = (count, side = 28) => idx([count, side, side], (at) => at % 256);
const labels = (count, most = 10) => idx([count], (at) => at % most);
const files = (...contents) => contents.map((content, at) => ({ name: `file-${at}`, content: new Blob([content]) }));

test("two pairs are told apart by their counts, in any order, packed or not", async () => {
  const { learn, held } = await readDigits(files(labels(4), gzipSync(pictures(30)), pictures(4), gzipSync(labels(30))));
  assert.deepEqual([learn.labels.length, held.labels.length], [30, 4]);
  assert.deepEqual([learn.pixels.length, held.pixels.length], [30 * 784, 4 * 784]);
  assert.deepEqual([learn.pixels[5], [...held.labels]], [5, [0, 1, 2, 3]]);
});

test("of one pair the last sixth is kept apart", async () => {
  const { learn, held } = await readDigits(files(pictures(30), labels(30)));
  assert.deepEqual([learn.labels.length, held.labels.length], [25, 5]);
  assert.deepEqual([...held.labels], [5, 6, 7, 8, 9]);
  assert.equal(held.pixels.length, 5 * 784);
});

const packed = gzipSync(pictures(30));
for (const [what, contents, sentence] of /** @type {[string, Buffer[], RegExp][]} */ ([
  ["a text", [Buffer.from("hello, this is a text")], /file-0 holds no digits.*train-images/],
  ["an empty file", [Buffer.alloc(0)], /file-0 holds no digits/],
  ["a file cut short", [pictures(30).subarray(0, 20_000), labels(30)], /file-0 is damaged.*30 pictures and has 25/],
  ["a damaged packed file", [packed.subarray(0, packed.length - 20), labels(30)], /file-0 is damaged.*unpacked/],
  ["pictures of another size", [pictures(30, 32), labels(30)], /32 x 32 pixels; digits are 28 x 28/],
  ["labels that are no digits", [pictures(30), labels(30, 26)], /label 11 is 10, and a digit is 0 to 9/],
  ["pictures alone", [pictures(30)], /30 pictures.*as many labels/],
  ["labels alone", [labels(30)], /30 labels.*as many pictures/],
  ["labels of other pictures", [pictures(30), labels(29)], /30 pictures.*as many labels/],
  ["three pairs", [pictures(30), labels(30), pictures(4), labels(4), pictures(5), labels(5)], /3 sets/],
  ["a pair too small to divide", [pictures(3), labels(3)], /too few/],
])) test(`${what}: refused with a sentence`, () => assert.rejects(readDigits(files(...contents)), sentence));

/** Ink in a rectangle. */
function drawing(side, [left, top, width, height]) {
  return Uint8Array.from({ length: side * side }, (_, at) => (at % side >= left && at % side < left + width && Math.floor(at / side) >= top && Math.floor(at / side) < top + height ? 255 : 0));
}

test("a drawing fills 20 pixels at its longer side, its mass in the middle, wherever it was drawn", () => {
  const rows = (digit) => Array.from({ length: 28 }, (_, y) => digit.subarray(y * 28, y * 28 + 28).reduce((sum, value) => sum + value, 0));
  const tall = asDigit(drawing(280, [10, 30, 20, 200]), 280);
  assert.deepEqual(rows(tall).map((sum) => sum > 0), Array.from({ length: 28 }, (_, y) => y >= 4 && y < 24));
  assert.equal(rows(tall)[10], 2 * 255, "a tenth as wide as high");
  assert.deepEqual(asDigit(drawing(280, [200, 60, 20, 200]), 280), tall);
  assert.deepEqual(asDigit(drawing(140, [5, 15, 10, 100]), 140), tall, "half as large");
});

test("mass decides the middle, and no ink is no digit", () => {
  const side = 100;
  const ink = drawing(side, [40, 20, 4, 60]).map((value, at) => Math.max(value, drawing(side, [40, 76, 30, 4])[at]));
  const digit = asDigit(ink, side);
  const mass = (axis) => digit.reduce((sum, value, at) => sum + value * ((axis ? Math.floor(at / 28) : at % 28) + 0.5), 0) / digit.reduce((sum, value) => sum + value, 0);
  assert.ok(Math.abs(mass(0) - 14) < 0.1 && Math.abs(mass(1) - 14) < 0.1, `${mass(0)}, ${mass(1)}`);
  assert.equal(asDigit(new Uint8Array(side * side), side), null);
});
