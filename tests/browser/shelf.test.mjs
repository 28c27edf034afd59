// The shelf with the real engine, on the CPU: networks are changed, measured and compared on the demo's pictures, every
// network can be drawn, and a PyTorch checkpoint is dropped. Nothing is asked of any other host.

import assert from "node:assert/strict";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { ARTIFACTS, engineReady, launch, open, serveReal, until } from "./browser.mjs";
import { LENET5, pth } from "./pth.mjs";

const LONG = 240_000;

/** @type {import("playwright-core").Browser} */
let browser;
/** @type {Awaited<ReturnType<typeof serveReal>>} */
let site;
before(async () => {
  browser = await launch();
  site = await serveReal();
});
after(async () => {
  await browser.close();
  await site.close();
});

/** @param {string} query */
async function visit(query) {
  const visitor = await open(browser, `${site.address}?backend=cpu&demo=6${query}`);
  /** @type {string[]} */
  const strangers = [];
  visitor.page.on("request", (request) => void (/^https?:/.test(request.url()) && !request.url().startsWith(site.address) && strangers.push(request.url())));
  await engineReady(visitor.page, LONG);
  return { ...visitor, strangers };
}

const card = (page, id) => page.locator(`.network-card[data-key="${id}"]`);
const inUse = (page, id) => until(page, (state, wanted) => state.engine.phase === "ready" && state.engine.network.id === wanted && state.pending === 0, id, LONG);

test("LeNet-5, AlexNet and the pretrained network are compared on the same pictures, and the trained one wins", async (t) => {
  const { page, errors, strangers, state } = await visit("");
  await page.getByRole("button", { name: "Try the demo" }).click();
  await until(page, (now) => now.samples.length === 18 && now.pending === 0, null, LONG);
  await page.evaluate(() => document.dispatchEvent(new CustomEvent("view-show", { detail: "compare" })));
  await page.getByRole("button", { name: "Compare", exact: true }).click();
  await until(page, (now) => now.compare.rows.length === 3 && !now.compare.running, null, LONG);
  const { compare } = await state();
  t.diagnostic(compare.rows.map((row) => `${row.id}: ${row.accuracy}, ${row.ms} ms`).join("; "));
  assert.deepEqual(compare.rows.map((row) => row.step), ["done", "done", "done"]);
  const [lenet, alexnet, efficientnet] = compare.rows;
  assert.ok(efficientnet.accuracy >= Math.max(lenet.accuracy, alexnet.accuracy), "pretrained features separate best");
  assert.ok(lenet.ms < efficientnet.ms, `${lenet.ms} ms and ${efficientnet.ms} ms`);
  await page.screenshot({ path: join(ARTIFACTS, "shelf-compare.png") });
  await page.getByRole("button", { name: "Use it: LeNet-5, pretrained" }).click();
  await until(page, (now) => now.engine.phase === "ready" && now.engine.network.id === "lenet5", null, LONG);
  assert.equal((await state()).pending, 0, "its features are known already");
  assert.deepEqual([...errors, ...strangers], []);
  await page.context().close();
});

test("a dropped .pth is recognised by its content, and one for another network is refused with the whole list", async () => {
  const { page, errors, strangers, state } = await visit("#/networks");
  const bytes = [...pth(LENET5)];
  /** @param {string} selector @param {number[]} values */
  const drop = (selector, values) => page.evaluate(([where, content]) => {
    const dataTransfer = new DataTransfer();
    dataTransfer.items.add(new File([new Uint8Array(content)], "digits.pth"));
    for (const type of ["dragover", "drop"]) document.querySelector(where)?.dispatchEvent(new DragEvent(type, { bubbles: true, cancelable: true, dataTransfer }));
  }, /** @type {const} */ ([selector, values]));
  await drop('.network-card[data-key="resnet18"]', bytes);
  await page.getByText("digits.pth was not used").waitFor();
  await page.getByText("Everything that differs").click();
  assert.ok((await page.locator(".stranger pre").innerText()).split("\n").length > 50);
  assert.equal((await state()).engine.network.id, "efficientnet_lite0");
  await page.getByRole("button", { name: "Use it as LeNet-5" }).click();
  await inUse(page, "lenet5");
  assert.ok((await state()).engine.network.pretrained);
  await page.evaluate(() => globalThis.headstart.persistence.settled());
  await page.reload();
  await inUse(page, "lenet5");
  await page.evaluate(() => document.dispatchEvent(new CustomEvent("view-show", { detail: "networks" })));
  await drop("#networks", bytes.slice(0, 300));
  await page.locator(".notice.trouble").getByText(/^digits\.pth: /).waitFor();
  assert.deepEqual([...errors, ...strangers], []);
  await page.context().close();
});

test("every network is drawn on the shelf, and every stage of the deepest ones opens", async () => {
  const { page, errors, state } = await visit("#/networks");
  const { models } = await state();
  await until(page, (now, count) => Object.keys(now.architectures).length === count, models.length);
  assert.equal(await page.locator(".silhouette").count(), models.length);
  for (const id of ["resnet152", "googlenet", "lenet5"]) {
    await page.evaluate((network) => document.dispatchEvent(new CustomEvent("network-use", { detail: { id: network, weights: "random", file: "", part: "trunk" } })), id);
    await inUse(page, id);
    for (const name of await page.locator("button.stage-name").allInnerTexts()) {
      await page.getByRole("button", { name, exact: true }).click();
      await page.getByRole("tree", { name: `Layers of ${name}` }).getByRole("treeitem").first().waitFor();
    }
  }
  assert.deepEqual(errors, []);
  await page.context().close();
});

test("a network is measured here while the page's own goes on", async (t) => {
  const { page, errors, state } = await visit("#/networks");
  await card(page, "lenet5").getByRole("button", { name: /Measure how fast/ }).first().click();
  await until(page, (now) => now.shelf.speeds.lenet5 > 0, null, LONG);
  t.diagnostic(`${(await state()).shelf.speeds.lenet5} ms`);
  assert.equal((await state()).engine.phase, "ready");
  assert.deepEqual(errors, []);
  await page.context().close();
});
