// The numbers along a chart's axes.

import assert from "node:assert/strict";
import { test } from "node:test";
import { ticks } from "../../www/js/chart.js";

test("axes are counted in round steps, epochs in whole ones, and the first number is always there", () => {
  for (const [asked, expected] of /** @type {[[number, number, number, number], number[]][]} */ ([
    [[0, 1, 3, 0], [0, 0.5, 1]],
    [[0, 2.5, 3, 0], [0, 1, 2]],
    [[0, 0.1, 4, 0], [0, 0.025, 0.05, 0.075, 0.1]],
    [[1, 2, 5, 1], [1, 2]],
    [[1, 50, 5, 1], [1, 10, 20, 30, 40, 50]],
    [[0, 12_000, 3, 1], [0, 5000, 10_000]],
  ])) {
    const found = ticks(...asked).map((at) => Math.round(at * 1e6) / 1e6);
    assert.deepEqual(found, expected, `${asked}`);
  }
});
