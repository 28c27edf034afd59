// What every browser test needs: a Chromium with the right switches, a camera made of JPEGs, files of every kind,
// and a page that fails the test when it logs an error.

import { chromium } from "playwright-core";
import { existsSync, mkdirSync, mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { after } from "node:test";
import { fileURLToPath } from "node:url";
import { deflateSync } from "node:zlib";
import { serve } from "./server.mjs";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
export const DIST = resolve(process.env.HEADSTART_DIST ?? join(ROOT, "dist"));
export const ARTIFACTS = join(ROOT, "tests/browser/artifacts");
const WEBGPU = ["--enable-unsafe-webgpu", "--enable-features=Vulkan"];
/** How many times slower than this machine the page's thread is: `HEADSTART_SLOWDOWN=6` finds tests that expect too much too soon. */
const SLOWDOWN = Number(process.env.HEADSTART_SLOWDOWN ?? 1);
const SOFTWARE_ADAPTER = ["--use-webgpu-adapter=swiftshader", "--enable-unsafe-swiftshader"];

mkdirSync(ARTIFACTS, { recursive: true });

/** Every browser and server of the file. What a failed test leaves open would keep node from ending. @type {Set<{ close: () => Promise<unknown> }>} */
const opened = new Set();
after(() => Promise.all([...opened].map((one) => one.close())));
/** @template {{ close: () => Promise<unknown> }} T @param {T} one @returns {T} */
function closedAfterwards(one) {
  opened.add(one);
  return one;
}

/**
 * @param {{ webgpu?: boolean | "graphics card", camera?: string }} [options] `webgpu`: on the software adapter, which is
 *   everywhere, unless the graphics card is asked for; `camera`: an .mjpeg file the fake camera plays
 */
export async function launch({ webgpu = false, camera } = {}) {
  const gpu = [...(webgpu ? WEBGPU : []), ...(webgpu === true ? SOFTWARE_ADAPTER : [])];
  const fake = camera ? ["--use-fake-device-for-media-stream", `--use-file-for-fake-video-capture=${camera}`] : ["--use-fake-device-for-media-stream"];
  const executablePath = process.env.HEADSTART_CHROMIUM ?? "/usr/bin/chromium";
  return closedAfterwards(await chromium.launch({ executablePath, args: ["--no-sandbox", "--autoplay-policy=no-user-gesture-required", ...fake, ...gpu] }));
}

/** Serves the sources with the stand-in engine, which makes every test of the page itself quick. */
/** @param {Parameters<typeof serve>[1]} [options] */
export const serveFake = async (options) => closedAfterwards(await serve(join(ROOT, "www"), { fake: true, ...options }));
/** @param {Parameters<typeof serve>[1]} [options] */
export async function serveReal(options) {
  if (!existsSync(join(DIST, "headstart.js"))) throw new Error(`${DIST} holds no built page: run \`cargo xtask dist\` first, or name its folder in HEADSTART_DIST.`);
  return closedAfterwards(await serve(DIST, options));
}

/**
 * A fresh visitor's page. The test fails when the page throws or logs an error that `expected` does not match.
 * @param {import("playwright-core").Browser} browser @param {string} address
 * @param {{ expected?: RegExp, camera?: boolean, prepare?: (page: import("playwright-core").Page) => Promise<unknown> } & import("playwright-core").BrowserContextOptions} [options]
 */
export async function open(browser, address, { expected = /$^/, camera = true, prepare, ...options } = {}) {
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 }, serviceWorkers: "block", permissions: camera ? ["camera"] : [], ...options });
  const page = await context.newPage();
  if (SLOWDOWN > 1) await (await context.newCDPSession(page)).send("Emulation.setCPUThrottlingRate", { rate: SLOWDOWN });
  /** @type {string[]} */
  const errors = [];
  page.on("pageerror", (error) => errors.push(String(error)));
  page.on("console", (message) => message.type() === "error" && !expected.test(message.text()) && errors.push(message.text()));
  await prepare?.(page);
  await page.goto(address);
  await page.waitForSelector("html[data-ready]");
  return { page, context, errors, state: () => page.evaluate(() => globalThis.headstart.store.state) };
}

/** Waits until the page runs, its state satisfies a condition and it has drawn that state. @template A @param {import("playwright-core").Page} page @param {(state: any, argument: A) => unknown} condition @param {A} [argument] @param {number} [timeout] */
export async function until(page, condition, argument, timeout = 60_000) {
  const asked = /** @type {[string, any]} */ ([condition.toString(), argument ?? null]);
  try {
    await page.waitForFunction(([code, value]) => globalThis.headstart && (0, eval)(`(${code})`)(globalThis.headstart.store.state, value), asked, { timeout, polling: 50 });
    await drawn(page);
  } catch (error) {
    const found = await page.evaluate(() => {
      const { engine, samples, pending, training, source, notices: said, predicting } = globalThis.headstart.store.state;
      return JSON.stringify({ phase: engine.phase, sentence: engine.sentence, samples: samples.length, pending, training: { ...training, history: training.history.length }, source: source.kind, notices: said.map((notice) => notice.text), predicting: predicting.sentence });
    });
    throw new Error(`waited in vain for ${asked[0]}; the page is at ${found}`, { cause: error });
  }
}

/** Waits until the page has drawn what it has heard of. @param {import("playwright-core").Page} page */
export const drawn = (page) => page.evaluate(() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done))));

/** By how many pixels the page is wider than its window; what depends on the width is drawn anew a frame or two after a change. @param {import("playwright-core").Page} page */
export async function overflow(page) {
  await drawn(page);
  await page.waitForFunction(() => document.documentElement.scrollWidth <= innerWidth, null, { timeout: 5000 }).catch(() => undefined);
  return page.evaluate(() => Math.max(0, document.documentElement.scrollWidth - innerWidth));
}

/**
 * Holds back the pictures that the page is about to give to an engine while its state satisfies a condition: so long lasts
 * what is over in a moment otherwise. Answers how to let go of them.
 * @param {import("playwright-core").Page} page @param {(state: any) => unknown} condition
 */
export async function holdPictures(page, condition) {
  await page.evaluate((code) => {
    const held = (0, eval)(`(${code})`);
    const make = globalThis.createImageBitmap;
    const over = new Promise((done) => {
      globalThis.letGo = () => {
        globalThis.createImageBitmap = make;
        done(undefined);
      };
    });
    globalThis.createImageBitmap = async (...given) => {
      if (held(globalThis.headstart.store.state)) await over;
      return make(...given);
    };
  }, condition.toString());
  return () => page.evaluate(() => globalThis.letGo());
}

export const engineReady = (page, timeout) => until(page, (state) => state.engine.phase === "ready", null, timeout);

/** Waits until the notices, oldest first, say all that is expected. @param {import("playwright-core").Page} page @param {...RegExp} sentences */
export async function told(page, ...sentences) {
  const read = () => page.locator(".notice-text").allTextContents();
  const since = Date.now();
  for (const sentence of sentences) {
    while (!sentence.test((await read()).join(" | "))) {
      if (Date.now() - since > 30_000) throw new Error(`no notice says ${sentence}; they say: ${(await read()).join(" | ")}`);
      await page.waitForTimeout(50);
    }
  }
}

/**
 * Writes an .mjpeg file, which is JPEGs one after another: two objects taking turns every eight seconds.
 * @param {import("playwright-core").Browser} browser @returns {Promise<string>}
 */
export async function makeCamera(browser) {
  const site = await serveFake();
  const page = await browser.newPage();
  await page.goto(site.address);
  const frames = await page.evaluate(async () => {
    const { loadDemo, drawDemo, randomPose } = await import(new URL("js/demo.js", document.baseURI).href);
    const { random } = await import(new URL("js/random.js", document.baseURI).href);
    const [fruit, animals] = await loadDemo();
    const next = random(7);
    const out = [];
    const frame = new OffscreenCanvas(640, 480);
    const square = new OffscreenCanvas(480, 480);
    const context = frame.getContext("2d");
    for (const [colour, picture] of [["#b02020", fruit.pictures[0]], ["#2030b0", animals.pictures[1]]]) {
      const ground = randomPose(next);
      for (let index = 0; index < 240; index += 1) {
        drawDemo(square, picture, { ...ground, x: 0.5 + Math.sin(index / 9) * 0.12, turn: Math.sin(index / 14) * 0.5, scale: 0.6 + Math.sin(index / 20) * 0.12 });
        context.drawImage(square, 80, 0);
        // Two bars at the upper edge tell the test which object is being shown, and, grey, that half of its turn is over.
        context.fillStyle = colour;
        context.fillRect(0, 0, 640, 80);
        if (index >= 120) {
          context.fillStyle = "#888";
          context.fillRect(0, 40, 640, 40);
        }
        const bytes = new Uint8Array(await (await frame.convertToBlob({ type: "image/jpeg", quality: 0.85 })).arrayBuffer());
        out.push(btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join("")));
      }
    }
    return out;
  });
  await page.close();
  await site.close();
  const file = join(mkdtempSync(join(tmpdir(), "headstart-camera-")), "camera.mjpeg");
  writeFileSync(file, Buffer.concat(frames.map((frame) => Buffer.from(frame, "base64"))));
  return file;
}

/** Which of the camera's two objects is on the preview now, 0, 1, or -1 while it changes, and whether half of its turn is left. @param {import("playwright-core").Page} page */
export function shownObject(page) {
  return page.evaluate(() => {
    const canvas = /** @type {HTMLCanvasElement} */ (document.querySelector("#source-panel canvas"));
    const [object, early] = [20, 60].map((y) => {
      const [red, , blue] = canvas.getContext("2d").getImageData(canvas.width / 2, (y * canvas.height) / 480, 1, 1).data;
      return red > blue + 60 ? 0 : blue > red + 60 ? 1 : -1;
    });
    return { object, early: early === object };
  });
}

/** Waits until object `which` is shown and half of its turn, four seconds, is left. @param {import("playwright-core").Page} page @param {number} which */
export async function awaitObject(page, which) {
  const since = Date.now();
  for (let now = await shownObject(page); now.object !== which || !now.early; now = await shownObject(page)) {
    if (Date.now() - since > 60_000) throw new Error(`the camera did not show object ${which} within a minute`);
    await page.waitForTimeout(40);
  }
}

/** Makes an encoded picture in the browser. @param {import("playwright-core").Page} page @param {{ width: number, height: number, colour: string, type?: string, transparent?: boolean }} wish */
export async function makePicture(page, { width, height, colour, type = "image/jpeg", transparent = false }) {
  const text = await page.evaluate(
    async (wish) => {
      const canvas = new OffscreenCanvas(wish.width, wish.height);
      const context = canvas.getContext("2d");
      context.fillStyle = wish.colour;
      if (wish.transparent) context.fillRect(wish.width / 4, wish.height / 4, wish.width / 2, wish.height / 2);
      else context.fillRect(0, 0, wish.width, wish.height);
      context.fillStyle = "#fff";
      context.fillRect(0, 0, wish.width / 8, wish.height / 8);
      const blob = await canvas.convertToBlob({ type: wish.type, quality: 0.9 });
      const reader = new FileReader();
      await new Promise((done) => { reader.onload = done; reader.readAsDataURL(blob); });
      return String(reader.result).split(",")[1];
    },
    { width, height, colour, type, transparent },
  );
  return Buffer.from(text, "base64");
}

/** Puts an EXIF orientation into a JPEG, as a phone held upright does. @param {Buffer} jpeg @param {number} orientation */
export function withOrientation(jpeg, orientation) {
  const tiff = Buffer.from("4d4d002a00000008000101120003000000010000000000000000", "hex");
  tiff.writeUInt16BE(orientation, 18);
  const body = Buffer.concat([Buffer.from("Exif\0\0", "binary"), tiff]);
  const head = Buffer.from([0xff, 0xe1, 0, body.length + 2]);
  return Buffer.concat([jpeg.subarray(0, 2), head, body, jpeg.subarray(2)]);
}

/** A baseline JPEG with one component: 64 x 64 pixels of middle grey. */
export function greyJpeg() {
  const table = [0xff, 0xdb, 0, 67, 0, ...Array(64).fill(1)];
  const frame = [0xff, 0xc0, 0, 11, 8, 0, 64, 0, 64, 1, 1, 0x11, 0];
  // One code in each table: "no difference" for the mean, "end of block" for the rest.
  const codes = (kind) => [0xff, 0xc4, 0, 20, kind, 1, ...Array(15).fill(0), 0];
  const scan = [0xff, 0xda, 0, 8, 1, 1, 0, 0, 63, 0, ...Array(16).fill(0)];
  return Buffer.from([0xff, 0xd8, ...table, ...frame, ...codes(0x00), ...codes(0x10), ...scan, 0xff, 0xd9]);
}

/** A greyscale PNG. @param {number} side */
export function greyPng(side) {
  const chunk = (type, data) => {
    const body = Buffer.concat([Buffer.from(type, "binary"), data]);
    const out = Buffer.alloc(body.length + 8);
    out.writeUInt32BE(data.length);
    body.copy(out, 4);
    out.writeUInt32BE(crc(body), body.length + 4);
    return out;
  };
  const header = Buffer.from([0, 0, 0, side, 0, 0, 0, side, 8, 0, 0, 0, 0]);
  const rows = Buffer.concat(Array.from({ length: side }, (_, y) => Buffer.from([0, ...Array.from({ length: side }, (_unused, x) => (x * 3 + y) % 256)])));
  return Buffer.concat([Buffer.from("89504e470d0a1a0a", "hex"), chunk("IHDR", header), chunk("IDAT", deflateSync(rows)), chunk("IEND", Buffer.alloc(0))]);
}

function crc(bytes) {
  let value = ~0;
  for (const byte of bytes) {
    value ^= byte;
    for (let bit = 0; bit < 8; bit += 1) value = (value >>> 1) ^ (value & 1 ? 0xedb88320 : 0);
  }
  return ~value >>> 0;
}
