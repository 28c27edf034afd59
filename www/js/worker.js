// The engine's side of the page: the only file that knows both worlds. It imports the wasm engine, fetches weights,
// drives training so that a stop is heard between two epochs, and hands everything else through. It knows nothing
// of classes' names, storage or the document.

import * as Comlink from "../vendor/comlink.js";

/** @typedef {import("./types").Engine} Engine */
/** @typedef {import("./types").TrainSettings} TrainSettings */
/** @typedef {typeof service} Service */

/** @type {Engine | null} */
let engine = null;
let stopAsked = false;

function running() {
  if (!engine) throw new Error("The engine is not running yet: wait until the network is loaded.");
  return engine;
}

/**
 * Runs `task` on a picture that was transferred here, and frees it whatever happens.
 * @template T
 * @param {ImageBitmap} bitmap @param {(host: Engine) => Promise<T>} task
 */
async function withPicture(bitmap, task) {
  try {
    return await task(running());
  } finally {
    bitmap.close();
  }
}

/** Lets waiting messages in, without the four milliseconds a timer would cost. */
function breathe() {
  return new Promise((resolve) => {
    const channel = new MessageChannel();
    channel.port1.onmessage = () => {
      channel.port1.close();
      resolve(undefined);
    };
    channel.port2.postMessage(null);
  });
}

/**
 * Downloads the weights, telling how far it is.
 * @param {string} file @param {number} total bytes @param {(phase: string, done: number, total: number) => void} onProgress
 */
async function download(file, total, onProgress) {
  const response = await fetch(new URL(`../${file}`, import.meta.url)).catch(() => null);
  if (!response?.ok || !response.body) {
    throw new Error(`The network's weights (${file}) could not be downloaded${response ? `: the server answered ${response.status}` : ""}. Check the connection and try again.`);
  }
  const bytes = new Uint8Array(total);
  const reader = response.body.getReader();
  let done = 0;
  for (let chunk = await reader.read(); chunk.value; chunk = await reader.read()) {
    if (done + chunk.value.length > total) throw new Error(`The network's weights (${file}) are longer than the ${total} bytes they should be. Reload the page to fetch them again.`);
    bytes.set(chunk.value, done);
    done += chunk.value.length;
    onProgress("download", done, total);
  }
  if (done < total) throw new Error(`The download of the network's weights broke off after ${(done / 1e6).toFixed(1)} of ${(total / 1e6).toFixed(1)} MB. Check the connection and download them again.`);
  return bytes;
}

const service = {
  /**
   * @param {{ backend: "auto" | "webgpu" | "cpu", tuning: string | null }} options
   * @param {(sentence: string) => void} onLost
   */
  async start(options, onLost) {
    const address = new URL("../headstart.js", import.meta.url).href;
    const module = /** @type {import("./types").EngineModule} */ (await import(address));
    await module.default();
    engine = await module.Engine.create({ ...options, onLost });
    return { info: engine.info(), models: engine.models() };
  },

  /** @param {string} id @param {(phase: string, done: number, total: number) => void} onProgress */
  async load(id, onProgress) {
    const model = running().models().find((entry) => entry.id === id);
    if (!model) throw new Error(`This build of Headstart has no network called ${id}.`);
    const weights = model.weights ? await download(model.weights.file, model.weights.bytes, onProgress) : null;
    const network = await running().load(id, weights, { sha256: model.weights?.sha256, onProgress });
    return { network, tuning: running().tuning() };
  },

  /** @param {ImageBitmap} bitmap @param {{ id: string, class: string, burst: string }} example */
  addExample: (bitmap, example) => withPicture(bitmap, (host) => host.addExample(bitmap, example)),
  /** @param {{ id: string, class: string, burst: string, features: Float32Array }[]} examples */
  restoreExamples(examples) {
    for (const example of examples) running().restoreExample(example);
  },
  /** @param {string[]} ids */
  removeExamples(ids) {
    for (const id of ids) running().removeExample(id);
  },
  /** @param {ImageBitmap} bitmap */
  predict: (bitmap) => withPicture(bitmap, (host) => host.predict(bitmap)),
  /** @param {ImageBitmap} bitmap */
  classify: (bitmap) => withPicture(bitmap, (host) => host.classify(bitmap)),
  /** @param {ImageBitmap} bitmap @param {number} count */
  featureMaps: (bitmap, count) => withPicture(bitmap, (host) => host.featureMaps(bitmap, count)),

  /**
   * Trains until the last epoch or until `stop` is called, and keeps what was learned either way.
   * @param {TrainSettings & { classes: string[] }} settings
   * @param {(split: import("./types").Split) => void} onStart
   * @param {(result: import("./types").EpochResult) => void} onEpoch
   */
  async train(settings, onStart, onEpoch) {
    stopAsked = false;
    const split = running().startTraining(settings);
    /** @type {import("./types").EpochResult[]} */
    const history = [];
    onStart(split);
    const before = performance.now();
    for (let done = false; !done && !stopAsked; ) {
      const result = running().trainEpoch();
      // After numbers grew beyond all bounds, the last sound epoch is reported once more, with the reason.
      if (history.at(-1)?.epoch === result.epoch) history.pop();
      history.push(result);
      onEpoch(result);
      done = result.done;
      await breathe();
    }
    const ms = performance.now() - before;
    const evaluation = running().finishTraining();
    return { split, history, evaluation, head: running().exportHead(), stopped: stopAsked, ms };
  },
  stop() {
    stopAsked = true;
  },

  /** @param {Uint8Array} bytes */
  importHead: (bytes) => running().importHead(bytes),
  /** @param {(done: number, total: number) => void} onCase */
  selfTest: (onCase) => running().selfTest(onCase),
  loseDevice: () => running().loseDevice(),
};

Comlink.expose(service);
