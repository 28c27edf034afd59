/** The published folder: works below any path of any host, opens offline after one visit, updates when told to. */
import assert from "node:assert/strict";
import { cp, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { DIST, launch } from "./browser.mjs";
import { serve } from "./server.mjs";

const BASE = "/some/folder/";
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
  await page.waitForFunction(() => navigator.serviceWorker.controller !== null);
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

  await page.getByText("A new version of Headstart is ready.").waitFor();
  assert.deepEqual(fetched.filter(path => !path.endsWith("sw.js")), [`${BASE}index.html`]);
  await Promise.all([page.waitForEvent("load"), page.locator("#notices").getByRole("button", { name: "Reload" }).click()]);
  assert.equal(await versionOf(page), renewed);
  await page.context().close();
});
