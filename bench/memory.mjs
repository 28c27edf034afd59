/**
 * What large networks cost a tab: loads VGG-16 and ResNet-50 in Chromium, from safetensors and from .pth files of 32-bit
 * weights, and prints the peak of the renderer's resident memory and of WebAssembly's, and the time from nothing to the
 * first answer. The weights are the hashed ones of the reference cases, so the answers are compared with PyTorch's. Fails
 * where VGG-16 as a whole takes more of WebAssembly's memory than is promised, or answers otherwise.
 *
 * Linux only: memory is read where the kernel tells it. Started by `cargo xtask bench memory`.
 */
import { createReadStream, existsSync, mkdirSync, readFileSync, statSync } from "node:fs";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { extname, join } from "node:path";
import { DIST, launch } from "../tests/browser/browser.mjs";
import { hashed, writeCheckpoint } from "./checkpoint.mjs";

const DATA = process.env.HEADSTART_DATA ?? new URL("../../shared/data", import.meta.url).pathname;
const FILES = join(tmpdir(), "headstart-bench-memory");
const [networks = "vgg16,resnet50", backends = "cpu", parts = "whole,trunk"] = process.argv.slice(2);
const RUNS = [
  ["whole", "safetensors"],
  ["whole", "pth"],
  ["trunk", "safetensors"],
].filter(([part]) => parts.split(",").includes(part));

/** What VGG-16's 528 MiB of weights, loaded tensor by tensor, may take of WebAssembly's memory: its largest tensor and this. */
const PROMISED = 64 * 2 ** 20;

const TYPES = { ".js": "text/javascript", ".wasm": "application/wasm" };
mkdirSync(FILES, { recursive: true });
const server = createServer((request, response) => {
  const path = new URL(request.url, "http://localhost").pathname;
  const file = path.startsWith("/weights/") ? join(FILES, path.slice(9)) : join(DIST, path);
  if (path === "/empty") return response.writeHead(200, { "content-type": "text/html" }).end("<!doctype html>");
  if (!existsSync(file)) return response.writeHead(404).end();
  response.writeHead(200, { "content-type": TYPES[extname(file)] ?? "application/octet-stream", "content-length": statSync(file).size });
  createReadStream(file).pipe(response);
});
await new Promise(resolve => server.listen(0, "127.0.0.1", resolve));
const origin = `http://127.0.0.1:${server.address().port}`;

console.log("network      part   file         backend  file MiB  renderer MiB  wasm MiB  above MiB  load ms  first ms  next ms  error");
for (const id of networks.split(",")) {
  const reference = JSON.parse(readFileSync(join(DATA, `reference/forward-${id}-224.json`), "utf8"));
  for (const backend of backends.split(",")) for (const [part, format] of RUNS) {
    const params = reference.params.filter(([name]) => part === "whole" || !/^(classifier|fc)\./.test(name));
    const file = `${id}-${part}.${format}`;
    if (!existsSync(join(FILES, file))) await writeCheckpoint(join(FILES, file), format, params, reference.case.seed);
    const result = await measure({ id, backend, part, file }, reference);
    const largest = 4 * Math.max(...params.map(([, dims]) => dims.reduce((count, dim) => count * dim, 1)));
    const above = result.heapBytes - largest;
    const mebibytes = bytes => Math.round(bytes / 2 ** 20);
    const columns = [id.padEnd(11), part.padEnd(5), format.padEnd(11), backend.padEnd(6), mebibytes(statSync(join(FILES, file)).size), mebibytes(result.renderer), mebibytes(result.heapBytes), mebibytes(above), ...result.times.map(Math.round), part === "whole" ? result.error.toExponential(1) : "-"];
    if (id === "vgg16" && part === "whole" && (above > PROMISED || !(result.error < 1e-3))) process.exitCode = 1;
    console.log(columns.map((column, i) => String(column).padStart([0, 0, 0, 0, 8, 12, 8, 9, 7, 8, 7, 7][i])).join("  "));
  }
}
server.close();

/** One network in a browser of its own. */
async function measure({ id, backend, part, file }, reference) {
  const browser = await launch({ webgpu: backend === "webgpu" });
  try {
    const page = await browser.newPage();
    await page.goto(`${origin}/empty`);
    const [, channels, height, width] = reference.case.shape;
    const count = channels * height * width;
    const { mid, half } = reference.input;
    const input = Buffer.from(hashed(reference.case.seed, "input", count, mid, half).buffer).toString("base64");
    const found = await page.evaluate(load, { id, backend, part, input, url: `${origin}/weights/${file}` });
    const session = await browser.newBrowserCDPSession();
    const { processInfo } = await session.send("SystemInfo.getProcessInfo");
    const peaks = processInfo.filter(({ type }) => type === "renderer").map(({ id: pid }) => 1024 * Number(/VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))[1]));
    const expected = reference.logits.values[0];
    const worst = (values, of) => values.reduce((most, value, i) => Math.max(most, of(value, i)), 0);
    const error = part === "whole" ? worst(found.y, (y, i) => Math.abs(y - expected[i])) / worst(expected, Math.abs) : 0;
    return { ...found, error, renderer: Math.max(...peaks) };
  } finally {
    await browser.close();
  }
}

/** Runs in the page. */
async function load({ id, backend, part, input, url }) {
  const x = new Float32Array(Uint8Array.from(atob(input), character => character.charCodeAt(0)).buffer);
  const times = [performance.now()];
  const { default: init, Engine } = await import(new URL("headstart.js", document.baseURI).href);
  await init();
  const engine = await Engine.create({ backend });
  await engine.load(id, await (await fetch(url)).blob(), { part });
  times.push(performance.now());
  let y;
  for (let run = 0; run < 2; run += 1) {
    y = part === "whole" ? await engine.forward(x, 1) : await engine.features(x, 1);
    times.push(performance.now());
  }
  return { y: Array.from(y), heapBytes: engine.info().heapBytes, times: times.slice(1).map((time, i) => time - times[i]) };
}
