// A small stand-in for headstart.js: the same interface, deterministic, no wasm. Its features are the picture's mean
// colours on a 6 x 6 grid and its head is a softmax regression, so that the page can be tried and tested for what the
// page itself does, in milliseconds, before the engine is built. Served in place of headstart.js by the tests only.

const GRID = 6;
const LENGTH = GRID * GRID * 3;
const STAGES = [
  ["image", "Picture", [1, 3, 224, 224]], ["stem", "First filters", [1, 32, 112, 112]], ["blocks.0", "Block 1", [1, 16, 112, 112]], ["blocks.1", "Block 2", [1, 24, 56, 56]],
  ["blocks.2", "Block 3", [1, 40, 28, 28]], ["blocks.3", "Block 4", [1, 80, 14, 14]], ["blocks.4", "Block 5", [1, 112, 14, 14]], ["blocks.5", "Block 6", [1, 192, 7, 7]],
  ["blocks.6", "Block 7", [1, 320, 7, 7]], ["head", "Last filters", [1, 1280, 7, 7]], ["features", "Features", [1, LENGTH, 1, 1]], ["classifier", "Classifier", [1, 1000, 1, 1]],
].map(([name, title, shape], index) => ({ name, title, shape, parameters: 1000 * 3 ** Math.min(index, 6), macs: 1e6 * index, receptiveField: 3 + index * 20 }));

const MODEL = { id: "efficientnet_lite0", title: "EfficientNet-Lite0", year: 2020, paper: "", parameters: 4_652_008, macs: 385_000_000, input: { channels: 3, height: 224, width: 224 }, classes: 1000, featureLength: LENGTH, weights: null };

/** @param {number} ms */
const wait = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
/** What a call into a lost device waits for. */
const NEVER = new Promise(() => undefined);

function featuresOf(picture) {
  const canvas = new OffscreenCanvas(GRID, GRID);
  const context = canvas.getContext("2d");
  context.fillStyle = "#fff";
  context.fillRect(0, 0, GRID, GRID);
  context.imageSmoothingQuality = "high";
  context.drawImage(picture, 0, 0, GRID, GRID);
  const { data } = context.getImageData(0, 0, GRID, GRID);
  return Float32Array.from({ length: LENGTH }, (_, at) => data[Math.floor(at / 3) * 4 + (at % 3)] / 255);
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
    return [MODEL];
  }
  async load(id, weights, { onProgress }) {
    for (let step = 1; step <= 8; step += 1) {
      onProgress?.("kernels", step, 8);
      await wait(20);
    }
    return this.network();
  }
  network() {
    return { ...MODEL, pretrained: true, fingerprint: "stand-in-1", loadMs: 100, stages: STAGES };
  }
  async classify() {
    return ["tabby cat", "Egyptian cat", "lynx", "paper towel", "carton"].map((label, index) => ({ index, label, probability: 0.6 / 2 ** index }));
  }
  async featureMaps(picture, count) {
    return STAGES.slice(1, -1).map(({ name, shape: [, channels, height, width] }) => {
      const canvas = new OffscreenCanvas(width, height);
      const context = canvas.getContext("2d");
      context.drawImage(picture, 0, 0, width, height);
      const { data } = context.getImageData(0, 0, width, height);
      const tiles = Uint8Array.from({ length: count * height * width }, (_, at) => data[(at % (height * width)) * 4 + (Math.floor(at / (height * width)) % 3)]);
      return { stage: name, channels, height, width, tiles };
    });
  }
  async addExample(picture, example) {
    await wait(4);
    if (this.lost) await NEVER;
    const features = featuresOf(picture);
    this.examples.set(example.id, { ...example, features });
    return { features, ms: 4 };
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
    return { classes: this.head.classes, probabilities: Float32Array.from(softmax(this.head.weights, featuresOf(picture))), ms: 5 };
  }
  exportHead() {
    return new TextEncoder().encode(JSON.stringify({ classes: this.head.classes, weights: this.head.weights.map((row) => [...row]) }));
  }
  importHead(bytes) {
    const { classes, weights } = JSON.parse(new TextDecoder().decode(bytes));
    this.head = { classes, weights: weights.map((row) => Float32Array.from(row)) };
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
