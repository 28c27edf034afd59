// What changes while digits are learned: the learning rate over a round, and how digits are written.

import assert from "node:assert/strict";
import { test } from "node:test";
import { round, shareAt } from "../../www/js/digits/course.js";
import { changesOf } from "../../www/js/augment.js";
import { digitChanges } from "../../www/js/digits/vary.js";
import { random, seedOf } from "../../www/js/random.js";

test("a round of the learning rate has the engine's shapes and begins anew", () => {
  const course = (schedule, warmup = 0) => [0, 50, 100, 150, 199, 200].map((seen) => Number(shareAt({ schedule, passes: 2, warmup }, seen, 100).toFixed(3)));
  assert.deepEqual(course("constant"), [1, 1, 1, 1, 1, 1]);
  assert.deepEqual(course("step"), [1, 1, 0.1, 0.01, 0.01, 1]);
  assert.deepEqual(course("cosine"), [1, 0.854, 0.5, 0.146, 0, 1]);
  assert.deepEqual(course("oneCycle").slice(0, 2).concat(course("oneCycle").slice(4)), [0.04, 0.936, 0, 0.04]);
  assert.deepEqual(course("cosine", 100).slice(0, 2), [0.01, 0.435]);
  assert.deepEqual([round({ schedule: "constant", passes: 2 }, 100), round({ schedule: "step", passes: 2 }, 100)], [Infinity, 200]);
});

test("changes of pictures are in the engine's words and order, whatever order they were chosen in", () => {
  const kinds = (steps) => steps.map(({ kind }) => kind);
  const chosen = changesOf(["cutout", "turn", "flip", "crop", "colour"], { height: 32, width: 40 });
  assert.deepEqual(kinds(chosen), ["random_resized_crop", "horizontal_flip", "rotation", "colour_jitter", "cutout"]);
  assert.equal(chosen[4].side, 11);
  assert.deepEqual(changesOf([], { height: 32, width: 32 }), []);
  assert.deepEqual(kinds(digitChanges({ turn: true, cover: true })), ["random_resized_crop", "rotation", "cutout"]);
  assert.deepEqual([digitChanges({ turn: false, cover: false }), kinds(digitChanges({ turn: false, cover: true }))], [[], ["cutout"]]);
});

test("seeds differ wherever one of their parts does", () => {
  const seeds = Array.from({ length: 4000 }, (_, at) => seedOf(at % 10, Math.floor(at / 10) % 20, Math.floor(at / 200)));
  assert.equal(new Set(seeds).size, seeds.length);
  const next = random(seeds[0]);
  const mean = Array.from({ length: 1000 }, next).reduce((sum, value) => sum + value, 0) / 1000;
  assert.ok(Math.abs(mean - 0.5) < 0.03, `${mean}`);
});
