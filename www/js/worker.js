// The engine's side of the page: the only file that knows both worlds. It imports the wasm engine, drives
// training so that a stop is heard between two epochs, and hands everything else through. It knows nothing
// of classes' names, storage or the document.

import * as Comlink from "../vendor/comlink.js";
import { school } from "./digits/school.js";
import { SITE } from "./site.js";
import { fineTuning } from "./worker-finetune.js";

/** @typedef {import("./types").Engine} Engine */
/** @typedef {import("./types").TrainSettings} TrainSettings */
/** @typedef {typeof service} Service */

/** @type {Engine | null} */
let engine = null;
let stopAsked = false;
/** Pictures that a pace is measured with, and the milliseconds after which fewer have to do. */
const PACE_ROUNDS = 7;
const PACE_AT_MOST = 4000;

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

/** The median. @param {number[]} values */
function middle(values) {
  return /** @type {number} */ (values.toSorted((one, other) => one - other)[values.length >> 1]);
}

const service = {
  ...fineTuning(running, breathe),

  /**
   * @param {{ backend: "auto" | "webgpu" | "cpu", tuning: string | null }} options
   * @param {(sentence: string) => void} onLost
   */
  async start(options, onLost) {
    const address = new URL("headstart.js", SITE).href;
    const module = /** @type {import("./types").EngineModule} */ (await import(address));
    await module.default();
    engine = await module.Engine.create({ ...options, onLost });
    return { info: engine.info(), models: engine.models() };
  },

  /**
   * @param {string} id @param {import("./types").Supply} supply @param {number} seed of whatever has no weights
   * @param {(phase: string, done: number, total: number) => void} onProgress
   */
  async load(id, { files, part }, seed, onProgress) {
    const network = await running().load(id, files, { part, seed, onProgress });
    return { network, layers: running().architecture(), tuning: running().tuning() };
  },
  /** What a file of weights is for; with an id, whether it fits that network. @param {Blob} file @param {string | null} id */
  inspect: (file, id) => running().inspect(file, id ?? undefined),
  /** Every layer of a network, also of one that is not loaded. @param {string} id */
  architecture: (id) => running().architecture(id),

  /**
   * Milliseconds that one picture takes, the middle of several after one that nobody counts.
   * @param {(done: number, total: number) => void} onRound
   */
  async pace(onRound) {
    const picture = new ImageData(Uint8ClampedArray.from({ length: 4 * 256 * 256 }, (_, at) => (at * 2654435761) >>> 24), 256, 256);
    const times = [];
    const until = performance.now() + PACE_AT_MOST;
    for (let round = 0; round <= PACE_ROUNDS && (round < 2 || performance.now() < until); round += 1) {
      const { ms } = await running().addExample(picture, { id: "pace", class: "pace", burst: "pace" });
      if (round > 0) times.push(ms);
      onRound(round, PACE_ROUNDS);
    }
    running().removeExample("pace");
    return middle(times);
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
  ...school(running, breathe),
};

Comlink.expose(service);
