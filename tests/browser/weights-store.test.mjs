// Downloading weights when something goes wrong, and keeping them: the store alone, in a blank page, against a server
// that breaks off.

import assert from "node:assert/strict";
import { after, afterEach, before, beforeEach, test } from "node:test";
import { launch } from "./browser.mjs";
import { DIGEST, FILE, serveWeights } from "./weights-server.mjs";

const PIECE = 4 << 20;
/** @type {import("playwright-core").Browser} */
let browser;
/** @type {import("playwright-core").BrowserContext} */
let context;
/** @type {import("playwright-core").Page} */
let page;
/** @type {Awaited<ReturnType<typeof serveWeights>>} */
let site;
before(async () => void (browser = await launch()));
after(() => browser.close());
beforeEach(async () => {
  site = await serveWeights();
  context = await browser.newContext();
  page = await fresh();
});
afterEach(async () => {
  await context.close();
  await site.close();
});

async function fresh() {
  const opened = await context.newPage();
  await opened.exposeFunction("heard", (/** @type {number} */ done) => void (site.mood.heard = done));
  await opened.goto(`${site.origin}/blank.html`);
  return opened;
}

/** What a download of the file came to: bytes and digest, or the sentence it failed with. */
function fetchIt({ url = "weights.safetensors", sha256 = DIGEST, stopAt = Infinity } = {}) {
  return page.evaluate(
    async ([address, digest, limit]) => {
      const { fetchWeights, placeOf } = await import(new URL("/js/weights-store.js", location.href).href);
      const place = placeOf({ kind: "origin", part: "whole", format: "safetensors", files: [{ file: address, sha256: digest ?? undefined }] });
      /** @type {number[]} */
      const steps = [];
      /** @type {string[]} */
      const told = [];
      const stop = new AbortController();
      const onProgress = (/** @type {number} */ done) => {
        steps.push(done);
        void globalThis.heard(done);
        if (done >= limit) stop.abort(new Error("stopped"));
      };
      try {
        const blobs = await fetchWeights(place, { onProgress, onNotice: (/** @type {string} */ text) => told.push(text), signal: stop.signal });
        const found = new Uint8Array(await crypto.subtle.digest("SHA-256", await new Blob(blobs).arrayBuffer()));
        return { digest: Array.from(found, (byte) => byte.toString(16).padStart(2, "0")).join(""), first: steps[0], last: steps.at(-1), told, sentence: "" };
      } catch (error) {
        return { digest: "", first: steps[0], last: steps.at(-1), told, sentence: error instanceof Error ? error.message : String(error) };
      }
    },
    /** @type {[string, string | null, number]} */ ([url, sha256, stopAt]),
  );
}
/** @param {string} call @param {unknown} [argument] */
const store = (call, argument) => page.evaluate(async ([name, given]) => (await import(new URL("/js/weights-store.js", location.href).href))[name](given), /** @type {[string, unknown]} */ ([call, argument]));

test("a download that breaks off goes on where it was", async () => {
  Object.assign(site.mood, { cut: 6e6, cuts: 1 });
  const { digest, last } = await fetchIt();
  assert.deepEqual([digest, last], [DIGEST, FILE.length]);
  assert.deepEqual(site.asked, ["all", `bytes=${PIECE}-`]);
});

test("a stopped download goes on after the page was opened again", async () => {
  assert.equal((await fetchIt({ stopAt: 9e6 })).sentence, "stopped");
  await page.close();
  page = await fresh();
  const [kept] = await store("cached");
  assert.deepEqual([kept.complete, kept.done], [false, 2 * PIECE]);
  const { digest, first } = await fetchIt();
  assert.deepEqual([digest, first], [DIGEST, 2 * PIECE]);
  assert.deepEqual(site.asked, ["all", `bytes=${2 * PIECE}-`]);
});

test("a file that changed meanwhile, or a server without ranges, starts from the beginning", async () => {
  for (const change of [{ tag: '"two"' }, { ranges: false }]) {
    await fetchIt({ stopAt: 9e6 });
    Object.assign(site.mood, change);
    assert.equal((await fetchIt()).digest, DIGEST);
    await store("remove", (await store("cached"))[0].key);
  }
});

test("a line that stays broken is a sentence, and what arrived is kept", async () => {
  Object.assign(site.mood, { cut: 5e6, cuts: 1 });
  site.mood.status = 200;
  const wait = fetchIt();
  while (site.mood.cuts > 0) await new Promise((resolve) => setTimeout(resolve, 20));
  site.mood.status = 503;
  assert.match((await wait).sentence, /broke off after 4\.2 MB; what has arrived is kept\. Check the connection/);
  site.mood.status = 200;
  assert.equal((await fetchIt()).digest, DIGEST);
});

test("a wrong hash is refused, also by its first digits alone, and nothing is kept of it", async () => {
  const wrong = "0".repeat(64);
  assert.match((await fetchIt({ sha256: wrong })).sentence, /weights\.safetensors is not the one that was meant: its SHA-256 begins with .{8} and should begin with 00000000\. Choose another source/);
  assert.match((await fetchIt({ url: "weights-12345678.pth", sha256: null })).sentence, /should begin with 12345678/);
  assert.equal((await fetchIt({ url: `weights-${DIGEST.slice(0, 8)}.pth`, sha256: null })).digest, DIGEST);
  assert.deepEqual((await store("cached")).map(({ done }) => done).sort(), [0, 0, FILE.length]);
});

test("a file that is not there is a sentence with a way on", async () => {
  site.mood.status = 404;
  assert.match((await fetchIt()).sentence, /cannot be had: localhost:\d+ answered 404\. Choose another source, or give the page a file of your own\./);
});

test("without room the weights stay in memory, and the page hears so", async () => {
  const session = await context.newCDPSession(page);
  await session.send("Storage.overrideQuotaForOrigin", { origin: site.origin, quotaSize: 6e6 });
  const { digest, told } = await fetchIt();
  assert.equal(digest, DIGEST);
  assert.match(told.join(), /no room left to keep these weights/);
  assert.deepEqual(await store("cached"), []);
  assert.equal((await fetchIt()).digest, DIGEST);
});

test("what was downloaded once needs no connection any more, until it is deleted", async () => {
  await fetchIt();
  await context.setOffline(true);
  assert.equal((await fetchIt()).digest, DIGEST);
  assert.equal(site.asked.length, 1);
  const [{ key, bytes, complete }] = await store("cached");
  assert.deepEqual([bytes, complete], [FILE.length, true]);
  assert.ok((await store("usage")).used >= FILE.length);
  await store("remove", key);
  assert.deepEqual(await store("cached"), []);
  assert.match((await fetchIt()).sentence, /There is no connection, and the weights .* are not in this browser yet/);
});

test("a browser without a file system keeps weights in its cache, and one without either in memory", async () => {
  await page.evaluate(() => void delete (/** @type {any} */ (FileSystemFileHandle.prototype).createWritable));
  await fetchIt();
  assert.equal((await store("cached"))[0].complete, true);
  assert.deepEqual([(await fetchIt()).digest, site.asked.length], [DIGEST, 1]);
  await page.evaluate(() => Object.defineProperty(globalThis, "caches", { value: undefined }));
  await fetchIt();
  assert.deepEqual([(await fetchIt()).digest, site.asked.length], [DIGEST, 2]);
});
