// Weights that are not what they should be: one sentence, a way on, and no sample lost. With the real engine.

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { DIST, engineReady, launch, open, serveReal, until } from "./browser.mjs";
import { settled } from "./visitors.mjs";

/** @type {import("playwright-core").Browser} */
let browser;
/** @type {Awaited<ReturnType<typeof serveReal>>} */
let site;
/** What the server answers instead of files, by the ends of their paths. @type {Record<string, Buffer>} */
let instead = {};
/** What the page is told about weights. @type {any} */
let catalogue;
/** The places of weights that come with the page. @param {string} id */
const bundled = (id) => catalogue.models.find((model) => model.id === id).places.filter((place) => place.kind === "bundled");
/** The file of the network that the page begins with. @type {{ file: string, bytes: number, sha256: string }} */
let told;
/** @type {Buffer} */
let weights;
before(async () => {
  browser = await launch();
  site = await serveReal({ answer: (path) => Object.entries(instead).find(([end]) => path.endsWith(end))?.[1] ?? null });
  catalogue = JSON.parse(readFileSync(join(DIST, "models/catalog.json"), "utf8"));
  [told] = bundled("efficientnet_lite0")[0].files;
  weights = readFileSync(join(DIST, told.file));
});
after(async () => {
  await browser.close();
  await site.close();
});

/** @param {import("playwright-core").Page} page */
const tryAgain = (page) => page.getByRole("button", { name: "Try again" }).click();

/** @param {Record<string, Buffer>} answers @param {RegExp} sentence @param {(page: import("playwright-core").Page) => Promise<unknown>} goOn once the server answers as it should */
async function refused(answers, sentence, goOn) {
  instead = answers;
  const { page, context, errors } = await open(browser, `${site.address}?backend=cpu&demo=2`);
  await until(page, (state) => state.engine.phase === "failed");
  assert.match(await page.locator("#loading .loading-text").innerText(), sentence);
  await page.getByRole("button", { name: "Try the demo" }).click();
  await until(page, (state) => state.samples.length === 6);
  instead = {};
  await goOn(page);
  await engineReady(page);
  await until(page, (state) => state.samples.length === 6 && state.pending === 0);
  assert.deepEqual(errors, []);
  await context.close();
}

test("truncated weights are refused, and trying again works", () => {
  const half = weights.subarray(0, told.bytes / 2);
  return refused({ [told.file]: half }, new RegExp(`weights of EfficientNet-Lite0 did not arrive.* is ${half.length} bytes long and should be ${told.bytes}\\..*download them again`), tryAgain);
});
test("altered weights are refused, and trying again works", () => {
  const altered = Buffer.from(weights);
  altered[altered.length - 1000] ^= 0xff;
  const found = createHash("sha256").update(altered).digest("hex");
  return refused({ [told.file]: altered }, new RegExp(`weights of EfficientNet-Lite0 did not arrive.* its SHA-256 begins with ${found.slice(0, 8)} and should begin with ${told.sha256.slice(0, 8)}\\..*download them again`), tryAgain);
});
test("another model's weights, where the catalogue is wrong about them, are refused, and the page works when it is right", () => {
  const wrong = { ...catalogue, models: catalogue.models.map((model) => (model.id === "efficientnet_lite0" ? { ...model, places: bundled("lenet5") } : model)) };
  return refused({ "catalog.json": Buffer.from(JSON.stringify(wrong)) }, /weights are for another network: \d+ tensors are missing .*they fit LeNet-5/, async (page) => {
    await settled(page);
    await page.reload();
  });
});
