// The whole story with the real engine, on both backends: camera, uploads and demo, train, predict, come back later.
// WebGPU runs on a software adapter here, where one picture takes seconds: few pictures, the same claims.

import assert from "node:assert/strict";
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { ARTIFACTS, awaitObject, engineReady, launch, makeCamera, open, serveReal, shownObject, told, until } from "./browser.mjs";

const LONG = 240_000;
/** @type {Awaited<ReturnType<typeof serveReal>>} */
let site;
/** @type {string} */
let camera;
before(async () => {
  const browser = await launch();
  camera = await makeCamera(browser);
  await browser.close();
  site = await serveReal();
});
after(() => site.close());

const trained = (page) => until(page, (state) => state.head !== null && !state.training.running, null, LONG);
const samples = (page) => page.evaluate(() => globalThis.headstart.store.state.samples.length);

/** Holds the record button of one class, for less than half of a turn, while `which` is before the camera. @param {import("playwright-core").Page} page @param {number} card @param {number} which @param {number} count */
async function record(page, card, which, count) {
  await awaitObject(page, which);
  await page.locator(".record").nth(card).hover();
  await page.mouse.down();
  await until(page, (state, wanted) => state.recording?.count >= wanted, count);
  await page.mouse.up();
  await until(page, (state) => state.recording === null);
}

/** The live picture of this moment as a file. @param {import("playwright-core").Page} page */
async function photograph(page) {
  const text = await page.evaluate(() => /** @type {HTMLCanvasElement} */ (document.querySelector("#source-panel canvas")).toDataURL("image/jpeg").split(",")[1]);
  return Buffer.from(text, "base64");
}

/** Classifies a picture file and returns the name of the best class. @param {import("playwright-core").Page} page @param {Buffer} buffer */
async function verdict(page, buffer) {
  const name = `${Math.random()}.jpg`;
  await page.locator('#live-predictions input[type="file"]').setInputFiles({ name, mimeType: "image/jpeg", buffer });
  await until(page, (state, file) => state.predicting.still?.name === file && state.predicting.result !== null, name, LONG);
  return page.locator(".verdict").innerText();
}

/** @type {("cpu" | "webgpu")[]} */
const BACKENDS = ["cpu", "webgpu"];

for (const backend of BACKENDS) {
  const slow = backend === "webgpu";

  test(`two objects before the camera are recorded, trained and told apart, ${backend}`, async (t) => {
    const browser = await launch({ webgpu: slow, camera });
    const opened = Date.now();
    const { page, errors } = await open(browser, `${site.address}?backend=${backend}`);
    await engineReady(page, LONG);
    t.diagnostic(`page open to engine ready: ${Date.now() - opened} ms; ${await page.locator(".backend-text").innerText()}`);
    assert.equal(await page.evaluate(() => globalThis.headstart.store.state.engine.info.backend), backend);
    for (const [index, name] of ["Apple", "Dog"].entries()) {
      await page.locator(".class-name").nth(index).fill(name);
      await page.keyboard.press("Tab");
    }
    await page.getByRole("button", { name: "Turn on the camera" }).click();
    await until(page, (state) => state.source.kind === "camera");
    if (slow) await page.evaluate(() => globalThis.headstart.store.set({ recordRate: 2 }));
    const photos = [];
    for (const which of [0, 1]) {
      for (let burst = 0; burst < 2; burst += 1) await record(page, which, which, slow ? 2 : 5);
      await awaitObject(page, which);
      photos.push(await photograph(page));
    }
    await until(page, (state) => state.pending === 0, null, LONG);
    t.diagnostic(`${await samples(page)} pictures recorded`);
    await page.locator("button.train").first().click();
    await trained(page);
    const { head } = await page.evaluate(() => globalThis.headstart.store.state);
    t.diagnostic(`accuracy ${head.evaluation.accuracy}, trained in ${Math.round(head.ms)} ms`);
    assert.ok(head.evaluation.accuracy >= 0.75, `accuracy ${head.evaluation.accuracy}`);
    assert.equal(await verdict(page, photos[0]), "Apple");
    assert.equal(await verdict(page, photos[1]), "Dog");
    await page.getByRole("button", { name: "Back to live" }).click();
    await until(page, (state) => state.predicting.result !== null, null, LONG);
    if (!slow) {
      for (const which of [0, 1]) {
        await awaitObject(page, which);
        await until(page, (state, wanted) => state.predicting.result.probabilities[wanted] > 0.5, which);
        assert.equal((await shownObject(page)).object, which);
      }
    }
    t.diagnostic(await page.locator(".pace").innerText());
    await page.screenshot({ path: join(ARTIFACTS, `story-camera-${backend}.png`) });
    assert.deepEqual(errors, []);
    await browser.close();
  });

  test(`the demo trains and recognises pictures it was not trained on; the project survives reload, wipe and reopening, ${backend}`, async (t) => {
    const browser = await launch({ webgpu: slow });
    const { page, errors, context } = await open(browser, `${site.address}?backend=${backend}&demo=${slow ? 2 : 20}`);
    await page.getByRole("button", { name: "Try the demo" }).click();
    await until(page, (state, count) => state.samples.length === count && state.pending === 0, slow ? 6 : 60, LONG);
    await page.locator("button.train").first().click();
    await trained(page);
    const { head } = await page.evaluate(() => globalThis.headstart.store.state);
    t.diagnostic(`accuracy ${head.evaluation.accuracy}, trained in ${Math.round(head.ms)} ms`);
    if (!slow) assert.ok(head.evaluation.accuracy >= 0.8, `accuracy ${head.evaluation.accuracy}`);
    await until(page, (state) => state.predicting.result !== null, null, LONG);
    if (!slow) {
      await page.getByText("What the network already knows").click();
      await page.getByLabel("Look inside").check();
      await until(page, (state) => state.known.guesses.length === 5 && state.look.maps.length > 5, null, LONG);
      await page.screenshot({ path: join(ARTIFACTS, "story-demo-inside.png") });
      await page.getByLabel("Look inside").uncheck();
      await page.getByText("What the network already knows").click();
    }
    const photo = await photograph(page);
    const first = await verdict(page, photo);

    await page.evaluate(() => globalThis.headstart.persistence.settled());
    await page.reload();
    await engineReady(page, LONG);
    assert.equal(await page.evaluate(() => globalThis.headstart.store.state.pending), 0, "features come from storage");
    assert.equal(await verdict(page, photo), first);

    await page.getByRole("button", { name: "Project", exact: true }).click();
    const download = page.waitForEvent("download");
    await page.getByRole("button", { name: "Save project as a file" }).click();
    const file = join(mkdtempSync(join(tmpdir(), "headstart-")), (await download).suggestedFilename());
    await (await download).saveAs(file);
    await page.getByRole("button", { name: "Project", exact: true }).click();
    await page.getByRole("button", { name: "New project" }).click();
    await until(page, (state) => state.samples.length === 0 && state.head === null);
    await page.locator('#top-bar input[type="file"]').setInputFiles(file);
    await until(page, (state, count) => state.samples.length === count && state.head !== null && state.pending === 0, slow ? 6 : 60, LONG);
    assert.equal(await verdict(page, photo), first);
    assert.deepEqual(errors, []);
    await context.close();
    await browser.close();
  });
}

test("uploaded pictures train on the CPU, predictions are quick, and training that fails says why", async (t) => {
  const browser = await launch();
  const { page, errors } = await open(browser, `${site.address}?backend=cpu`);
  const { readdirSync, readFileSync } = await import("node:fs");
  const { classes } = JSON.parse(readFileSync(join(ARTIFACTS, "../../../www/demo-pictures.json"), "utf8"));
  const folder = join(ARTIFACTS, "../../../www/demo");
  assert.ok(readdirSync(folder).length > 20);
  for (const index of [0, 1]) {
    const files = classes[index].files.slice(0, 8).map((name) => ({ name, mimeType: "image/webp", buffer: readFileSync(join(folder, name)) }));
    await page.locator(".class-card").nth(index).locator('input[type="file"][accept]').setInputFiles(files);
    await until(page, (state, count) => state.samples.length === count, (index + 1) * 8);
  }
  await until(page, (state) => state.pending === 0, null, LONG);
  await page.locator("button.train").first().click();
  await trained(page);
  const last = classes[1].files.at(-1);
  await page.locator('#live-predictions input[type="file"]').setInputFiles({ name: last, mimeType: "image/webp", buffer: readFileSync(join(folder, last)) });
  await until(page, (state) => state.predicting.result !== null);
  assert.equal(await page.locator(".verdict").innerText(), "Class 2");
  t.diagnostic(await page.locator(".pace").innerText());

  const settings = page.locator("#settings-form");
  await settings.locator("> summary").click();
  await settings.getByLabel("Optimiser", { exact: true }).selectOption("sgd");
  for (const [label, value] of [["Momentum", "0.999"], ["Learning rate", "10"], ["L2", "1"]]) await settings.getByLabel(label, { exact: true }).fill(value);
  await page.keyboard.press("Tab");
  await settings.getByLabel("Head", { exact: true }).selectOption("256");
  await page.locator("button.train").first().click();
  await page.getByText(/grew beyond all bounds.*Choose a learning rate below 10/).waitFor();
  await page.locator("#train-panel").filter({ hasText: /Stopped after \d+ epochs?/ }).waitFor();
  assert.deepEqual(errors, []);
  await browser.close();
});

test("without WebGPU the page says so and runs on the CPU", async () => {
  const browser = await launch();
  const { page, errors } = await open(browser, site.address);
  await engineReady(page, LONG);
  await page.locator(".backend-text").filter({ hasText: /^CPU · .*WebGPU/ }).waitFor();
  assert.deepEqual(errors, []);
  await browser.close();
});

test("where the only adapter is software the page says so and runs on the CPU", async () => {
  const browser = await launch({ webgpu: true });
  const { page, errors } = await open(browser, site.address);
  await engineReady(page, LONG);
  assert.equal(await page.locator(".backend-text").innerText(), "CPU · the only WebGPU adapter is software, which is slower");
  assert.deepEqual(errors, []);
  await browser.close();
});

test("a graphics processor lost while training is told and nothing is lost", async () => {
  const browser = await launch({ webgpu: true });
  const { page, errors } = await open(browser, `${site.address}?backend=webgpu&demo=2`);
  await page.getByRole("button", { name: "Try the demo" }).click();
  await until(page, (state) => state.samples.length === 6 && state.pending === 0, null, LONG);
  await page.locator("#settings-form > summary").click();
  await page.getByLabel("Epochs", { exact: true }).fill("1000");
  await page.keyboard.press("Tab");
  await page.locator("#settings-form").getByLabel("Head", { exact: true }).selectOption("256");
  await page.evaluate(() => globalThis.headstart.store.patch("predicting", { on: false }));
  await page.locator("button.train").first().click();
  await until(page, (state) => state.training.running, null, LONG);
  // The call itself may be cut off by what it causes.
  await page.evaluate(() => globalThis.headstart.engine.service.loseDevice().catch(() => undefined));
  await until(page, (state) => !state.training.running && state.engine.phase === "ready" && state.notices.some((notice) => notice.text.includes("started its engine again")), null, LONG);
  await told(page, /every example is still here/);
  assert.equal(await samples(page), 6);
  await page.getByLabel("Epochs", { exact: true }).fill("5");
  await page.keyboard.press("Tab");
  await page.locator("button.train").first().click();
  await trained(page);
  assert.deepEqual(errors, []);
  await browser.close();
});
