// Every view in both themes, wide and narrow: scanned with axe-core for people who see, hear or move differently, and
// photographed into tests/browser/artifacts for people who judge looks. With the stand-in engine.

import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { ARTIFACTS, drawn, engineReady, holdPictures, launch, open, overflow, serveFake, until } from "./browser.mjs";

const AXE = createRequire(import.meta.url).resolve("axe-core/axe.min.js");
const WIDE = { width: 1280, height: 800 };
const NARROW = { width: 390, height: 844 };

/** @type {import("playwright-core").Browser} */
let browser;
/** @type {Awaited<ReturnType<typeof serveFake>>} */
let site;
before(async () => {
  browser = await launch();
  site = await serveFake();
});
after(async () => {
  await browser.close();
  await site.close();
});

/** @param {import("playwright-core").Page} page @param {string} name */
async function scan(page, name) {
  await page.screenshot({ path: join(ARTIFACTS, `${name}.png`) });
  const violations = await page.evaluate(async () => {
    const { axe } = /** @type {any} */ (globalThis);
    const found = await axe.run(document, { resultTypes: ["violations"] });
    return found.violations.map((violation) => `${violation.impact} ${violation.id}: ${violation.nodes.map((node) => `${node.target.join(" ")} (${node.any[0]?.message ?? ""})`).slice(0, 3).join("; ")}`);
  });
  assert.deepEqual(violations, [], name);
}

for (const colorScheme of /** @type {const} */ (["light", "dark"])) {
  test(`axe finds nothing in any view, ${colorScheme}`, async () => {
    const { page, context, errors } = await open(browser, `${site.address}?demo=8`, { colorScheme, viewport: WIDE, reducedMotion: "reduce" });
    await page.addScriptTag({ path: AXE });
    await engineReady(page);
    const shot = (/** @type {string} */ name) => scan(page, `${name}-${colorScheme}`);
    await shot("1-empty-wide");
    await page.getByRole("button", { name: "Try the demo" }).click();
    await until(page, (state) => state.samples.length === 24 && state.pending === 0 && state.notices.length === 0);
    await shot("2-examples-wide");
    await page.locator("button.train").first().click();
    await until(page, (state) => state.head !== null && !state.training.running && state.predicting.result !== null);
    await shot("3-trained-wide");
    await page.locator("#settings-form > summary").click();
    await page.getByRole("button", { name: "What is the epochs setting?" }).click();
    await shot("4-settings-wide");
    await page.keyboard.press("Escape");
    await page.getByText("More settings").click();
    for (const change of ["Cut out", "Turn", "Colours"]) await page.getByLabel(change, { exact: true }).check();
    await page.getByRole("img", { name: "8 variants of your last picture" }).scrollIntoViewIfNeeded();
    await shot("4-more-settings-wide");
    await page.locator("#settings-form > summary").click();
    await page.locator(".confusion button:not(:disabled)").first().click();
    await page.locator(".cell-pictures").scrollIntoViewIfNeeded();
    await shot("5-results-wide");
    await page.getByText("What the network already knows").click();
    await page.getByLabel("Look inside").check();
    await until(page, (state) => state.look.maps.length > 0 && state.known.guesses.length > 0);
    await page.locator("#network-title").scrollIntoViewIfNeeded();
    await shot("6-inside-wide");
    await page.getByRole("button", { name: "More about Fruit" }).click();
    await page.getByText("Remove all pictures").locator("visible=true").click();
    await page.getByRole("button", { name: "Project", exact: true }).click();
    await shot("7-menus-wide");
    await page.keyboard.press("Escape");
    await page.getByRole("button", { name: "Self-test" }).click();
    await page.getByRole("button", { name: "Run the self-test" }).click();
    await page.getByText("All 24 cases agree.").waitFor();
    await shot("8-self-test-wide");

    await page.setViewportSize(NARROW);
    await shot("8-self-test-narrow");
    for (const place of ["Examples", "Network", "Predictions"]) {
      await page.getByRole("link", { name: place, exact: true }).click();
      await until(page, (state, view) => state.view === view, place.toLowerCase());
      await shot(`9-${place.toLowerCase()}-narrow`);
    }
    await page.setViewportSize({ width: 360, height: 640 });
    assert.equal(await overflow(page), 0, "pixels too wide for a phone of 360");
    await page.setViewportSize({ width: 1920, height: 1080 });
    await drawn(page);
    await shot("9-projector");
    assert.deepEqual(errors, []);
    await context.close();
  });
}

test("on a phone the bar is one row, and what is not in it is behind its button", async () => {
  const { page, context, errors } = await open(browser, site.address, { viewport: NARROW });
  await page.addScriptTag({ path: AXE });
  await engineReady(page);
  const { height } = await page.locator("#top-bar").boundingBox();
  assert.ok(height < 64, `the bar takes ${height} pixels of ${NARROW.height}`);
  for (const view of ["Networks", "Digits", "Self-test"]) {
    await page.getByRole("button", { name: "Menu" }).click();
    await page.getByRole("button", { name: view, exact: true }).waitFor();
    if (view === "Networks") await scan(page, "9-menu-narrow");
    await page.getByRole("button", { name: view, exact: true }).click();
    await page.getByRole("heading", { name: view, level: 2 }).waitFor();
  }
  await page.getByRole("button", { name: "Menu" }).click();
  await page.getByRole("button", { name: "Dark" }).click();
  assert.equal(await page.evaluate(() => document.documentElement.dataset.theme), "dark");
  assert.deepEqual(errors, []);
  await context.close();
});

for (const colorScheme of /** @type {const} */ (["light", "dark"])) {
  test(`axe finds nothing in the views of networks, ${colorScheme}`, async () => {
    const { page, context, errors } = await open(browser, `${site.address}?demo=6#/networks`, { colorScheme, viewport: WIDE, reducedMotion: "reduce" });
    await page.addScriptTag({ path: AXE });
    await engineReady(page);
    const fits = async (/** @type {string} */ name) => {
      await page.setViewportSize({ width: 360, height: 640 });
      assert.equal(await overflow(page), 0, `${name}: pixels too wide for a phone of 360`);
      await page.setViewportSize(NARROW);
      await scan(page, `${name}-${colorScheme}-narrow`);
      await page.setViewportSize(WIDE);
      await scan(page, `${name}-${colorScheme}-wide`);
    };
    await page.locator(".silhouette").first().waitFor();
    await fits("10-shelf");
    await page.getByRole("button", { name: "More about ResNet-18" }).click();
    await scan(page, `11-shelf-menu-${colorScheme}-wide`);
    await page.keyboard.press("Escape");
    await page.locator("#networks > header").getByLabel("File with weights").setInputFiles({ name: "notes.txt", mimeType: "text/plain", buffer: Buffer.from("hello") });
    await page.getByText("Everything that differs").click();
    await fits("12-stranger");
    await page.getByRole("button", { name: "Dismiss" }).first().click();
    await page.locator(".storage-panel").scrollIntoViewIfNeeded();
    await fits("13-storage");
    await page.evaluate(() => document.dispatchEvent(new CustomEvent("demo-start")));
    await until(page, (state) => state.samples.length === 18 && state.pending === 0 && state.notices.length === 0);
    await page.getByRole("button", { name: "Compare side by side" }).click();
    await page.getByText("Networks to compare").click();
    await fits("14-compare-pick");
    await page.getByText("Networks to compare").click();
    const letGo = await holdPictures(page, (state) => state.compare.rows[1]?.step === "pictures");
    await page.getByRole("button", { name: "Compare", exact: true }).click();
    await until(page, (state) => state.compare.rows[1]?.step === "pictures");
    await scan(page, `15-compare-running-${colorScheme}-wide`);
    await letGo();
    await until(page, (state) => state.compare.rows.length > 2 && !state.compare.running);
    await fits("16-compare");
    for (const [at, [id, stage, block]] of [["resnet18", "Stage 2", "layer2.0"], ["googlenet", "Inception 3a and 3b", "inception3a"]].entries()) {
      await page.evaluate((network) => document.dispatchEvent(new CustomEvent("network-use", { detail: { id: network, weights: "random", file: "", part: "trunk" } })), id);
      await until(page, (state, network) => state.engine.phase === "ready" && state.engine.network.id === network && state.pending === 0, id);
      await page.getByRole("button", { name: stage }).click();
      await page.getByRole("treeitem", { name: `Block ${block}.` }).click();
      await page.keyboard.press("ArrowDown");
      await fits(`${17 + at}-stage`);
    }
    assert.deepEqual(errors, []);
    await context.close();
  });
}

test("the whole story can be told with the keyboard alone", async () => {
  const { page, context, errors } = await open(browser, `${site.address}?demo=4`, { viewport: WIDE });
  await engineReady(page);
  /** @param {string} label */
  const tabTo = async (label) => {
    for (let press = 0; press < 120; press += 1) {
      await page.keyboard.press("Tab");
      const name = await page.evaluate(() => document.activeElement?.getAttribute("aria-label") ?? document.activeElement?.textContent ?? "");
      if (name.trim() === label) return;
    }
    assert.fail(`${label} cannot be reached with the tab key`);
  };
  await tabTo("Try the demo");
  await page.keyboard.press("Enter");
  await until(page, (state) => state.samples.length === 12 && state.pending === 0);
  await tabTo("Train");
  await page.keyboard.press("Enter");
  await until(page, (state) => state.head !== null && state.predicting.result !== null);
  await tabTo("Networks");
  await page.keyboard.press("Enter");
  await tabTo("Use it untrained: LeNet-5");
  await page.keyboard.press("Enter");
  await until(page, (state) => state.engine.network?.id === "lenet5" && state.engine.phase === "ready" && state.pending === 0);
  await tabTo("Train");
  await page.keyboard.press("Enter");
  await until(page, (state) => state.head !== null && state.predicting.result !== null);
  await tabTo("Pause the predictions");
  await page.keyboard.press("Space");
  await until(page, (state) => !state.predicting.on);
  assert.deepEqual(errors, []);
  await context.close();
});
