// The dial with the stand-in engine: what it says as it moves, and what becomes of a run that is stopped, diverges, or
// loses its engine or its tab.

import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { ARTIFACTS, engineReady, until } from "./browser.mjs";
import { settled, visitors, withDemo } from "./visitors.mjs";

const AXE = createRequire(import.meta.url).resolve("axe-core/axe.min.js");
/** @type {Awaited<ReturnType<typeof visitors>>} */
let site;
before(async () => {
  site = await visitors();
});
after(() => site.close());

const dial = (page) => page.getByRole("slider", { name: "Where training begins" });
const facts = (page) => page.locator(".dial-facts dd").allInnerTexts();
const set = (page, fields) => page.evaluate((given) => { const { store } = globalThis.headstart; store.patch("settings", given); }, fields);
/** Waits until the cost is that of the head alone, for the classes that there are now. */
const headCostKnown = (page) => until(page, ({ dial: { cost }, engine, classes }) => cost?.trained === (engine.network.featureLength + 1) * classes.length);
const trained = (page) => until(page, (state) => state.head !== null && !state.training.running);

test("the arrow keys move the line from the head to the picture, and weights, memory and words follow", async () => {
  const { page, errors } = await site.visit();
  await withDemo(page);
  await dial(page).focus();
  assert.match(await dial(page).getAttribute("aria-valuetext"), /only the head/);
  await headCostKnown(page);
  const said = new Set();
  const last = Number(await dial(page).getAttribute("aria-valuemax"));
  let weights = await page.evaluate(() => globalThis.headstart.store.state.dial.cost.trained);
  for (let at = 1; at <= last; at += 1) {
    await page.keyboard.press("ArrowUp");
    await until(page, (state, [from, least]) => state.settings.cut !== from && state.dial.cost?.trained > least, [said.size ? [...said].at(-1) : "features", weights]);
    const { settings, dial: now } = await page.evaluate(() => globalThis.headstart.store.state);
    said.add(settings.cut);
    weights = now.cost.trained;
    assert.equal(Number(await dial(page).getAttribute("aria-valuenow")), at);
  }
  assert.equal([...said].at(-1), "image");
  assert.match(await dial(page).getAttribute("aria-valuetext"), /Full fine-tuning, .* weights learn/);
  assert.equal(await page.locator(".stage.trained").count(), await page.locator(".stages > .stage").count());
  assert.equal(await page.evaluate(() => globalThis.headstart.store.state.settings.learningRate), 0.0001);
  await page.keyboard.press("Home");
  await until(page, (state) => state.settings.cut === "features" && state.settings.learningRate === 0.002);
  assert.equal((await facts(page))[1], "next to nothing");
  assert.deepEqual(errors, []);
  await page.context().close();
});

test("the head's cost is shown without asking the engine, which is asked as soon as the line is moved", async () => {
  const { page, errors } = await site.visit();
  await withDemo(page);
  await headCostKnown(page);
  const { dial: headOnly } = await page.evaluate(() => globalThis.headstart.store.state);
  await set(page, { hidden: 32 });
  await until(page, (state, earlier) => state.dial.cost.trained > earlier, headOnly.cost.trained);
  assert.equal(await page.evaluate(() => globalThis.headstart.store.state.dial.cost.bytes), 0, "the engine was asked");
  await dial(page).press("ArrowUp");
  await until(page, (state) => state.dial.cost.bytes > 0);
  assert.deepEqual(errors, []);
  await page.context().close();
});

test("where training does not fit, saving memory is offered, switched on in the settings, and needs less", async () => {
  const { page, errors } = await site.visit();
  await withDemo(page);
  await set(page, { cut: "image", batchSize: 300 });
  await page.locator(".dial-panel .trouble").getByText("save memory by computing again what is cheap").waitFor();
  const kept = (await facts(page))[1];
  await page.locator("#settings-form > summary").click();
  await page.getByText("More settings").click();
  await page.getByLabel("Save memory", { exact: true }).check();
  await until(page, (state) => state.dial.cost.fits);
  assert.notEqual((await facts(page))[1], kept);
  assert.equal(await page.locator(".dial-panel .trouble").isVisible(), false);
  assert.equal(await page.locator("button.train").first().isDisabled(), false);
  await page.getByLabel("Save memory", { exact: true }).scrollIntoViewIfNeeded();
  await page.screenshot({ path: join(ARTIFACTS, "save-memory-wide.png") });
  await page.setViewportSize({ width: 390, height: 844 });
  await page.getByRole("link", { name: "Network" }).click();
  await page.getByLabel("Save memory", { exact: true }).scrollIntoViewIfNeeded();
  await page.screenshot({ path: join(ARTIFACTS, "save-memory-narrow.png") });
  assert.deepEqual(errors, []);
  await page.context().close();
});

test("the line is dragged with the pointer, a probe tells the time, and from scratch is one click away", async () => {
  const { page, errors } = await site.visit();
  await withDemo(page);
  const from = await dial(page).boundingBox();
  const stage = await page.locator(".stages > .stage").nth(2).boundingBox();
  await page.mouse.move(from.x + from.width / 2, from.y + from.height / 2);
  await page.mouse.down();
  await page.mouse.move(from.x + from.width / 2, stage.y + 2, { steps: 5 });
  await page.mouse.up();
  await until(page, (state) => state.settings.cut === state.engine.network.stages[1].name);
  await page.getByRole("button", { name: "Measure" }).click();
  await until(page, (state) => state.dial.pace !== null && !state.dial.measuring);
  await page.screenshot({ path: join(ARTIFACTS, "dial-wide.png") });
  await page.getByRole("button", { name: "From scratch" }).click();
  await until(page, (state) => state.settings.fresh && state.settings.cut === "image" && state.settings.learningRate === 0.001);
  await page.getByText("Training from scratch").waitFor();
  await page.addScriptTag({ path: AXE });
  const found = await page.evaluate(async () => (await globalThis.axe.run(document, { resultTypes: ["violations"] })).violations.map(({ id, nodes }) => `${id}: ${nodes.map((node) => node.html).join(" ")}`));
  assert.deepEqual(found, []);
  assert.deepEqual(errors, []);
  await page.context().close();
});

test("fine-tuning shows the pictures, draws its curves, and predicts; stop keeps what was learned", async () => {
  const { page, errors } = await site.visit();
  await withDemo(page);
  await set(page, { cut: "image", epochs: 4 });
  await page.locator("button.train").first().click();
  await trained(page);
  let { head } = await page.evaluate(() => globalThis.headstart.store.state);
  assert.deepEqual([head.settings.cut, head.history.length, head.stopped], ["image", 4, false]);
  await until(page, (state) => state.predicting.result !== null);
  await set(page, { epochs: 900 });
  await page.locator("button.train").first().click();
  await until(page, (state) => state.training.history.length > 2);
  await page.getByRole("button", { name: "Stop" }).click();
  await trained(page);
  ({ head } = await page.evaluate(() => globalThis.headstart.store.state));
  assert.ok(head.stopped && head.history.length < 900);
  assert.deepEqual(errors, []);
  await page.context().close();
});

test("more settings are closed at first, show what becomes of a picture, and go into the run", async () => {
  const { page, errors } = await site.visit();
  await withDemo(page);
  await page.locator("#settings-form > summary").click();
  const strip = page.getByRole("img", { name: "8 variants of your last picture" });
  assert.equal(await page.getByLabel("Learning rate over time", { exact: true }).isVisible(), false);
  await page.getByText("More settings").click();
  await page.getByText("They count once the line is moved up").waitFor();
  assert.equal(await strip.isVisible(), false);
  const drawn = () => strip.locator("canvas").evaluateAll((places) => places.map((place) => place.toDataURL()));
  await page.getByLabel("Mirror", { exact: true }).check();
  await strip.waitFor();
  const mirrored = await drawn();
  assert.equal(new Set(mirrored).size, 2, "a picture and its mirror image");
  await page.getByLabel("Cover", { exact: true }).check();
  await page.waitForFunction((earlier) => document.querySelector(".variants canvas").toDataURL() !== earlier, mirrored[0]);
  assert.equal(new Set(await drawn()).size, 8);
  await page.getByLabel("Cover", { exact: true }).uncheck();
  await page.waitForFunction((earlier) => document.querySelector(".variants canvas").toDataURL() === earlier, mirrored[0]);
  for (const change of ["Cut out", "Turn", "Colours"]) await page.getByLabel(change, { exact: true }).check();
  await page.getByLabel("Learning rate over time", { exact: true }).selectOption("oneCycle");
  await page.locator("#setting-warmup:disabled").waitFor();
  await page.getByLabel("Average of weights", { exact: true }).selectOption("0.8");
  await page.getByLabel("Longest correction", { exact: true }).selectOption("1");
  await set(page, { cut: "image", epochs: 2 });
  await until(page, (state) => state.dial.cost !== null && state.settings.cut === "image");
  await page.locator(".variants").scrollIntoViewIfNeeded();
  await page.screenshot({ path: join(ARTIFACTS, "more-settings-wide.png") });
  await page.locator("button.train").first().click();
  await trained(page);
  const { schedule, average, clipNorm, augmentation } = (await page.evaluate(() => globalThis.headstart.store.state)).head.settings;
  assert.deepEqual({ schedule, average, clipNorm, augmentation }, { schedule: "oneCycle", average: 0.8, clipNorm: 1, augmentation: ["crop", "flip", "turn", "colour"] });
  await page.getByRole("button", { name: "Back to the defaults" }).click();
  await until(page, (state) => state.settings.augmentation.length === 0 && state.settings.schedule === "constant");
  assert.deepEqual(errors, []);
  await page.context().close();
});

test("a run that diverges says so and says what helps; batches too large for this device are refused", async () => {
  const { page, errors } = await site.visit();
  await withDemo(page);
  await set(page, { cut: "image", learningRate: 5 });
  await page.locator("button.train").first().click();
  await trained(page);
  await page.locator(".train-panel .trouble").filter({ hasText: /grew beyond all bounds.*Choose a learning rate below/ }).waitFor();
  await set(page, { batchSize: 512 });
  await page.locator(".dial-panel .trouble").getByText("choose batches of 256 or less, or train the head alone").waitFor();
  assert.equal(await page.locator("button.train").first().isDisabled(), true);
  assert.deepEqual(errors, []);
  await page.context().close();
});

test("a run goes on after the device is lost, by itself, and after a reload, on request", async () => {
  const { page, errors } = await site.visit();
  await withDemo(page);
  await set(page, { cut: "image", epochs: 2000 });
  await settled(page);
  await page.locator("button.train").first().click();
  await until(page, (state) => state.training.history.length >= 3);
  await page.evaluate(() => globalThis.headstart.engine.service.loseDevice());
  await until(page, (state) => state.notices.some((notice) => notice.text.includes("started its engine again")));
  await until(page, (state) => state.training.running && state.training.history.length > 5 && state.training.history[0].epoch === 1);
  // Epochs are quicker here than the browser writes, so that the one last written is not the one last seen.
  await page.waitForFunction(async () => ((await (await import(new URL("js/checkpoints.js", document.baseURI).href)).unfinishedRun())?.epoch ?? 0) >= 3);
  await settled(page);
  await page.reload();
  await engineReady(page);
  await page.getByText(/Training was interrupted after epoch \d+ of 2000/).waitFor();
  const { epoch } = await page.evaluate(() => globalThis.headstart.store.state.training.unfinished);
  assert.ok(epoch >= 3, `epoch ${epoch}`);
  await page.getByRole("button", { name: "Go on" }).click();
  await until(page, (state, earlier) => state.training.running && state.training.history.length > earlier, epoch);
  assert.deepEqual(await page.evaluate(() => globalThis.headstart.store.state.training.history.slice(0, 3).map((report) => report.epoch)), [1, 2, 3]);
  await page.getByRole("button", { name: "Stop" }).click();
  await trained(page);
  assert.deepEqual(errors, []);
  await page.context().close();
});

test("three ways of training end in one chart and one table, and a learning curve in another", async () => {
  const { page, errors } = await site.visit();
  await withDemo(page);
  await page.getByText("Compare ways of training").click();
  await page.getByRole("button", { name: "Run all three" }).click();
  await until(page, (state) => state.runs.rows.length === 3 && !state.runs.running);
  const { runs } = await page.evaluate(() => globalThis.headstart.store.state);
  assert.deepEqual(runs.rows.map(({ id, step, history }) => [id, step, history.length]), [["frozen", "done", 10], ["tuned", "done", 10], ["scratch", "done", 10]]);
  assert.ok(runs.rows[0].trained < runs.rows[1].trained && runs.rows[1].trained < runs.rows[2].trained);
  assert.equal(await page.locator("#runs tbody tr").count(), 3);
  await page.locator("#runs table").scrollIntoViewIfNeeded();
  await page.screenshot({ path: join(ARTIFACTS, "runs-wide.png") });
  await page.getByRole("button", { name: "Learning curve", exact: true }).click();
  await until(page, (state) => state.runs.curve?.lines[0].points[0].length > 0);
  await until(page, (state) => !state.runs.running);
  const { curve } = (await page.evaluate(() => globalThis.headstart.store.state)).runs;
  assert.deepEqual([curve.sizes, curve.lines.map(({ id, points }) => [id, points.flat().length])], [[1, 2], [["frozen", 6], ["scratch", 6]]]);
  await page.locator("#runs table").scrollIntoViewIfNeeded();
  await page.screenshot({ path: join(ARTIFACTS, "curve-wide.png") });
  await page.setViewportSize({ width: 390, height: 844 });
  await page.getByRole("link", { name: "Network" }).click();
  await page.waitForFunction(() => { const chart = document.querySelector("#runs .chart"); return chart && chart.getBoundingClientRect().right <= innerWidth; });
  await page.locator("#runs .plot").scrollIntoViewIfNeeded();
  await page.screenshot({ path: join(ARTIFACTS, "curve-narrow.png") });
  assert.deepEqual(errors, []);
  await page.context().close();
});

test("on a phone the dial is as wide as the page and nothing is cut off", async () => {
  const { page, errors } = await site.visit({ viewport: { width: 390, height: 844 } }, "?demo=6");
  await withDemo(page);
  await page.getByRole("link", { name: "Network" }).click();
  await set(page, { cut: "image" });
  await until(page, (state) => state.settings.cut === "image" && state.dial.cost);
  await page.screenshot({ path: join(ARTIFACTS, "dial-narrow.png"), fullPage: true });
  assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), "the page scrolls sideways");
  assert.deepEqual(errors, []);
  await page.context().close();
});
