// Downloading a network's weights from the shelf, with the stand-in engine and a slow server: only when asked for, with
// progress, stopped and gone on with, kept for the next visit, and deleted.

import assert from "node:assert/strict";
import { after, before, beforeEach, test } from "node:test";
import { told, until } from "./browser.mjs";
import { visitors, withDemo } from "./visitors.mjs";

const FILE = Buffer.from("weights of resnet18".padEnd(12_000_000, " "));
const CATALOGUE = { models: [{ id: "resnet18", title: "ResNet-18", paper: "", licence: "BSD-3-Clause", caveat: "", accuracy: null, sizes: {}, preprocessing: null, places: [{ kind: "origin", part: "whole", format: "safetensors", url: "models/resnet18.safetensors", bytes: FILE.length }] }] };
/** A host that publishes the trunk alone, before a place far away that has all of it. */
const TRUNK = { models: [{ ...CATALOGUE.models[0], places: [{ ...CATALOGUE.models[0].places[0], part: "trunk" }, { kind: "huggingface", part: "whole", format: "safetensors", repo: "timm/resnet18.tv_in1k", url: "model.safetensors" }] }] };

let catalogue = CATALOGUE;

/** What was asked for: where the answer begins. @type {number[]} */
let asked = [];
/** So many bytes are sent, slowly, and the rest is held back. */
let held = Infinity;

/** @param {string} path */
function answer(path) {
  if (path === "/models/catalog.json") return Buffer.from(JSON.stringify(catalogue));
  return path === "/models/resnet18.safetensors" ? drip : null;
}

/** Sends the file from where it was asked for. @param {import("node:http").IncomingMessage} request @param {import("node:http").ServerResponse} response */
async function drip(request, response) {
  const from = Number(/^bytes=(\d+)-$/.exec(request.headers.range ?? "")?.[1] ?? 0);
  asked.push(from);
  response.writeHead(from > 0 ? 206 : 200, { "content-length": FILE.length - from, etag: '"one"', ...(from > 0 && { "content-range": `bytes ${from}-${FILE.length - 1}/${FILE.length}` }) });
  for (let at = from; at < FILE.length && !response.destroyed;) {
    if (at < held) response.write(FILE.subarray(at, (at += 200_000)));
    if (held < Infinity) await new Promise((resolve) => setTimeout(resolve, 50));
  }
  response.end();
}

/** @type {Awaited<ReturnType<typeof visitors>>} */
let site;
before(async () => {
  site = await visitors({ answer });
});
after(() => site.close());
beforeEach(() => {
  asked = [];
  held = Infinity;
  catalogue = CATALOGUE;
});

/** @param {import("playwright-core").Page} page */
const card = (page) => page.locator('.network-card[data-key="resnet18"]');

test("a download begins when it is asked for, is stopped, goes on where it was, is kept, and is deleted", async () => {
  const { page, errors, state } = await site.visit();
  await withDemo(page);
  await page.locator("#top-bar").getByRole("button", { name: "Networks" }).click();
  await card(page).getByText("to download").waitFor();
  assert.deepEqual(asked, [], "nothing is asked for unasked");
  held = 10_000_000;
  await card(page).getByRole("button", { name: "Download and use: ResNet-18" }).click();
  await until(page, (now) => now.engine.phase === "download" && now.engine.done > 9_000_000);
  await page.locator("#loading .loading-text").filter({ hasText: /Downloading ResNet-18: [\d.]+ of 12\.0 MB · [\d.]+ MB\/s/ }).waitFor();
  await page.getByRole("button", { name: "Stop the download" }).click();
  await until(page, (now) => now.engine.phase === "ready" && now.engine.network.id === "efficientnet_lite0");
  await told(page, /download was stopped.*kept for the next attempt/);
  assert.equal((await state()).samples.length, 18);
  await page.locator("#top-bar").getByRole("button", { name: "Networks" }).click();
  await page.locator(".kept").getByText("ResNet-18, broken off").waitFor();
  held = Infinity;
  await card(page).getByRole("button", { name: "Download and use: ResNet-18" }).click();
  await until(page, (now) => now.engine.phase === "ready" && now.engine.network.id === "resnet18" && now.pending === 0);
  assert.deepEqual(asked, [0, 2 * (4 << 20)]);
  assert.ok((await state()).engine.network.pretrained);

  await page.evaluate(() => globalThis.headstart.persistence.settled());
  await page.reload();
  await page.waitForSelector("html[data-ready]");
  await until(page, (now) => now.engine.phase === "ready" && now.engine.network.id === "resnet18" && now.pending === 0);
  assert.equal(asked.length, 2, "it is in the browser");
  await page.locator("#top-bar").getByRole("button", { name: "Networks" }).click();
  await card(page).getByText("in this browser").waitFor();
  await page.getByRole("button", { name: "Delete the weights of ResNet-18" }).click();
  await card(page).getByText("to download").waitFor();
  await page.reload();
  await page.waitForSelector("html[data-ready]");
  await until(page, (now) => now.engine.phase === "ready" && now.engine.network.id === "efficientnet_lite0");
  await told(page, /weights of ResNet-18 are not in this browser any more/);
  assert.equal(asked.length, 2, "a visit downloads nothing by itself");
  assert.deepEqual(errors, []);
  await page.context().close();
});

test("the trunk that a host publishes is what its visitors load, and nothing from elsewhere", async () => {
  catalogue = TRUNK;
  const { page, errors, state } = await site.visit(undefined, "#/networks");
  /** @type {string[]} */
  const strangers = [];
  page.on("request", (request) => void (/^https?:/.test(request.url()) && !request.url().startsWith(site.address) && strangers.push(request.url())));
  await card(page).getByText("12 MB").waitFor();
  await card(page).getByRole("button", { name: "Download and use: ResNet-18" }).click();
  await until(page, (now) => now.engine.phase === "ready" && now.engine.network.id === "resnet18");
  assert.deepEqual((await state()).choice, { id: "resnet18", weights: "published", file: "", part: "trunk" });
  assert.deepEqual(asked, [0]);
  assert.deepEqual([...errors, ...strangers], []);
  await page.context().close();
});
