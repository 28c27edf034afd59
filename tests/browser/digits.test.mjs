// LeNet-5 learning to read digits, with the real engine: well beyond chance in seconds, what is drawn is read, files of
// digits are taken or refused, and what was learned is there again after a reload.

import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { gzipSync } from "node:zlib";
import { ARTIFACTS, launch, open, overflow, serveReal, until } from "./browser.mjs";
import { idx } from "../page/idx.mjs";

const AXE = createRequire(import.meta.url).resolve("axe-core/axe.min.js");
const LONG = 240_000;
/** @type {Awaited<ReturnType<typeof serveReal>>} */
let site;
before(async () => void (site = await serveReal()));
after(() => site.close());

/** @typedef {import("playwright-core").Page} Tab */

const ready = (/** @type {Tab} */ page) => until(page, (state) => state.digits.phase === "ready" && state.digits.reading !== null, null, LONG);

/** Waits until learning has ended, and what was learned is checked and kept. @param {Tab} page */
async function rested(page) {
  await until(page, ({ digits }) => !digits.running && digits.checks.at(-1)?.seen === digits.seen, null, LONG);
  await page.waitForFunction(async () => {
    const answer = (/** @type {IDBRequest} */ request) => new Promise((resolve, reject) => Object.assign(request, { onsuccess: () => resolve(request.result), onerror: () => reject(request.error) }));
    const database = await answer(indexedDB.open("headstart-digits"));
    const run = await answer(database.transaction("kept").objectStore("kept").get("run"));
    database.close();
    return run?.seen === globalThis.headstart.store.state.digits.seen;
  }, null, { timeout: LONG });
}

/** @param {Tab} page @param {number} accuracy */
async function learnUntil(page, accuracy) {
  await page.getByRole("button", { name: /^Train/ }).click();
  await until(page, (state, wanted) => state.digits.checks.at(-1).accuracy >= wanted, accuracy, LONG);
  await page.getByRole("button", { name: "Pause" }).click();
  await rested(page);
}

/** Draws strokes on the board, in tenths of its side. @param {Tab} page @param {[number, number][][]} strokes */
async function drawOn(page, strokes) {
  const box = await page.locator(".board").boundingBox();
  const to = ([x, y]) => [box.x + (x / 10) * box.width, box.y + (y / 10) * box.height];
  for (const [first, ...rest] of strokes) {
    const [x, y] = to(first);
    await page.mouse.move(x, y);
    await page.mouse.down();
    for (const point of rest) {
      const [toX, toY] = to(point);
      await page.mouse.move(toX, toY, { steps: 6 });
    }
    await page.mouse.up();
  }
}
/** Pictures that are easy to tell apart: a bar as far from the left as the digit is large. @param {number} count */
const bars = (count) => idx([count, 28, 28], (at) => (Math.floor((at % 28) / 2.8) === Math.floor(at / 784) % 10 ? 255 : 0));
/** @param {number} count */
const digitsInTurn = (count) => idx([count], (at) => at % 10);
const ONE = [[[5.2, 1.5], [5, 8.5]]];
const SEVEN = [[[2.5, 2], [7.5, 2], [4.5, 8.5]]];
const ZERO = [[[5, 1.5], [3.3, 2.3], [2.6, 5], [3.3, 7.7], [5, 8.5], [6.7, 7.7], [7.4, 5], [6.7, 2.3], [5, 1.5]]];

/** What the network takes the drawing for. @param {Tab} page @param {[number, number][][]} strokes */
async function read(page, strokes) {
  await page.getByRole("button", { name: "Wipe" }).click({ force: true }).catch(() => undefined);
  await until(page, (state) => state.digits.pad.pixels === null);
  await drawOn(page, strokes);
  // The first answer may be about a part of the drawing still; the second one is about all of it.
  for (let answer = 0; answer < 2; answer += 1) {
    await page.evaluate(() => {
      const { store } = globalThis.headstart;
      const { pad } = store.state.digits;
      store.patch("digits", { pad: { ...pad, shares: null } });
      document.dispatchEvent(new CustomEvent("digits-show", { detail: { pixels: pad.pixels.slice() } }));
    });
    await until(page, (state) => state.digits.pad.shares !== null);
  }
  return page.evaluate(() => { const { shares } = globalThis.headstart.store.state.digits.pad; return { best: shares.indexOf(Math.max(...shares)), most: Math.max(...shares) }; });
}

test("from random numbers to reading, on the CPU: live figures, drawings read, kept over a reload, undone", async (t) => {
  const browser = await launch();
  const { page, errors, state } = await open(browser, `${site.address}?backend=cpu`);
  await page.getByRole("button", { name: "Digits" }).click();
  assert.equal(await page.evaluate(() => location.hash), "#/digits");
  await ready(page);
  const first = (await state()).digits;
  assert.ok(first.checks[0].accuracy > 0.02 && first.checks[0].accuracy < 0.25, `chance, not ${first.checks[0].accuracy}`);
  assert.deepEqual([first.data.count, first.data.held.labels === undefined], [10_000, false]);
  const guess = await read(page, ONE);
  assert.ok(guess.most < 0.6, `an untrained network is sure of nothing, not ${guess.most}`);

  const started = Date.now();
  await learnUntil(page, 0.8);
  const learned = (await state()).digits;
  t.diagnostic(`${learned.checks.at(-1).accuracy} after ${learned.seen} digits, ${Date.now() - started} ms`);
  // It goes on learning while Pause is on its way.
  const { seen: enough } = learned.checks.find((check) => check.accuracy >= 0.8);
  assert.ok(enough < 20_000, `${enough} digits`);
  await learnUntil(page, 0.93);
  t.diagnostic(`0.93 after ${(await state()).digits.seen} digits, ${Date.now() - started} ms`);
  for (const [digit, strokes] of /** @type {[number, [number, number][][]][]} */ ([[0, ZERO], [1, ONE], [7, SEVEN]])) {
    const { best, most } = await read(page, strokes);
    assert.equal(best, digit, `drawn: ${digit}, read: ${best}, ${most} sure`);
  }
  await page.locator(".board").focus();
  await page.keyboard.press("4");
  await until(page, (now) => now.digits.pad.truth === 4 && now.digits.pad.shares !== null);
  await page.keyboard.press("Delete");
  await until(page, (now) => now.digits.pad.pixels === null);
  await page.getByRole("group", { name: "Mistakes by digit" }).getByRole("button").nth(8).click();
  await page.locator(".wrong-digit").first().click();
  await until(page, (now) => now.digits.pad.truth === 8);
  await page.screenshot({ path: join(ARTIFACTS, "20-digits-trained.png"), fullPage: true });

  const { seen, checks, filters } = (await state()).digits;
  await page.reload();
  await page.waitForSelector("html[data-ready]");
  await ready(page);
  const again = (await state()).digits;
  assert.deepEqual([again.seen, again.checks.length], [seen, checks.length]);
  assert.deepEqual(Object.values(again.filters), Object.values(filters));
  assert.equal(again.checks.at(-1).accuracy, checks.at(-1).accuracy, "the same network reads the same digits");

  await page.getByRole("button", { name: "Start over", exact: true }).click();
  await until(page, (now) => now.digits.seen === 0 && now.digits.checks.length === 1 && now.digits.checks[0].accuracy < 0.25);
  await page.locator("#notices").getByRole("button", { name: "Undo" }).click();
  await until(page, (now, before2) => now.digits.seen === before2 && now.digits.checks.at(-1).accuracy > 0.9, seen);
  assert.deepEqual(errors, []);
  await browser.close();
});

test("the same seed learns the same, another seed does not, and too large steps end with advice", async () => {
  const browser = await launch();
  const { page, errors, state } = await open(browser, `${site.address}?backend=cpu#/digits`);
  await ready(page);
  const early = async () => {
    await page.getByRole("button", { name: /^Train/ }).click();
    await until(page, (now) => now.digits.checks.some((check) => check.seen >= 512), null, LONG);
    await page.getByRole("button", { name: "Pause" }).click();
    await rested(page);
    return (await state()).digits.checks.filter((check) => check.seen <= 512);
  };
  const restart = async (/** @type {string} */ name) => {
    await page.getByRole("button", { name, exact: true }).click();
    await until(page, (now) => now.digits.seen === 0 && now.digits.checks.length === 1 && !now.digits.running);
  };
  const one = await early();
  await restart("Start over");
  assert.deepEqual(await early(), one);
  await page.locator(".digits-train > .settings > summary").click();
  await restart("Start over with other random numbers");
  assert.notDeepEqual(await early(), one);
  await page.evaluate(() => document.dispatchEvent(new CustomEvent("digits-settings", { detail: { learningRate: 1e30 } })));
  await page.getByRole("button", { name: /^Train/ }).click();
  await page.getByText(/grew beyond all bounds.*choose a learning rate below/).waitFor();
  assert.ok((await state()).digits.filters.every?.(Number.isFinite) ?? true);
  assert.deepEqual(errors, []);
  await browser.close();
});

test("the network that was trained earlier reads nearly everything, and one's own comes back", async (t) => {
  const browser = await launch();
  const { page, errors, state } = await open(browser, `${site.address}?backend=cpu#/digits`);
  await ready(page);
  await page.getByRole("button", { name: "Use the one we trained earlier" }).click();
  await until(page, (now) => now.digits.start === "trained" && now.digits.checks.at(-1)?.accuracy > 0.9);
  const { accuracy } = (await state()).digits.checks.at(-1);
  t.diagnostic(`${accuracy}`);
  assert.ok(accuracy > 0.98, `${accuracy} of the digits kept apart`);
  for (const [digit, strokes] of /** @type {[number, [number, number][][]][]} */ ([[0, ZERO], [1, ONE], [7, SEVEN]])) assert.equal((await read(page, strokes)).best, digit);
  await page.getByRole("button", { name: "Start over", exact: true }).click();
  await until(page, (now) => now.digits.start === "random" && now.digits.checks.at(-1)?.accuracy < 0.25);
  assert.deepEqual(errors, []);
  await browser.close();
});

test("files of digits are taken, others refused with a sentence, and what was learned goes on", async () => {
  const browser = await launch();
  const { page, errors, state } = await open(browser, `${site.address}?backend=cpu#/digits`);
  await ready(page);
  const [pictures, labels] = [bars(60), digitsInTurn(60)];
  const file = (/** @type {string} */ name, /** @type {Buffer} */ buffer) => ({ name, mimeType: "application/octet-stream", buffer });
  const give = (/** @type {any[]} */ ...files) => page.getByLabel("Files of digits").setInputFiles(files);
  const seen = (await state()).digits.data.count;
  for (const [files, sentence] of /** @type {[any[], RegExp][]} */ ([
    [[file("notes.txt", Buffer.from("no digits"))], /notes\.txt holds no digits/],
    [[file("cut.idx", pictures.subarray(0, 30_000)), file("labels.idx", labels)], /cut\.idx is damaged.*60 pictures/],
    [[file("damaged.gz", gzipSync(pictures).subarray(0, 100)), file("labels.idx", labels)], /damaged\.gz is damaged.*unpacked/],
    [[file("pictures.idx", pictures)], /60 pictures, and no file/],
  ])) {
    await give(...files);
    await page.locator("#digits p.trouble", { hasText: sentence }).waitFor();
    assert.equal((await state()).digits.data.count, seen, "the digits stay what they were");
  }
  await give(file("a", gzipSync(pictures)), file("b", labels));
  await until(page, (now) => now.digits.data.count === 50 && now.digits.checks.length === 1 && now.digits.reading !== null && now.digits.phase === "ready");
  await learnUntil(page, 0.9);
  await page.reload();
  await page.waitForSelector("html[data-ready]");
  await ready(page);
  assert.equal((await state()).digits.data.count, 50, "files are kept too");
  await page.getByRole("button", { name: "Back to the digits of the page" }).click();
  await until(page, (now) => now.digits.data.count === 10_000 && now.digits.phase === "ready" && now.digits.seen === 0);
  assert.deepEqual(errors, []);
  await browser.close();
});

/** The page with few digits: 50 to learn from. */
function serveFew() {
  const few = /** @type {Record<string, Buffer>} */ ({});
  for (const [name, count] of /** @type {[string, number][]} */ ([["learn", 50], ["test", 10]])) {
    few[`/digits/${name}-images.bin`] = bars(count);
    few[`/digits/${name}-labels.bin`] = digitsInTurn(count);
  }
  return serveReal({ answer: (path) => few[path] ?? null });
}

test("a round with a schedule pauses at its end, digits are changed by the seed, and clipped steps stay finite", async () => {
  const browser = await launch();
  const small = await serveFew();
  const { page, errors, state } = await open(browser, `${small.address}?backend=cpu#/digits`);
  await ready(page);
  await page.locator(".digits-train > .settings > summary").click();
  await page.locator(".digits-train").getByText("More settings").click();
  const strip = page.getByRole("img", { name: "8 variants of one digit" });
  assert.equal(await strip.isVisible(), false);
  await page.locator(".digits-train").getByLabel("Turn and move", { exact: true }).check();
  await strip.waitFor();
  await until(page, (now) => now.digits.variants.length === 8);
  assert.equal(new Set(await strip.locator("canvas").evaluateAll((places) => places.map((place) => place.toDataURL()))).size, 8);
  await page.locator(".digits-train").getByLabel("Learning rate over time", { exact: true }).selectOption("cosine");
  await page.locator(".digits-train").getByLabel("A round", { exact: true }).selectOption("5");
  const round = async () => {
    await page.getByRole("button", { name: /^Train/ }).click();
    await rested(page);
    return (await state()).digits;
  };
  const first = await round();
  assert.ok(first.seen >= 250 && first.seen < 250 + 32, `${first.seen} digits in a round of 250`);
  await page.getByRole("button", { name: "Start over", exact: true }).click();
  await until(page, (now) => now.digits.seen === 0 && now.digits.checks.length === 1 && !now.digits.running);
  assert.deepEqual((await round()).checks.at(-1), first.checks.at(-1));
  await page.locator(".digits-train").getByLabel("Average of weights", { exact: true }).selectOption("0.9");
  await page.getByRole("button", { name: "Start over", exact: true }).click();
  await until(page, (now) => now.digits.seen === 0 && now.digits.checks.length === 1 && !now.digits.running);
  const averaged = (await round()).checks.at(-1);
  assert.notDeepEqual(averaged, first.checks.at(-1), "the average is what is checked");
  assert.ok(Number.isFinite(averaged.loss), `${averaged.loss}`);
  await page.locator(".digits-train .variants").scrollIntoViewIfNeeded();
  await page.screenshot({ path: join(ARTIFACTS, "digits-more-wide.png") });
  await page.evaluate(() => document.dispatchEvent(new CustomEvent("digits-settings", { detail: { clipNorm: 0.1, learningRate: 0.2, turn: false } })));
  await page.getByRole("button", { name: "Train on" }).click();
  await rested(page);
  const clipped = (await state()).digits;
  assert.ok(clipped.seen > first.seen, `${clipped.seen} digits`);
  assert.equal(clipped.sentence, "");
  assert.deepEqual(errors, []);
  await browser.close();
  await small.close();
});

test("it learns on WebGPU too", async (t) => {
  const browser = await launch({ webgpu: true });
  // A software adapter takes its time.
  const small = await serveFew();
  const { page, errors, state } = await open(browser, `${small.address}?backend=webgpu#/digits`);
  await ready(page);
  const first = (await state()).digits;
  assert.match(first.backend, /WebGPU/);
  await page.getByRole("button", { name: /^Train/ }).click();
  await until(page, (now, loss) => now.digits.checks.at(-1).loss < 0.8 * loss, first.checks[0].loss, LONG);
  await page.getByRole("button", { name: "Pause" }).click();
  await rested(page);
  t.diagnostic(`${(await state()).digits.seen} digits, ${first.backend}`);
  assert.deepEqual(errors, []);
  await browser.close();
  await small.close();
});

for (const colorScheme of /** @type {const} */ (["light", "dark"])) {
  test(`axe finds nothing in the digits, ${colorScheme}, and they fit every screen`, async () => {
    const browser = await launch();
    const { page, errors } = await open(browser, `${site.address}?backend=cpu#/digits`, { colorScheme, reducedMotion: "reduce" });
    await page.addScriptTag({ path: AXE });
    await ready(page);
    /** @param {string} name */
    const scan = async (name) => {
      await page.screenshot({ path: join(ARTIFACTS, `${name}-${colorScheme}.png`), fullPage: true });
      const violations = await page.evaluate(async () => (await /** @type {any} */ (globalThis).axe.run(document, { resultTypes: ["violations"] })).violations.map((violation) => `${violation.impact} ${violation.id}: ${violation.nodes.map((node) => node.target.join(" ")).slice(0, 3).join("; ")}`));
      assert.deepEqual(violations, [], name);
    };
    await scan("20-digits-fresh-wide");
    await learnUntil(page, 0.85);
    await page.locator(".board").press("5");
    await page.getByRole("group", { name: "Mistakes by digit" }).getByRole("button").nth(5).click();
    await until(page, ({ digits }) => digits.pad.truth === 5 && digits.pad.shares !== null && digits.asked === 5);
    for (const [name, width, height] of /** @type {[string, number, number][]} */ ([["wide", 1280, 800], ["narrow", 390, 844], ["small", 360, 640], ["projector", 1920, 1080]])) {
      await page.setViewportSize({ width, height });
      assert.equal(await overflow(page), 0, `pixels too wide for ${width}`);
      await scan(`21-digits-${name}`);
    }
    assert.deepEqual(errors, []);
    await browser.close();
  });
}
