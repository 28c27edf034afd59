// Bad input and bad luck, with the stand-in engine: each gets one clear sentence and a way on, and no sample is lost.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { engineReady, greyJpeg, greyPng, makePicture, told, until, withOrientation } from "./browser.mjs";
import { counts, train, trainOnAndOn, upload, visitors, withDemo } from "./visitors.mjs";

/** @type {Awaited<ReturnType<typeof visitors>>} */
let site;
before(async () => {
  site = await visitors();
});
after(() => site.close());

test("a part of the page that does not arrive is said, and the rest goes on", async () => {
  const own = await visitors({ answer: (path) => (path === "/js/digits/index.js" ? (_request, response) => response.writeHead(404).end() : null) });
  const { page, errors } = await own.visit({ expected: /404/ });
  await page.getByRole("button", { name: "Digits" }).click();
  await page.getByText("This part of the page did not arrive: check the connection and reload the page.").waitFor();
  await page.getByRole("button", { name: "Networks" }).click();
  await page.locator(".silhouette").first().waitFor();
  assert.deepEqual(errors, []);
  await own.close();
});

test("recording asks for the camera, and a blocked camera is explained", async () => {
  const { page, errors } = await site.visit({ camera: false });
  await page.locator(".record").first().click();
  await until(page, (state) => state.source.sentence !== "");
  await page.locator("#source-panel .trouble").filter({ hasText: /camera is blocked.*Allow it.*demo/s }).waitFor();
  assert.deepEqual(errors, []);
  await page.context().close();
});

test("a camera unplugged while recording keeps the pictures taken so far", async () => {
  const { page, errors } = await site.visit();
  await page.getByRole("button", { name: "Turn on the camera" }).click();
  await until(page, (state) => state.source.kind === "camera");
  await page.locator(".record").first().hover();
  await page.mouse.down();
  await until(page, (state) => state.recording?.count >= 3);
  await page.evaluate(() => globalThis.headstart.source.stream.getTracks()[0].dispatchEvent(new Event("ended")));
  await until(page, (state) => state.recording === null);
  await page.mouse.up();
  await told(page, /camera was disconnected.*kept/s);
  assert.ok((await counts(page))[0][1] >= 3);
  assert.deepEqual(errors, []);
  await page.context().close();
});

test("a project whose head is damaged or of another network opens with its examples and says what to do", async () => {
  const { page, errors } = await site.visit();
  await withDemo(page);
  await train(page);
  for (const harm of ["bytes", "fingerprint"]) {
    await page.evaluate(async (field) => {
      const { persistence, store } = globalThis.headstart;
      store.set({ head: { ...store.state.head, [field]: field === "bytes" ? new Uint8Array([1, 2, 3]) : "another" } });
      await persistence.settled();
    }, harm);
    await page.reload();
    await engineReady(page);
    await page.getByText(/What this project had learned cannot be used here.*press Train/).waitFor();
    assert.deepEqual(await counts(page), [["Fruit", 6], ["Animals", 6], ["Vehicles", 6]]);
    await train(page);
  }
  assert.deepEqual(errors, []);
  await page.context().close();
});

test("a damaged zip, a stranger's zip and another version's zip change nothing and say so", async () => {
  const { page, errors } = await site.visit();
  await withDemo(page);
  const { zipSync, strToU8 } = await import("fflate");
  const zip = (description) => Buffer.from(zipSync({ "project.json": strToU8(JSON.stringify(description)) }));
  const sound = zip({ format: "headstart-project", version: 1, name: "x", classes: [], samples: [] });
  const cases = [
    ["cut.zip", sound.subarray(0, 60), /cut\.zip could not be opened.*damaged/],
    ["holiday.zip", Buffer.from(zipSync({ "beach.txt": strToU8("sand") })), /holiday\.zip is not a Headstart project/],
    ["future.zip", zip({ format: "headstart-project", version: 7 }), /future\.zip was saved by another version.*format 7/],
    ["half.zip", zip({ format: "headstart-project", version: 1, name: "x" }), /half\.zip.*incomplete/],
  ];
  for (const [name, buffer, sentence] of cases) {
    await page.locator('#top-bar input[type="file"]').setInputFiles({ name, mimeType: "application/zip", buffer });
    await page.waitForFunction((text) => document.querySelector("#notices")?.textContent?.includes(text), `${name} `);
    await told(page, sentence);
  }
  assert.deepEqual(await counts(page), [["Fruit", 6], ["Animals", 6], ["Vehicles", 6]]);
  assert.deepEqual(errors, []);
  await page.context().close();
});

test("unusable files are named, and the others are added", async () => {
  const { page, errors } = await site.visit();
  const good = await makePicture(page, { width: 300, height: 200, colour: "#c33" });
  await upload(page, 0, [
    { name: "empty.jpg", mimeType: "image/jpeg", buffer: Buffer.alloc(0) },
    { name: "notes.txt", mimeType: "text/plain", buffer: Buffer.from("hello") },
    { name: "broken.jpg", mimeType: "image/jpeg", buffer: good.subarray(0, 90) },
    { name: "good.jpg", mimeType: "image/jpeg", buffer: good },
  ]);
  await until(page, (state) => state.samples.length === 1 && state.notices.some((notice) => notice.tone === "trouble"));
  await told(page, /empty\.jpg is empty/, /notes\.txt is not a picture/, /broken\.jpg could not be read/, /The other picture was added/);
  assert.deepEqual(errors, []);
  await page.context().close();
});

test("a 40-megapixel photo, transparency, greyscale and EXIF rotation all become good examples", async () => {
  const { page, errors } = await site.visit();
  const upright = withOrientation(await makePicture(page, { width: 400, height: 200, colour: "#36c" }), 6);
  await upload(page, 0, [
    { name: "huge.jpg", mimeType: "image/jpeg", buffer: await makePicture(page, { width: 7303, height: 5477, colour: "#3a6" }) },
    { name: "clear.png", mimeType: "image/png", buffer: await makePicture(page, { width: 200, height: 200, colour: "#f00", type: "image/png", transparent: true }) },
    { name: "grey.jpg", mimeType: "image/jpeg", buffer: greyJpeg() },
    { name: "grey.png", mimeType: "image/png", buffer: greyPng(64) },
    { name: "upright.jpg", mimeType: "image/jpeg", buffer: upright },
  ]);
  await until(page, (state) => state.samples.length === 5 && state.pending === 0);
  const kept = await page.evaluate(() => Object.fromEntries(globalThis.headstart.store.state.samples.map((sample) => [sample.name, [sample.width, sample.height, sample.blob.type, sample.blob.size]])));
  assert.deepEqual(kept["huge.jpg"].slice(0, 3), [1024, 768, "image/jpeg"]);
  assert.ok(kept["huge.jpg"][3] < 300_000);
  assert.equal(kept["clear.png"][2], "image/png");
  assert.deepEqual(kept["upright.jpg"].slice(0, 2), [200, 400]);
  assert.deepEqual(kept["grey.jpg"].slice(0, 2), [64, 64]);
  assert.deepEqual(errors, []);
  await page.context().close();
});

test("when the store is full, the pictures stay in memory and the project can be saved as a file", async () => {
  const origin = new URL(site.address).origin;
  const { page, context } = await site.visit({ expected: /quota/i, prepare: async (fresh) => (await fresh.context().newCDPSession(fresh)).send("Storage.overrideQuotaForOrigin", { origin, quotaSize: 60_000 }) });
  await withDemo(page);
  await until(page, (state) => state.project.saved === "memory");
  await told(page, /no room left.*save the project/s);
  assert.equal((await counts(page)).length, 3);
  const download = page.waitForEvent("download");
  await page.locator("#notices").getByRole("button", { name: "Save project" }).click();
  assert.match((await download).suggestedFilename(), /headstart\.zip/);
  await context.close();
});

test("a lost graphics processor while training is told, the engine starts again and training can be repeated", async () => {
  const { page, errors } = await site.visit();
  await withDemo(page);
  await trainOnAndOn(page);
  await until(page, (state) => state.training.history.length > 2);
  await page.evaluate(() => globalThis.headstart.engine.service.loseDevice());
  await until(page, (state) => !state.training.running && state.engine.phase === "ready" && state.notices.length > 0);
  await told(page, /graphics processor was lost.*started its engine again.*every example is still here/s);
  await page.locator("#train-panel .trouble").filter({ hasText: /press Train/ }).waitFor();
  assert.equal((await page.evaluate(() => globalThis.headstart.store.state.pending)), 0);
  await page.getByLabel("Epochs", { exact: true }).fill("5");
  await page.keyboard.press("Tab");
  await train(page);
  assert.deepEqual(errors, []);
  await page.context().close();
});

test("a graphics processor lost between a question and its answer holds up neither examples nor predictions", async () => {
  const { page, errors } = await site.visit();
  await withDemo(page);
  await train(page);
  await until(page, (state) => state.predicting.result !== null);
  await page.evaluate(() => globalThis.headstart.engine.service.loseDevice());
  await upload(page, 0, [{ name: "red.jpg", mimeType: "image/jpeg", buffer: await makePicture(page, { width: 200, height: 200, colour: "#c22" }) }]);
  await until(page, (state) => state.notices.some((notice) => notice.text.includes("started its engine again")));
  await until(page, (state) => state.engine.phase === "ready" && state.samples.length === 19 && state.pending === 0);
  await page.evaluate(() => globalThis.headstart.store.patch("predicting", { result: null }));
  await until(page, (state) => state.predicting.result !== null);
  assert.deepEqual(errors, []);
  await page.context().close();
});

test("a browser that remembers nothing still opens the page, which says that nothing is stored", async () => {
  const prepare = (fresh) => fresh.addInitScript(() => {
    Object.defineProperty(globalThis, "localStorage", { get: () => { throw new DOMException("denied", "SecurityError"); } });
    Object.defineProperty(globalThis, "indexedDB", { get: () => { throw new DOMException("denied", "SecurityError"); } });
  });
  const { page, errors } = await site.visit({ prepare });
  await told(page, /does not let the page store anything.*save the project/);
  await withDemo(page);
  await train(page);
  await page.locator(".saved").getByText("Not stored", { exact: true }).waitFor();
  assert.deepEqual(errors, []);
  await page.context().close();
});

test("a file dropped beside every place for it does not leave the page, and a project dropped anywhere is opened", async () => {
  const { page, errors } = await site.visit();
  const { zipSync, strToU8 } = await import("fflate");
  const project = { format: "headstart-project", version: 1, name: "Dropped", classes: [{ id: "a", name: "Cups", color: 0, enabled: true }], samples: [] };
  /** @param {string} name @param {Uint8Array} bytes */
  const drop = (name, bytes) => page.evaluate(([called, values]) => {
    const dataTransfer = new DataTransfer();
    dataTransfer.items.add(new File([new Uint8Array(values)], called));
    const events = ["dragover", "drop"].map((type) => new DragEvent(type, { bubbles: true, cancelable: true, dataTransfer }));
    for (const event of events) document.querySelector(".lede")?.dispatchEvent(event);
    return events.every((event) => event.defaultPrevented);
  }, /** @type {const} */ ([name, [...bytes]]));
  assert.ok(await drop("cat.jpg", strToU8("x")));
  await page.getByText(/Drop pictures on a class/).waitFor();
  assert.ok(await drop("cups.zip", zipSync({ "project.json": strToU8(JSON.stringify(project)) })));
  await until(page, (state) => state.project.name === "Dropped" && state.classes[0].name === "Cups");
  assert.deepEqual(errors, []);
  await page.context().close();
});
