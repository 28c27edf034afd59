// A small stand-in for headstart.js: the same interface, deterministic, no wasm. Its features are the picture's mean
// colours on a 6 x 6 grid and its head is a softmax regression, so that the page can be tried and tested for what the
// page itself does, in milliseconds, before the engine is built. Served in place of headstart.js by the tests only.

import { NETWORKS } from "./fake-networks.js";
import { fakeCost, fakeTuning, fakeVariants } from "./fake-tuning.js";

const GRID = 6;
const LENGTH = GRID * GRID * 3;
NETWORKS.get("efficientnet_lite0").model.weights = { file: "models/efficientnet_lite0.f16.safetensors", bytes: 9_580_672, sha256: "", licence: "Apache-2.0" };

/** @param {number} ms */
const wait = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
/** What a call into a lost device waits for. */
const NEVER = new Promise(() => undefined);

function featuresOf(picture, channels) {
  const canvas = new OffscreenCanvas(GRID, GRID);
  const context = canvas.getContext("2d");
  context.fillStyle = "#fff";
  context.fillRect(0, 0, GRID, GRID);
  context.imageSmoothingQuality = "high";
  if (picture instanceof ImageData) context.putImageData(picture, 0, 0);
  else context.drawImage(picture, 0, 0, GRID, GRID);
  const { data } = context.getImageData(0, 0, GRID, GRID);
  // A network of one channel sees no colours.
  return Float32Array.from({ length: LENGTH }, (_, at) => data[Math.floor(at / 3) * 4 + (channels === 1 ? 0 : at % 3)] / 255);
}

export default async function init() {}

export class Engine {
  static async create({ backend = "auto", onLost, tuning } = {}) {
    await wait(50);
    const engine = new Engine();
    engine.onLost = onLost;
    engine.adapter = tuning ?? "";
    engine.backend = backend === "auto" ? "cpu" : backend;
    engine.examples = new Map();
    engine.head = null;
    return engine;
  }
  info() {
    return { backend: this.backend, adapter: this.adapter, reason: "this is the stand-in engine of the tests", label: this.backend === "cpu" ? "CPU · this browser has no WebGPU" : "WebGPU · stand-in", version: "0.1.0", lost: false };
  }
  models() {
    return [...NETWORKS.values()].map(({ model }) => model);
  }
  architecture(id = this.loaded.id) {
    return NETWORKS.get(id).architecture;
  }
  async load(id, weights, { seed = 0, part = "whole", onProgress }) {
    const { model, architecture } = NETWORKS.get(id);
    const bytes = weights && new Uint8Array(await new Blob(weights).arrayBuffer());
    onProgress?.("read", 0, 1);
    const said = bytes && new TextDecoder().decode(bytes.subarray(0, 100));
    if (said?.startsWith("weights of ") && said.trim() !== `weights of ${id}`) throw new Error(`the weights do not fit ${id}: 2 missing (conv1.weight, fc.weight)`);
    for (let step = 1; step <= 8; step += 1) {
      onProgress?.("kernels", step, 8);
      await wait(20);
    }
    const fingerprint = `${id} ${part} ${bytes ? bytes.length : `seed ${seed}`}`;
    if (fingerprint !== this.loaded?.fingerprint) this.examples.clear();
    this.loaded = { ...model, trunk: part === "trunk", pretrained: bytes !== null, fingerprint, loadMs: 100, stages: architecture.stages };
    return this.loaded;
  }
  async inspect(file, id) {
    const said = await file.text();
    const of = NETWORKS.get(said.replace("weights of ", ""))?.model;
    const nearest = of ? { id: of.id, title: of.title, differences: 0 } : null;
    if (of && (!id || id === of.id)) return { fits: of.id, part: "whole", sentence: "", details: "", nearest };
    const sentence = `the weights do not fit ${id ?? "any network"}: 2 missing (conv1.weight, fc.weight), 1 unexpected (head.bias); ${of ? `they fit ${of.title}: choose that network, or the weights file of this one` : "choose the weights file of this network"}`;
    return { fits: null, part: null, sentence, details: "missing: conv1.weight [64, 3, 7, 7]\nmissing: fc.weight [1000, 512]\nunexpected: head.bias [10]", nearest };
  }
  network() {
    return this.loaded;
  }
  async classify() {
    return ["tabby cat", "Egyptian cat", "lynx", "paper towel", "carton"].map((label, index) => ({ index, label, probability: 0.6 / 2 ** index }));
  }
  async featureMaps(picture, count) {
    return this.loaded.stages.map(({ name, shape: [, channels, height, width] }) => {
      const canvas = new OffscreenCanvas(width, height);
      const context = canvas.getContext("2d");
      context.drawImage(picture, 0, 0, width, height);
      const { data } = context.getImageData(0, 0, width, height);
      const tiles = Uint8Array.from({ length: count * height * width }, (_, at) => data[(at % (height * width)) * 4 + (Math.floor(at / (height * width)) % 3)]);
      return { stage: name, channels, height, width, tiles };
    });
  }
  async addExample(picture, example) {
    // As if every network took as long as it has layers.
    const ms = 3 + this.loaded.depth / 12;
    await wait(ms);
    if (this.lost) await NEVER;
    const features = featuresOf(picture, this.loaded.input.channels);
    this.examples.set(example.id, { ...example, features });
    return { features, ms };
  }
  restoreExample(example) {
    this.examples.set(example.id, example);
  }
  removeExample(id) {
    this.examples.delete(id);
  }
  clearExamples() {
    this.examples.clear();
  }
  startTraining(settings) {
    const chosen = [...this.examples.values()].filter((example) => settings.classes.includes(example.class));
    const validation = [];
    for (const id of settings.classes) {
      const bursts = [...new Set(chosen.filter((example) => example.class === id).map((example) => example.burst))];
      const held = bursts.slice(0, bursts.length > 1 ? Math.max(1, Math.floor(bursts.length * settings.validationShare)) : 0);
      validation.push(...chosen.filter((example) => example.class === id && held.includes(example.burst)));
    }
    const training = chosen.filter((example) => !validation.includes(example));
    this.run = { settings, training, validation, epoch: 0, weights: settings.classes.map(() => new Float32Array(LENGTH + 1)) };
    return { training: training.length, validation: validation.length, note: null };
  }
  trainEpoch() {
    const { run } = this;
    const { settings, weights } = run;
    run.epoch += 1;
    const until = performance.now() + 10;
    for (const example of run.training) {
      const shares = softmax(weights, example.features);
      settings.classes.forEach((id, row) => {
        const error = shares[row] - (id === example.class ? 1 : 0);
        for (let at = 0; at < LENGTH; at += 1) weights[row][at] -= 0.05 * error * (example.features[at] - 0.5);
        weights[row][LENGTH] -= 0.05 * error;
      });
    }
    while (performance.now() < until);
    const [loss, accuracy] = score(run.training, run);
    const [validationLoss, validationAccuracy] = run.validation.length ? score(run.validation, run) : [null, null];
    return { epoch: run.epoch, epochs: settings.epochs, loss, accuracy, validationLoss, validationAccuracy, done: run.epoch >= settings.epochs };
  }
  finishTraining() {
    const { classes } = this.run.settings;
    this.head = { classes, weights: this.run.weights };
    const validation = this.run.validation.map((example) => {
      const shares = softmax(this.run.weights, example.features);
      const best = shares.indexOf(Math.max(...shares));
      return { id: example.id, truth: example.class, predicted: classes[best], probability: shares[best] };
    });
    const confusion = classes.map((truth) => classes.map((predicted) => validation.filter((one) => one.truth === truth && one.predicted === predicted).length));
    const perClass = confusion.map((row, index) => { const all = row.reduce((sum, value) => sum + value, 0); return all ? row[index] / all : null; });
    const right = validation.filter((one) => one.truth === one.predicted).length;
    return { classes, confusion, perClass, accuracy: validation.length ? right / validation.length : 0, validation };
  }
  async predict(picture) {
    await wait(5);
    if (this.lost) await NEVER;
    if (!this.head) throw new Error("There is no trained head yet: train one first.");
    return { classes: this.head.classes, probabilities: Float32Array.from(softmax(this.head.weights, featuresOf(picture, this.loaded.input.channels))), ms: 5 };
  }
  exportHead() {
    return new TextEncoder().encode(JSON.stringify({ classes: this.head.classes, weights: this.head.weights.map((row) => [...row]) }));
  }
  importHead(bytes) {
    const { classes, weights } = JSON.parse(new TextDecoder().decode(bytes));
    this.head = { classes, weights: weights.map((row) => Float32Array.from(row)) };
  }
  async variants(picture, changes, seed, count) {
    return fakeVariants(picture, changes, count);
  }
  async trainingCost(settings) {
    return fakeCost(this.loaded, settings);
  }
  async fineTune(settings) {
    await wait(20);
    return new FineTuning(this, settings);
  }
  tuning() {
    return "measured before";
  }
  async selfTest(onCase) {
    const cases = [];
    for (let at = 1; at <= 24; at += 1) {
      await wait(5);
      cases.push({ name: `conv2d ${at}x${at} stride 1`, error: at * 1e-7, tolerance: 1e-5, ok: true });
      onCase?.(at, 24);
    }
    return cases;
  }
  loseDevice() {
    this.lost = true;
    setTimeout(() => this.onLost?.("The graphics processor was lost."), 200);
  }
  dispose() {}
}

const FineTuning = fakeTuning(Engine);

function softmax(weights, features) {
  const logits = weights.map((row) => row.subarray(0, LENGTH).reduce((sum, value, at) => sum + value * (features[at] - 0.5), row[LENGTH]));
  const top = Math.max(...logits);
  const powers = logits.map((value) => Math.exp(value - top));
  const total = powers.reduce((sum, value) => sum + value, 0);
  return powers.map((value) => value / total);
}

function score(examples, { weights, settings }) {
  let loss = 0;
  let right = 0;
  for (const example of examples) {
    const shares = softmax(weights, example.features);
    const truth = settings.classes.indexOf(example.class);
    loss -= Math.log(Math.max(shares[truth], 1e-9)) / examples.length;
    if (shares.indexOf(Math.max(...shares)) === truth) right += 1 / examples.length;
  }
  return [loss, right];
}
