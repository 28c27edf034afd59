// Fine-tuning with the real engine, small: a whole LeNet-5 and the last stage of a backbone on the CPU, and both on WebGPU's
// software adapter, LeNet-5 with its device lost in the middle.

import assert from "node:assert/strict";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { ARTIFACTS, engineReady, launch, open, serveReal, until } from "./browser.mjs";

const LONG = 120_000;
/** @type {Awaited<ReturnType<typeof serveReal>>} */
let site;
before(async () => {
  site = await serveReal();
});
after(() => site.close());

const trained = (page) => until(page, (state) => state.head !== null && !state.training.running, null, LONG);
const state = (page) => page.evaluate(() => globalThis.headstart.store.state);
const set = (page, fields) => page.evaluate((given) => { globalThis.headstart.store.patch("settings", given); }, fields);

/** Waits until an epoch of the run under way is kept: epochs may be quicker than the disk. @param {import("playwright-core").Page} page */
const kept = (page) => page.waitForFunction(async () => {
  try {
    const folder = await (await navigator.storage.getDirectory()).getDirectoryHandle("training");
    return (await (await folder.getFileHandle("note.json")).getFile()).size > 0;
  } catch {
    return false;
  }
}, null, { timeout: LONG });

/** The demo's pictures before LeNet-5 with random weights. @param {import("playwright-core").Page} page @param {number} pictures */
async function withLenet(page, pictures) {
  await engineReady(page, LONG);
  await page.evaluate(() => globalThis.headstart.useNetwork({ id: "lenet5", weights: "random", file: "", part: "whole" }, null));
  await page.getByRole("button", { name: "Try the demo" }).click();
  await until(page, (now, count) => now.engine.network.id === "lenet5" && now.samples.length === count && now.pending === 0, pictures, LONG);
}

test("a whole LeNet-5 learns on the CPU, is stopped and kept, survives a killed worker, and predicts after a reload", async (t) => {
  const browser = await launch();
  const { page, errors } = await open(browser, `${site.address}?backend=cpu&demo=8`);
  await withLenet(page, 24);
  await page.getByRole("button", { name: "Pretrained", exact: true, disabled: true }).waitFor();
  await set(page, { cut: "image", fresh: true, epochs: 12, learningRate: 0.002 });
  await until(page, (now) => now.dial.pace !== null && !now.dial.measuring, null, LONG);
  t.diagnostic(`step of ${(await state(page)).dial.pace.batch}: ${(await state(page)).dial.pace.stepMs.toFixed(1)} ms; ${await page.locator(".dial-facts").innerText()}`.replaceAll("\n", " "));
  await page.locator("button.train").first().click();
  await trained(page);
  const { head } = await state(page);
  t.diagnostic(`12 epochs in ${Math.round(head.ms)} ms, loss ${head.history[0].loss.toFixed(3)} to ${head.history.at(-1).loss.toFixed(3)}, held back ${head.evaluation.accuracy}`);
  assert.ok(head.history.at(-1).loss < 0.8 * head.history[0].loss, JSON.stringify(head.history));
  await until(page, (now) => now.predicting.result !== null, null, LONG);

  await set(page, { epochs: 2000 });
  await page.evaluate(() => globalThis.headstart.persistence.settled());
  await page.locator("button.train").first().click();
  await until(page, (now) => now.training.history.length >= 4, null, LONG);
  await kept(page);
  // The tab goes, and its worker with it.
  await page.reload();
  await engineReady(page, LONG);
  await page.getByRole("button", { name: "Go on" }).click();
  await until(page, (now) => now.training.running && now.training.history.length >= 6, null, LONG);
  const { history } = (await state(page)).training;
  assert.deepEqual(history.slice(0, 6).map((report) => report.epoch), [1, 2, 3, 4, 5, 6]);
  await page.getByRole("button", { name: "Stop" }).click();
  await until(page, (now) => !now.training.running && now.head?.stopped, null, LONG);
  const learned = (await state(page)).head.history.length;
  await page.evaluate(() => globalThis.headstart.persistence.settled());
  await page.reload();
  await engineReady(page, LONG);
  assert.equal((await state(page)).head?.history.length, learned, "what was learned is there after a reload");
  await page.getByRole("button", { name: "Demo object" }).click();
  await until(page, (now) => now.predicting.result !== null, null, LONG);
  assert.deepEqual(errors, []);
  await browser.close();
});

test("with a schedule, an average, clipping and changed pictures it learns, and the same seed learns the same", async (t) => {
  const browser = await launch();
  const { page, errors } = await open(browser, `${site.address}?backend=cpu&demo=5`);
  await withLenet(page, 15);
  await set(page, { cut: "image", fresh: true, epochs: 24, learningRate: 0.004, schedule: "oneCycle", average: 0.5, clipNorm: 5, augmentation: ["crop", "flip", "turn", "colour", "cutout"] });
  const run = async () => {
    await page.evaluate(() => globalThis.headstart.store.set({ head: null }));
    await page.locator("button.train").first().click();
    await trained(page);
    return (await state(page)).head;
  };
  const { history, evaluation } = await run();
  t.diagnostic(`loss ${history[0].loss.toFixed(3)} to ${history.at(-1).loss.toFixed(3)}, held back ${evaluation.accuracy}`);
  assert.ok(Math.min(...history.map(({ loss }) => loss)) < 0.95 * history[0].loss, JSON.stringify(history));
  assert.equal(history.at(-1).validationAccuracy, evaluation.accuracy, "the average is checked, and kept");
  assert.deepEqual((await run()).history, history);
  await set(page, { augmentation: [] });
  assert.notDeepEqual((await run()).history, history);
  assert.deepEqual(errors, []);
  await browser.close();
});

test("the last stage of the bundled backbone is fine-tuned on the CPU, and a learning rate beyond reason is survived", async (t) => {
  const browser = await launch();
  const { page, errors } = await open(browser, `${site.address}?backend=cpu&demo=5`);
  await engineReady(page, LONG);
  await page.getByRole("button", { name: "Try the demo" }).click();
  await until(page, (now) => now.samples.length === 15 && now.pending === 0, null, LONG);
  await page.getByRole("slider", { name: "Where training begins" }).press("ArrowUp");
  // So little is measured by itself.
  await until(page, (now) => now.dial.pace !== null && !now.dial.measuring, null, LONG);
  const { dial } = await state(page);
  t.diagnostic(`${dial.cost.trained} of ${dial.cost.parameters} weights, ${Math.round(dial.cost.bytes / 1e6)} MB, a step of ${dial.pace.batch} in ${Math.round(dial.pace.stepMs)} ms`);
  await set(page, { epochs: 4 });
  await page.locator("button.train").first().click();
  await trained(page);
  const { head } = await state(page);
  t.diagnostic(`4 epochs in ${Math.round(head.ms)} ms, loss ${head.history[0].loss.toFixed(3)} to ${head.history.at(-1).loss.toFixed(3)}, held back ${head.evaluation.accuracy}, ${head.bytes.length} bytes`);
  assert.ok(head.history.at(-1).loss < head.history[0].loss, JSON.stringify(head.history));
  await set(page, { learningRate: 10, l2: 1, optimizer: "sgd", epochs: 60 });
  await page.locator("button.train").first().click();
  await until(page, (now) => !now.training.running && now.head.history.at(-1)?.note, null, LONG);
  await page.locator(".train-panel .trouble").filter({ hasText: /grew beyond all bounds/ }).waitFor();
  await until(page, (now) => now.predicting.result !== null, null, LONG);
  const { probabilities } = (await state(page)).predicting.result;
  assert.ok(Object.values(probabilities).every(Number.isFinite), JSON.stringify(probabilities));
  assert.deepEqual(errors, []);
  await browser.close();
});

test("LeNet-5 learns on WebGPU, and goes on by itself when its device is lost", async (t) => {
  const browser = await launch({ webgpu: true });
  const { page, errors } = await open(browser, `${site.address}?backend=webgpu&demo=2`, { expected: /device|lost/i });
  await withLenet(page, 6);
  await set(page, { cut: "conv3", fresh: true, epochs: 2000, batchSize: 4 });
  await page.evaluate(() => globalThis.headstart.persistence.settled());
  await page.locator("button.train").first().click();
  await until(page, (now) => now.training.history.length >= 2, null, LONG);
  await kept(page);
  // The call itself may be one of those that the lost engine no longer answers.
  await page.evaluate(() => globalThis.headstart.engine.service.loseDevice().catch(() => undefined));
  await until(page, (now) => now.notices.some((notice) => notice.text.includes("started its engine again")), null, LONG);
  await until(page, (now) => now.training.running && now.training.history.length >= 4 && now.training.history[0].epoch === 1, null, LONG);
  await page.getByRole("button", { name: "Stop" }).click();
  await trained(page);
  t.diagnostic(`${(await state(page)).head.history.length} epochs on ${(await state(page)).engine.info.label}`);
  assert.deepEqual(errors, []);
  await browser.close();
});

test("the last stage of a backbone learns on WebGPU, from changed pictures, and predicts", async (t) => {
  const browser = await launch({ webgpu: true });
  const { page, errors } = await open(browser, `${site.address}?backend=webgpu&demo=2`);
  await engineReady(page, LONG);
  await page.evaluate(() => globalThis.headstart.useNetwork({ id: "resnet20", weights: "random", file: "", part: "whole" }, null));
  await page.getByRole("button", { name: "Try the demo" }).click();
  await until(page, (now) => now.engine.network.id === "resnet20" && now.samples.length === 6 && now.pending === 0, null, LONG);
  await page.getByRole("slider", { name: "Where training begins" }).press("ArrowUp");
  await set(page, { epochs: 3, batchSize: 4, augmentation: ["crop", "flip", "colour"] });
  const { settings, engine } = await state(page);
  assert.equal(settings.cut, "layer2");
  await page.locator("button.train").first().click();
  await trained(page);
  const { head } = await state(page);
  assert.equal(head.history.length, 3);
  assert.ok(head.history.every(({ loss }) => Number.isFinite(loss)), JSON.stringify(head.history));
  await until(page, (now) => now.predicting.result !== null, null, LONG);
  t.diagnostic(`3 epochs in ${Math.round(head.ms)} ms on ${engine.info.label}`);
  assert.deepEqual(errors, []);
  await browser.close();
});

test("both backends change a picture in the same way, and the settings show what becomes of the last one", async (t) => {
  const changed = [];
  for (const backend of ["cpu", "webgpu"]) {
    const browser = await launch({ webgpu: backend === "webgpu" });
    const { page, errors } = await open(browser, `${site.address}?backend=${backend}&demo=1`);
    await engineReady(page, LONG);
    const pictures = await page.evaluate(async () => {
      const canvas = new OffscreenCanvas(300, 260);
      const pen = canvas.getContext("2d");
      for (let at = 0; at < 30; at += 1) {
        pen.fillStyle = `hsl(${at * 40} 70% 50%)`;
        pen.fillRect((at % 6) * 50, Math.floor(at / 6) * 52, 50, 52);
      }
      const { engine } = globalThis.headstart;
      const found = await engine.service.tuneVariants(engine.give(await createImageBitmap(canvas)), ["crop", "flip", "turn", "colour", "cutout"], 3, 3);
      return found.map(({ data, width, height }) => ({ data: [...data], width, height }));
    });
    changed.push(pictures);
    assert.deepEqual(pictures.map(({ width, height }) => [width, height]), [[224, 224], [224, 224], [224, 224]]);
    if (backend === "cpu") {
      await page.getByRole("button", { name: "Try the demo" }).click();
      await until(page, (now) => now.samples.length === 3 && now.pending === 0, null, LONG);
      await page.locator("#settings-form > summary").click();
      await page.getByText("More settings").click();
      for (const change of ["Cut out", "Mirror", "Turn", "Colours", "Cover"]) await page.getByLabel(change, { exact: true }).check();
      const strip = page.getByRole("img", { name: "8 variants of your last picture" });
      await strip.waitFor();
      await strip.scrollIntoViewIfNeeded();
      await until(page, (now) => now.variants.pictures.length === 8 && now.settings.augmentation.length === 5, null, LONG);
      await page.screenshot({ path: join(ARTIFACTS, "variants-wide.png") });
      await page.setViewportSize({ width: 390, height: 844 });
      await page.getByRole("link", { name: "Network" }).click();
      await strip.scrollIntoViewIfNeeded();
      await page.screenshot({ path: join(ARTIFACTS, "variants-narrow.png") });
      assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), "the page scrolls sideways");
    }
    assert.deepEqual(errors, []);
    await browser.close();
  }
  const [onCpu, onGpu] = changed;
  const worst = Math.max(...onCpu.map(({ data }, at) => data.reduce((most, value, place) => Math.max(most, Math.abs(value - onGpu[at].data[place])), 0)));
  t.diagnostic(`values of 0 to 255 differ by ${worst} at most`);
  assert.ok(worst <= 1, `${worst}`);
});
