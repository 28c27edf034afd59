// What the page itself does, with the stand-in engine: classes, pictures, storage, project files.

import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { engineReady, makePicture, told, until } from "./browser.mjs";
import { counts, settled, train, trainOnAndOn, visitors, withDemo } from "./visitors.mjs";

/** @type {Awaited<ReturnType<typeof visitors>>} */
let site;
before(async () => {
  site = await visitors();
});
after(() => site.close());

test("classes are added, renamed, recoloured, left out and removed, and removing is undone", async () => {
  const { page, errors } = await site.visit();
  await page.getByRole("button", { name: "Add a class" }).click();
  const name = page.locator(".class-card").nth(2).locator(".class-name");
  await name.fill("Cups");
  await name.press("Enter");
  await page.locator(".class-card").nth(2).locator("button.badge").click();
  await page.locator(".menu:popover-open").getByText("vermilion").click();
  await page.getByRole("button", { name: "More about Cups" }).click();
  await page.getByText("Leave out of training").locator("visible=true").click();
  await until(page, (state) => state.classes[2].name === "Cups" && state.classes[2].color === 6 && !state.classes[2].enabled);
  await page.getByRole("button", { name: "More about Cups" }).click();
  await page.getByText("Remove the class").locator("visible=true").click();
  await until(page, (state) => state.classes.length === 2);
  await page.getByRole("button", { name: "Undo" }).click();
  await until(page, (state) => state.classes.length === 3 && state.classes[2].name === "Cups");
  assert.deepEqual(errors, []);
  await page.context().close();
});

test("recording works by mouse and by the space key, and a tap takes one picture", async () => {
  const { page, errors } = await site.visit();
  await page.getByRole("button", { name: "Turn on the camera" }).click();
  await until(page, (state) => state.source.kind === "camera");
  const record = page.locator(".class-card").nth(0).locator(".record");
  await record.hover();
  await page.mouse.down();
  await until(page, (state) => state.recording?.count >= 4);
  await page.mouse.up();
  await until(page, (state) => state.recording === null);
  const byMouse = await page.evaluate(() => globalThis.headstart.store.state.samples.length);
  assert.ok(byMouse >= 4, `${byMouse} pictures`);
  await page.locator(".class-card").nth(1).locator(".record").focus();
  await page.keyboard.down(" ");
  await until(page, (state) => state.recording?.count >= 3);
  await page.keyboard.up(" ");
  await until(page, (state) => state.recording === null);
  const [, [, byKey]] = await counts(page);
  assert.ok(byKey >= 3, `${byKey} pictures`);
  await record.click();
  await until(page, (state, earlier) => state.recording === null && state.samples.length === earlier + 1, byMouse + byKey);
  assert.deepEqual(errors, []);
  await page.context().close();
});

test("the demo gives three classes that train at once, and the bars follow the demo object", async () => {
  const { page, errors } = await site.visit();
  await withDemo(page);
  assert.deepEqual(await counts(page), [["Fruit", 6], ["Animals", 6], ["Vehicles", 6]]);
  await train(page);
  await until(page, (state) => state.predicting.result !== null);
  assert.equal(await page.locator(".bars li").count(), 3);
  await page.locator(".pace").filter({ hasText: /ms per picture .* pictures a second/ }).waitFor();
  await page.locator(".confusion button:not(:disabled)").first().click();
  await page.locator(".cell-pictures img").first().waitFor();
  assert.deepEqual(errors, []);
  await page.context().close();
});

test("stop ends training at once and keeps what was learned", async () => {
  const { page, errors } = await site.visit();
  await withDemo(page);
  await trainOnAndOn(page);
  await until(page, (state) => state.training.history.length > 5);
  await page.getByRole("button", { name: "Stop" }).click();
  await until(page, (state) => state.head !== null && !state.training.running);
  const { head } = await page.evaluate(() => globalThis.headstart.store.state);
  assert.ok(head.stopped && head.history.length < 500, `stopped after ${head.history.length} of 1000 epochs`);
  assert.deepEqual(errors, []);
  await page.context().close();
});

test("everything is there again after a reload", async () => {
  const { page, errors, state } = await site.visit();
  await withDemo(page);
  await train(page);
  await page.getByLabel("Project name").fill("Toys");
  await page.keyboard.press("Tab");
  await until(page, (now) => now.project.saved === "saved" && now.project.name === "Toys");
  await settled(page);
  const old = await state();
  await page.reload();
  await engineReady(page);
  const now = await state();
  assert.equal(now.project.name, "Toys");
  assert.deepEqual(await counts(page), [["Fruit", 6], ["Animals", 6], ["Vehicles", 6]]);
  assert.equal(now.pending, 0);
  assert.equal(now.head.evaluation.accuracy, old.head.evaluation.accuracy);
  await page.getByRole("button", { name: "Demo object" }).click();
  await until(page, (later) => later.predicting.result !== null);
  assert.deepEqual(errors, []);
  await page.context().close();
});

test("a reload in the middle of recording loses nothing that was on screen", async () => {
  const { page, errors } = await site.visit();
  await page.getByRole("button", { name: "Turn on the camera" }).click();
  await until(page, (state) => state.source.kind === "camera");
  await page.locator(".record").first().hover();
  await page.mouse.down();
  await until(page, (state) => state.recording?.count >= 5);
  const [[, seen]] = await counts(page);
  // What is on screen is given the time to be written; the recording goes on.
  await settled(page);
  await page.reload();
  await page.waitForSelector("html[data-ready]");
  const [[, kept]] = await counts(page);
  assert.ok(kept >= seen, `${kept} of ${seen} pictures are left`);
  assert.deepEqual(errors, []);
  await page.context().close();
});

test("a project is saved as one zip, opened by another visitor, and opening is undone", async () => {
  const first = await site.visit();
  await withDemo(first.page);
  await train(first.page);
  await first.page.getByRole("button", { name: "Project", exact: true }).click();
  const download = first.page.waitForEvent("download");
  await first.page.getByRole("button", { name: "Save project as a file" }).click();
  const file = join(mkdtempSync(join(tmpdir(), "headstart-")), (await download).suggestedFilename());
  await (await download).saveAs(file);
  assert.match(file, /\.headstart\.zip$/);
  const saved = await first.state();
  await first.page.context().close();

  const second = await site.visit();
  await second.page.locator('#top-bar input[type="file"]').setInputFiles(file);
  await until(second.page, (state) => state.samples.length === 18 && state.head !== null && state.pending === 0);
  assert.deepEqual(await counts(second.page), [["Fruit", 6], ["Animals", 6], ["Vehicles", 6]]);
  assert.deepEqual((await second.state()).head.evaluation.confusion, saved.head.evaluation.confusion);
  await second.page.getByRole("button", { name: "Demo object" }).click();
  await until(second.page, (state) => state.predicting.result !== null);
  await second.page.getByRole("button", { name: "Undo" }).click();
  await until(second.page, (state) => state.samples.length === 0 && state.classes[0].name === "Class 1");
  assert.deepEqual([...first.errors, ...second.errors], []);
  await second.page.context().close();
});

test("a project that replaces another in the middle of training gets nothing of what that one learns", async () => {
  const { page, errors, state } = await site.visit();
  await withDemo(page);
  await trainOnAndOn(page);
  await until(page, (now) => now.training.history.length > 5);
  await page.getByRole("button", { name: "Project", exact: true }).click();
  await page.getByRole("button", { name: "New project" }).click();
  await until(page, (now) => now.samples.length === 0 && !now.training.running);
  await settled(page);
  const { head, training, project } = await state();
  assert.deepEqual([head, training.history, project.name], [null, [], "My project"]);
  await page.getByRole("button", { name: "Undo" }).click();
  await until(page, (now) => now.samples.length === 18 && now.pending === 0 && !now.training.running);
  assert.deepEqual(errors, []);
  await page.context().close();
});

test("a dropped folder of folders becomes classes, and a picked folder fills one class", async () => {
  const { page, errors } = await site.visit();
  const root = join(mkdtempSync(join(tmpdir(), "headstart-folders-")), "things");
  for (const [index, name] of ["cups", "keys"].entries()) {
    mkdirSync(join(root, name), { recursive: true });
    for (let at = 0; at < 3; at += 1) writeFileSync(join(root, name, `${at}.jpg`), await makePicture(page, { width: 120, height: 90, colour: `hsl(${index * 160 + at * 9} 70% 50%)` }));
  }
  const box = await page.locator(".add-class").boundingBox();
  const session = await page.context().newCDPSession(page);
  for (const type of ["dragEnter", "dragOver", "drop"]) {
    await session.send("Input.dispatchDragEvent", { type: /** @type {"drop"} */ (type), x: box.x + 20, y: box.y + 10, data: { items: [], files: [root], dragOperationsMask: 1 } });
  }
  await until(page, (state) => state.samples.length === 6 && state.pending === 0);
  assert.deepEqual((await counts(page)).sort(), [["cups", 3], ["keys", 3]]);
  await page.locator(".class-card").nth(0).locator('input[type="file"][webkitdirectory]').setInputFiles(join(root, "keys"));
  await until(page, (state) => state.samples.length === 9);
  assert.deepEqual(errors, []);
  await page.context().close();
});

test("one picture is removed and comes back; a class is cleared, comes back, and downloads as a zip", async () => {
  const { page, errors } = await site.visit();
  await withDemo(page);
  await page.locator(".thumbnail").first().click();
  await until(page, (state) => state.samples.length === 17);
  await page.getByRole("button", { name: "Undo" }).click();
  await until(page, (state) => state.samples.length === 18);
  await page.getByRole("button", { name: "More about Animals" }).click();
  await page.getByText("Remove all pictures").locator("visible=true").click();
  await until(page, (state) => state.samples.length === 12);
  await page.keyboard.press("Control+z");
  await until(page, (state) => state.samples.length === 18 && state.pending === 0);
  await page.getByRole("button", { name: "More about Animals" }).click();
  const download = page.waitForEvent("download");
  await page.getByText("Download the pictures").locator("visible=true").click();
  const { unzipSync } = await import("fflate");
  assert.equal(Object.keys(unzipSync(new Uint8Array(readFileSync(await (await download).path())))).length, 6);
  assert.equal((await download).suggestedFilename(), "Animals.zip");
  assert.deepEqual(errors, []);
  await page.context().close();
});

test("a picture dropped on the preview is classified, and a second tab does not write into the project", async () => {
  const { page, context, errors } = await site.visit();
  await withDemo(page);
  await train(page);
  const red = [...(await makePicture(page, { width: 400, height: 300, colour: "#c22" }))];
  await page.evaluate((bytes) => {
    const dataTransfer = new DataTransfer();
    dataTransfer.items.add(new File([new Uint8Array(bytes)], "red.jpg", { type: "image/jpeg" }));
    for (const type of ["dragover", "drop"]) document.querySelector("#live-predictions .preview")?.dispatchEvent(new DragEvent(type, { bubbles: true, cancelable: true, dataTransfer }));
  }, red);
  await until(page, (state) => state.predicting.still?.name === "red.jpg" && state.predicting.result !== null);
  await page.getByRole("button", { name: "Back to live" }).click();
  await until(page, (state) => state.predicting.still === null);
  const second = await context.newPage();
  await second.goto(site.address);
  await second.waitForSelector("html[data-ready]");
  await told(second, /already open in another tab/);
  assert.deepEqual(errors, []);
  await context.close();
});

test("what was measured on a device is handed to the engine at the next visit", async () => {
  const { page, errors, state } = await site.visit();
  assert.equal((await state()).engine.info.adapter, "");
  await page.reload();
  await engineReady(page);
  assert.equal((await state()).engine.info.adapter, "measured before");
  assert.deepEqual(errors, []);
  await page.context().close();
});

test("the self-test view shows a table and a report", async () => {
  const { page, errors } = await site.visit(undefined, "#/self-test");
  await page.getByRole("button", { name: "Run the self-test" }).click();
  await until(page, (state) => state.selfTest.cases !== null);
  await page.getByText("All 24 cases agree.").waitFor();
  assert.match(await page.getByLabel("Report").inputValue(), /"failed": \[\]/);
  assert.deepEqual(errors, []);
  await page.context().close();
});
