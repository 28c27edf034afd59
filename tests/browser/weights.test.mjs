// Weights that are not what they should be: one sentence, a way on, and no sample lost. With the real engine.

import assert from "node:assert/strict";
import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { DIST, engineReady, launch, open, serveReal, until } from "./browser.mjs";

/** @type {import("playwright-core").Browser} */
let browser;
/** @type {Awaited<ReturnType<typeof serveReal>>} */
let site;
/** What the server answers instead of the weights, or null for the file itself. @type {Buffer | null} */
let instead = null;
/** @type {Buffer} */
let weights;
before(async () => {
  const file = readdirSync(join(DIST, "models")).find((name) => name.endsWith(".safetensors"));
  weights = readFileSync(join(DIST, "models", file));
  browser = await launch();
  site = await serveReal({ answer: (path) => (path.endsWith(".safetensors") ? instead : null) });
});
after(async () => {
  await browser.close();
  await site.close();
});

/** @param {Buffer} answer @param {RegExp} sentence */
async function refused(answer, sentence) {
  instead = answer;
  const { page, context, errors } = await open(browser, `${site.address}?backend=cpu&demo=2`);
  await until(page, (state) => state.engine.phase === "failed");
  assert.match(await page.locator("#loading .loading-text").innerText(), sentence);
  await page.getByRole("button", { name: "Try the demo" }).click();
  await until(page, (state) => state.samples.length === 6);
  instead = null;
  await page.getByRole("button", { name: "Try again" }).click();
  await engineReady(page);
  await until(page, (state) => state.samples.length === 6 && state.pending === 0);
  assert.deepEqual(errors, []);
  await context.close();
}

test("truncated weights are refused, and trying again works", () => refused(weights.subarray(0, weights.length / 2), /weights.*download/is));
test("altered weights are refused, and trying again works", () => {
  const altered = Buffer.from(weights);
  altered[altered.length - 1000] ^= 0xff;
  return refused(altered, /weights.*download/is);
});
test("another model's weights are refused, and trying again works", () => {
  const header = Buffer.from(JSON.stringify({ "conv1.weight": { dtype: "F32", shape: [1], data_offsets: [0, 4] } }));
  const length = Buffer.alloc(8);
  length.writeUInt32LE(header.length);
  return refused(Buffer.concat([length, header, Buffer.alloc(4)]), /weights.*download/is);
});
