/**
 * The engine's own figures in Chromium, on both backends: loading, first prediction, steady state, training a head.
 *
 * Started by `cargo xtask bench browser`, which builds the page and names it in HEADSTART_DIST.
 */
import { launch, serveReal } from "../tests/browser/browser.mjs";

const NETWORKS = [["efficientnet_lite0", {}], ["resnet18", {}], ["resnet18", { height: 64, width: 64 }], ["lenet5", {}]];

/** A software adapter takes seconds for one picture: how long to go on measuring, in ms. */
const BUDGET = 10_000;

const host = await serveReal();
const rows = [];
try {
  await measureBackend("cpu", false);
  await measureBackend("webgpu", (await hasGraphicsCard()) ? "graphics card" : true);
} finally {
  await host.close();
}
printTable(["network", "input", "backend", "load ms", "first ms", "median ms", "fastest ms", "runs"], rows);

/** Whether Chromium finds one for WebGPU. */
async function hasGraphicsCard() {
  const browser = await launch({ webgpu: "graphics card" });
  const page = await browser.newPage();
  await page.goto(host.address);
  const found = await page.evaluate(async () => Boolean(await navigator.gpu?.requestAdapter()));
  await browser.close();
  return found;
}

async function measureBackend(backend, webgpu) {
  const browser = await launch({ webgpu });
  try {
    for (const [id, size] of NETWORKS) {
      // An empty page of its own for each: nothing is warm but what a visitor has warm, and the real page does not run beside it.
      const page = await (await browser.newContext()).newPage();
      await page.goto(`${host.address}an-empty-page`);
      const result = await page.evaluate(measureNetwork, { backend, id, size, budget: BUDGET });
      if (id === "efficientnet_lite0") {
        console.log(`${backend}: ${result.label}`);
        console.log(`${backend}: 50 epochs of a head (1280-100-3, 180 examples) take ${result.head.toFixed(2)} s\n`);
      }
      const { load, first, times } = result;
      const sorted = times.toSorted((a, b) => a - b);
      rows.push([id, result.input, backend, load, first, sorted[sorted.length >> 1], sorted[0], times.length]);
      await page.context().close();
    }
  } finally {
    await browser.close();
  }
}

/** Runs in the page. */
async function measureNetwork({ backend, id, size, budget }) {
  const { default: init, Engine } = await import(new URL("headstart.js", document.baseURI).href);
  const start = performance.now();
  await init();
  const engine = await Engine.create({ backend });
  const model = engine.models().find(candidate => candidate.id === id);
  const weights = model.weights && (await (await fetch(model.weights.file)).blob());
  await engine.load(id, weights || null, size);
  const load = performance.now() - start;

  const { channels } = model.input;
  const height = size.height ?? model.input.height, width = size.width ?? model.input.width;
  const x = Float32Array.from({ length: channels * height * width }, (_, i) => Math.sin(i * 12.9898));
  const timed = async () => {
    const before = performance.now();
    await engine.forward(x, 1);
    return performance.now() - before;
  };
  const first = await timed();
  const times = [];
  for (let spent = 0; times.length < 50 && (spent < budget || times.length < 2);) {
    times.push(await timed());
    spent += times.at(-1);
  }

  const trainHead = () => {
    const classes = ["a", "b", "c"];
    for (let i = 0; i < 180; i++) {
      const features = Float32Array.from({ length: 1280 }, (_, j) => Math.abs(Math.sin(i * 78.233 + j)) + (j % 3 === i % 3 ? 0.3 : 0));
      engine.restoreExample({ id: `${i}`, class: classes[i % 3], burst: `${i}`, features });
    }
    const before = performance.now();
    engine.startTraining({ classes, hidden: 100, epochs: 50, batchSize: 16, learningRate: 1e-3, l2: 0, validationShare: 0.15,
      seed: 1, optimizer: "adam", momentum: 0.9 });
    while (!engine.trainEpoch().done);
    return (performance.now() - before) / 1000;
  };
  return {
    label: engine.info().label, input: `${height}x${width}`, load, first, times,
    head: id === "efficientnet_lite0" ? trainHead() : 0,
  };
}

function printTable(titles, lines) {
  const cells = [titles, ...lines.map(line => line.map(cell => (typeof cell === "number" ? String(+cell.toPrecision(3)) : cell)))];
  const widths = titles.map((_, column) => Math.max(...cells.map(line => line[column].length)));
  for (const line of cells) {
    console.log(line.map((cell, i) => (i < 3 ? cell.padEnd(widths[i]) : cell.padStart(widths[i]))).join("  "));
  }
}
