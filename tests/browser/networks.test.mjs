// Choosing among networks, measuring, comparing and looking into them, with the stand-in engine: samples stay, features
// are computed anew, and everything can be taken back.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { holdPictures, told, until } from "./browser.mjs";
import { counts, settled, train, withDemo, visitors } from "./visitors.mjs";

/** @typedef {import("playwright-core").Page} Tab */

/** @type {Awaited<ReturnType<typeof visitors>>} */
let site;
before(async () => {
  site = await visitors();
});
after(() => site.close());

/** @param {Tab} page */
const openShelf = (page) => page.locator("#top-bar").getByRole("button", { name: "Networks" }).click();
/** @param {Tab} page @param {string} id */
const card = (page, id) => page.locator(`.network-card[data-key="${id}"]`);
/** @param {Tab} page @param {string} id */
const inUse = (page, id) => until(page, (state, wanted) => state.engine.phase === "ready" && state.engine.network.id === wanted && state.pending === 0, id);
/** @param {string} name @param {string} content */
const file = (name, content) => ({ name, mimeType: "application/octet-stream", buffer: Buffer.from(content) });

test("another network keeps the samples, computes their features anew, and undo brings the old one back with its head", async () => {
  const { page, errors, state } = await site.visit();
  await withDemo(page);
  await train(page);
  const old = await state();
  await openShelf(page);
  assert.equal(await page.evaluate(() => location.hash), "#/networks");
  const letGo = await holdPictures(page, (now) => now.engine.network?.id === "resnet18" && now.pending === 10);
  await card(page, "resnet18").getByRole("button", { name: "Use it untrained: ResNet-18" }).click();
  await page.getByText("Preparing pictures: 8 of 18").waitFor();
  await letGo();
  await inUse(page, "resnet18");
  assert.deepEqual(await counts(page), [["Fruit", 6], ["Animals", 6], ["Vehicles", 6]]);
  assert.equal((await state()).head, null);
  await page.locator(".cut").filter({ hasText: /random numbers, never trained/ }).waitFor();
  await train(page);
  assert.notEqual((await state()).head.fingerprint, old.head.fingerprint);
  await page.locator("#notices").getByRole("button", { name: "Undo" }).click();
  await inUse(page, "efficientnet_lite0");
  assert.deepEqual((await state()).head.evaluation.confusion, old.head.evaluation.confusion);
  assert.deepEqual(errors, []);
  await page.context().close();
});

test("the chosen network is there again after a reload, with its features", async () => {
  const { page, errors } = await site.visit();
  await withDemo(page);
  await openShelf(page);
  await card(page, "lenet5").getByRole("button", { name: "Use it untrained: LeNet-5" }).click();
  await inUse(page, "lenet5");
  await settled(page);
  await page.reload();
  await page.waitForSelector("html[data-ready]");
  await until(page, (state) => state.engine.phase === "ready" && state.engine.network.id === "lenet5" && state.pending === 0);
  assert.deepEqual(errors, []);
  await page.context().close();
});

test("how fast a network is here is measured on request, one at a time, and remembered", async () => {
  const { page, errors, state } = await site.visit(undefined, "#/networks");
  assert.deepEqual((await state()).shelf.speeds, {});
  // A measure is over sooner than a second click of Playwright's may come.
  const buttons = [card(page, "vgg16").getByRole("button", { name: /Measure how fast VGG-16/ }), card(page, "lenet5").getByRole("button", { name: /Measure how fast LeNet-5/ })];
  for (const button of buttons) await button.click({ trial: true });
  const { measuring, waiting } = await page.evaluate((both) => {
    for (const button of both) button.click();
    return globalThis.headstart.store.state.shelf;
  }, await Promise.all(buttons.map((button) => button.elementHandle())));
  assert.deepEqual([measuring.id, waiting], ["vgg16", ["lenet5"]]);
  await until(page, (now) => now.shelf.measuring === null && now.shelf.speeds.vgg16 > 0 && now.shelf.speeds.lenet5 > 0);
  const shown = await card(page, "vgg16").locator("dd").nth(4).innerText();
  assert.match(shown, /^[\d.]+ ms$/);
  await page.reload();
  await page.waitForSelector("html[data-ready]");
  await until(page, (now) => now.shelf.speeds.vgg16 > 0);
  const all = page.getByRole("button", { name: "Measure all here" });
  await all.click({ trial: true });
  const offered = await all.evaluate(async (button) => {
    button.click();
    await new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));
    const said = [button.textContent, globalThis.headstart.store.state.shelf.measuring !== null];
    button.click();
    return said;
  });
  assert.match(offered[0], /^Stop measuring \(\d to go\)$/);
  assert.ok(offered[1]);
  await until(page, (now) => now.shelf.measuring === null && now.shelf.waiting.length === 0);
  assert.ok(await page.evaluate(() => { const { models, shelf } = globalThis.headstart.store.state; return Object.keys(shelf.speeds).length < models.length; }), "it went on to the end");
  assert.deepEqual(errors, []);
  await page.context().close();
});

test("two networks side by side end in a table, with the same held-out pictures, and either can be used", async () => {
  const { page, errors, state } = await site.visit();
  await withDemo(page);
  await openShelf(page);
  await page.getByRole("button", { name: "Compare side by side" }).click();
  assert.equal(await page.evaluate(() => location.hash), "#/compare");
  await page.getByText("Networks to compare: LeNet-5 untrained, AlexNet untrained, EfficientNet-Lite0").waitFor();
  await page.getByRole("button", { name: "LeNet-5 against AlexNet" }).click();
  const letGo = await holdPictures(page, (now) => now.compare.rows[0]?.step === "pictures");
  await page.getByRole("button", { name: "Compare", exact: true }).click();
  await page.locator(".compare-table progress").first().waitFor();
  await letGo();
  await until(page, (now) => !now.compare.running && now.compare.rows.length === 3 && now.compare.rows.every((row) => row.step === "done"));
  const cells = await page.locator(".compare-table tbody").nth(1).locator("td .value").allInnerTexts();
  assert.match(cells.join(" | "), /^\d+ % \| [\d.]+ ms \| [\d.]+ MB \| 61\.1 M$/);
  const { compare } = await state();
  assert.ok(compare.conditions.tested > 0 && compare.rows.every((row) => row.accuracy !== null && row.ms > 0));
  await page.locator(".compare-table caption").filter({ hasText: /right .*quickest/ }).waitFor();
  await page.getByRole("button", { name: "Use it: AlexNet, untrained" }).click();
  await until(page, (now) => now.engine.phase === "ready" && now.engine.network.id === "alexnet");
  assert.equal((await state()).pending, 0, "its features are known from the comparison");
  assert.deepEqual(errors, []);
  await page.context().close();
});

test("a comparison can be stopped, and keeps what is finished", async () => {
  const { page, errors, state } = await site.visit();
  await withDemo(page);
  await page.evaluate(() => document.dispatchEvent(new CustomEvent("view-show", { detail: "compare" })));
  const letGo = await holdPictures(page, (now) => now.compare.rows[1]?.step === "pictures");
  await page.getByRole("button", { name: "Compare", exact: true }).click();
  await until(page, (now) => now.compare.rows[0]?.step === "done" && now.compare.rows[1].step === "pictures");
  await page.locator("#compare").getByRole("button", { name: "Stop" }).click();
  await letGo();
  await until(page, (now) => !now.compare.running);
  assert.deepEqual((await state()).compare.rows.map((row) => row.step), ["done"]);
  assert.deepEqual(errors, []);
  await page.context().close();
});

test("a stage opens, blocks open in it, and each layer tells its figures on hover and on focus", async () => {
  const { page, errors } = await site.visit();
  await openShelf(page);
  await card(page, "resnet152").getByRole("button", { name: "Use it untrained: ResNet-152" }).click();
  await inUse(page, "resnet152");
  await page.getByRole("button", { name: "Stage 3" }).click();
  const tree = page.getByRole("tree", { name: "Layers of Stage 3" });
  await tree.getByRole("treeitem").first().waitFor();
  assert.equal(await tree.getByRole("treeitem").count(), 36);
  assert.equal(await tree.locator("path.shortcut").count(), 36);
  // What is drawn stays small, however many layers there are.
  const drawn = await tree.locator("*").count();
  assert.ok(drawn < 500, `${drawn} elements`);
  await tree.getByRole("treeitem", { name: "Block layer3.1." }).hover();
  await page.locator(".layer-facts").getByText("1,117,184").waitFor();
  await tree.getByRole("treeitem", { name: "Block layer3.0." }).focus();
  await page.keyboard.press("Enter");
  await page.keyboard.press("ArrowDown");
  await page.keyboard.press("ArrowDown");
  await page.locator(".layer-facts").filter({ hasText: /3 × 3 convolution, at every second pixel, then batch norm, then ReLU.*layer3\.0\.conv2.*256 maps of 14 × 14.*pixels.*590,336.*116 million/ }).waitFor();
  await page.keyboard.press("Escape");
  await tree.waitFor({ state: "detached" });
  assert.deepEqual(errors, []);
  await page.context().close();
});

test("branches and projections are drawn as lines beside each other", async () => {
  const { page, errors } = await site.visit();
  await openShelf(page);
  await card(page, "googlenet").getByRole("button", { name: "Use it untrained: GoogLeNet" }).click();
  await inUse(page, "googlenet");
  await page.getByRole("button", { name: "Inception 3a and 3b" }).click();
  await page.getByRole("treeitem", { name: "Block inception3a." }).click();
  await page.locator('.box.layer[data-box^="inception3a"]').first().waitFor();
  const columns = await page.locator('.box.layer[data-box^="inception3a"] .face').evaluateAll((faces) => new Set(faces.map((face) => face.getAttribute("x"))).size);
  assert.equal(columns, 4);
  assert.deepEqual(errors, []);
  await page.context().close();
});

test("a file of weights is recognised by its content, and one for another network is explained and offered", async () => {
  const { page, errors, state } = await site.visit(undefined, "#/networks");
  await page.locator("#networks > header").getByLabel("File with weights").setInputFiles(file("whatever.bin", "weights of resnet18"));
  await inUse(page, "resnet18");
  assert.deepEqual((await state()).choice, { id: "resnet18", weights: "file", file: "whatever.bin", part: "whole", trunkOnly: false });
  await openShelf(page);
  await card(page, "vgg16").locator('input[type="file"]').setInputFiles(file("mine.pth", "weights of alexnet"));
  await page.getByText("mine.pth was not used").waitFor();
  await page.locator(".stranger .trouble").filter({ hasText: /do not fit vgg16.*they fit AlexNet/s }).waitFor();
  await page.getByText("Everything that differs").click();
  await page.getByText("unexpected: head.bias [10]").waitFor();
  assert.equal((await state()).engine.network.id, "resnet18");
  await page.getByRole("button", { name: "Use it as AlexNet" }).click();
  await inUse(page, "alexnet");
  assert.deepEqual(errors, []);
  await page.context().close();
});

test("a file dropped anywhere on the shelf is taken, and a stranger's is refused with its list", async () => {
  const { page, errors } = await site.visit(undefined, "#/networks");
  /** @param {string} selector @param {string} name @param {string} content */
  const drop = (selector, name, content) => page.evaluate(([where, called, text]) => {
    const dataTransfer = new DataTransfer();
    dataTransfer.items.add(new File([text], called));
    for (const type of ["dragover", "drop"]) document.querySelector(where)?.dispatchEvent(new DragEvent(type, { bubbles: true, cancelable: true, dataTransfer }));
  }, /** @type {const} */ ([selector, name, content]));
  await drop(".legend", "notes.txt", "hello");
  await page.getByText("notes.txt was not used").waitFor();
  await page.getByRole("button", { name: "Dismiss" }).first().click();
  await drop(".families", "net.onnx", "weights of googlenet");
  await inUse(page, "googlenet");
  assert.deepEqual(errors, []);
  await page.context().close();
});

test("a file of weights is kept for the next visit; once it is deleted the page says so and runs on the bundled network", async () => {
  const { page, errors } = await site.visit(undefined, "#/networks");
  await page.locator("#networks > header").getByLabel("File with weights").setInputFiles(file("mine.safetensors", "weights of resnet18"));
  await inUse(page, "resnet18");
  await settled(page);
  await page.reload();
  await page.waitForSelector("html[data-ready]");
  await inUse(page, "resnet18");
  await openShelf(page);
  const kept = page.locator(".kept li");
  assert.match(await kept.innerText(), /mine\.safetensors/);
  await kept.getByRole("button", { name: "Delete the weights of mine.safetensors" }).click();
  await page.getByText("No downloaded weights yet").waitFor();
  await page.reload();
  await page.waitForSelector("html[data-ready]");
  await inUse(page, "efficientnet_lite0");
  await told(page, /mine\.safetensors with the weights of ResNet-18 is not in this browser any more/);
  assert.deepEqual(errors, []);
  await page.context().close();
});

test("an untrained network knows nothing, and one loaded without its classifier says how to load it", async () => {
  const { page, errors } = await site.visit();
  await page.getByText("What the network already knows").click();
  await page.getByText(/it can name a thousand things/).waitFor();
  await page.locator("#networks").getByLabel("File with weights", { exact: true }).setInputFiles(file("vgg.pth", "weights of vgg16"));
  await inUse(page, "vgg16");
  await page.getByText(/Only the part of VGG-16 that sees is loaded/).waitFor();
  await page.getByRole("button", { name: "Load the whole network" }).click();
  await until(page, (state) => state.engine.phase === "ready" && !state.engine.network.trunk);
  await page.getByText(/it can name a thousand things/).waitFor();
  assert.deepEqual(errors, []);
  await page.context().close();
});
