/** The published folder: works below any path of any host, opens offline after one visit, updates when told to. */
import assert from "node:assert/strict";
import { cp, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { DIST, launch } from "./browser.mjs";
import { LENET5, pth } from "./pth.mjs";
import { serve } from "./server.mjs";

const BASE = "/some/folder/";
/** So long may the service worker take to fetch, compare and store 16 megabytes. */
const LONG = 240_000;
let browser, host, folder;

before(async () => {
  folder = await mkdtemp(join(tmpdir(), "headstart-"));
  await cp(DIST, folder, { recursive: true });
  host = await serve(folder, { base: BASE });
  browser = await launch();
});

after(async () => {
  await browser?.close();
  await host?.close();
  await rm(folder, { recursive: true, force: true });
});

/** A tab that has visited the site until it is kept for offline use. */
async function visitor() {
  const context = await browser.newContext();
  const page = await context.newPage();
  await page.goto(host.address);
  await page.waitForFunction(() => navigator.serviceWorker.controller !== null, null, { timeout: LONG });
  return page;
}

const versionOf = page => page.getAttribute("meta[name='headstart-version']", "content");

/** Every file that the service worker lists. */
async function listedFiles() {
  const script = await readFile(join(folder, "sw.js"), "utf8");
  return Object.keys(JSON.parse(script.match(/^const FILES = (\{.*?\});$/ms)[1]));
}

test("every file is relative to the folder it lies in", async () => {
  const page = await (await browser.newContext()).newPage();
  const missing = [];
  page.on("response", response => { if (response.status() >= 400) missing.push(response.url()); });
  page.on("request", request => {
    if (request.url().startsWith("http") && !request.url().startsWith(host.address)) missing.push(request.url());
  });
  await page.goto(host.address, { waitUntil: "networkidle" });
  assert.deepEqual(missing.filter(url => !url.endsWith("/favicon.ico")), []);
  await page.context().close();
});

test("after one visit the whole site opens without its host", async () => {
  const page = await visitor();
  const version = await versionOf(page);
  const { port } = host;
  await host.close();
  try {
    await page.reload();
    assert.equal(await versionOf(page), version);
    const lost = await page.evaluate(async files => {
      const answers = await Promise.all(files.map(file => fetch(file).then(answer => answer.ok, () => false)));
      return files.filter((_, index) => !answers[index]);
    }, await listedFiles());
    assert.deepEqual(lost, []);
  } finally {
    host = await serve(folder, { base: BASE, port });
    await page.context().close();
  }
});

test("an open tab keeps its version until it asks for the new one, which downloads only what changed", async () => {
  const page = await visitor();
  const old = await versionOf(page);
  const renewed = "0123456789abcdef";
  for (const name of ["sw.js", "index.html"]) {
    let text = await readFile(join(folder, name), "utf8");
    if (name === "sw.js") text = text.replace(/("index.html": )"\w+"/, `$1"${renewed}"`);
    await writeFile(join(folder, name), text.replaceAll(old, renewed));
  }
  const fetched = [];
  page.context().on("request", request => { if (request.serviceWorker()) fetched.push(new URL(request.url()).pathname); });
  await page.reload();
  assert.equal(await versionOf(page), old);

  await page.getByText("A new version of Headstart is ready.").waitFor({ timeout: LONG });
  assert.deepEqual(fetched.filter(path => !path.endsWith("sw.js")), [`${BASE}index.html`]);
  await Promise.all([page.waitForEvent("load"), page.locator("#notices").getByRole("button", { name: "Reload" }).click()]);
  assert.equal(await versionOf(page), renewed);
  await page.context().close();
});

test("what only some ask for is fetched when training begins or a foreign file comes, and once more after a failure", async () => {
  let asked = 0;
  const refuse = (_, response) => response.writeHead(503).end();
  const once = await serve(folder, { answer: path => (path === "/headstart_later.wasm" && (asked += 1) === 1 ? refuse : null) });
  const page = await browser.newPage();
  try {
    await page.goto(`${once.address}models/catalog.json`);
    const said = await page.evaluate(async foreign => {
      const { default: init, Engine } = await import("/headstart.js");
      await init();
      const engine = await Engine.create({ backend: "cpu" });
      const failure = await engine.load("lenet5", new Uint8Array(foreign)).catch(error => error.message);
      await engine.load("lenet5", new Blob([new Uint8Array(foreign)]));
      const trainer = await engine.trainer({ cut: "image" });
      const loss = await trainer.step(new Float32Array(1024), new Uint32Array([3]));
      const tests = await engine.selfTest();
      return { failure, loss, failed: tests.filter(({ ok }) => !ok) };
    }, [...pth(LENET5)]);
    assert.match(said.failure, /could not be loaded .*503.*try again/);
    assert.ok(said.loss > 0 && said.loss < 10, `${said.loss}`);
    assert.deepEqual(said.failed, []);
    assert.equal(asked, 2);
  } finally {
    await page.close();
    await once.close();
  }
});

for (const backend of ["cpu", "webgpu"]) {
  test(`every layer answers and a head learns without what only some ask for, ${backend}`, async () => {
    const without = await serve(folder, { answer: path => (path === "/headstart_later.wasm" ? (_, response) => response.writeHead(503).end() : null) });
    const own = await launch({ webgpu: backend === "webgpu" });
    const page = await own.newPage();
    // A call of what is not there is no error of the call that led to it, which would be waited for in vain.
    const broken = new Promise((_, reject) => { page.on("pageerror", reject); });
    try {
      await page.goto(`${without.address}models/catalog.json`);
      const answer = page.evaluate(async wanted => {
        const { default: init, Engine } = await import("/headstart.js");
        await init();
        const engine = await Engine.create({ backend: wanted });
        for (const id of ["lenet5", "alexnet_cifar10", "googlenet_cifar10", "resnet20"]) {
          await engine.load(id, null, { seed: 1 });
          const { nodes } = engine.architecture();
          const [, channels, height, width] = nodes[0].shape;
          const x = new Float32Array(channels * height * width).map((_, at) => Math.sin(at));
          for (const { name } of nodes.slice(1)) await engine.activation(name, x, 1);
        }
        const features = of => new Float32Array(engine.network().featureLength).map((_, at) => Math.sin(of * at));
        for (let at = 0; at < 8; at += 1) engine.restoreExample({ id: `${at}`, class: at % 2 ? "a" : "b", burst: `${at}`, features: features(at) });
        engine.startTraining({ classes: ["a", "b"], hidden: 4, epochs: 1, batchSize: 4, learningRate: 0.01, weightDecay: 0, optimizer: "adam", seed: 1, validation: 0.25 });
        const { done } = engine.trainEpoch();
        engine.finishTraining();
        await engine.importHead(engine.exportHead());
        const published = await fetch("/models/lenet5-mnist.safetensors");
        await engine.load("lenet5", await published.clone().blob());
        await engine.load("lenet5", await published.arrayBuffer());
        return { backend: engine.info().backend, done };
      }, backend);
      assert.deepEqual(await Promise.race([answer, broken]), { backend, done: true });
    } finally {
      await own.close();
      await without.close();
    }
  });
}
