// The page's end of the engine: starts the worker, loads the network, starts again after a lost device. Knows the
// worker's calls, not what the page does with the answers.

import * as Comlink from "../vendor/comlink.js";
import { memorise, recall } from "./memory.js";

/** @typedef {import("./store").Store} Store */
/** @typedef {import("./types").EnginePhase} EnginePhase */
/** @typedef {ReturnType<typeof createEngine>} EngineClient */

const MODEL = "efficientnet_lite0";
/** What is kept here names the adapter it was measured on; the engine ignores it on another one. */
const TUNING_KEY = "headstart-tuning";

/**
 * @param {Store} store
 * @param {{ backend: "auto" | "webgpu" | "cpu", onReady: () => Promise<void>, onRestart: (sentence: string) => void }} options
 *   `onReady` gives the new engine its examples and head back; `onRestart` hears why the last one ended.
 */
export function createEngine(store, { backend, onReady, onRestart }) {
  /** @type {Worker | null} */
  let worker = null;
  /** @type {import("comlink").Remote<import("./worker").Service> | null} */
  let remote = null;
  /** Ends the calls that this worker has not answered yet. @type {Set<(error: Error) => void>} */
  const unanswered = new Set();
  let losses = 0;
  let generation = 0;
  let rateFrom = { time: 0, done: 0 };

  /** @param {string} phase @param {number} done @param {number} total */
  function progress(phase, done, total) {
    const now = performance.now();
    const before = store.state.engine;
    if (before.phase !== phase) rateFrom = { time: now, done: 0 };
    const seconds = (now - rateFrom.time) / 1000;
    const rate = seconds > 0.2 ? (done - rateFrom.done) / seconds : before.rate;
    store.patch("engine", { phase: /** @type {EnginePhase} */ (phase), done, total, rate });
  }

  /** @param {string} sentence */
  async function lost(sentence) {
    losses += 1;
    await start();
    if (store.state.engine.phase === "ready") onRestart(sentence);
  }

  /** Starts the engine anew; the second loss of a device leads to the CPU, which cannot be lost. */
  async function start() {
    const mine = ++generation;
    worker?.terminate();
    for (const reject of unanswered) reject(new Error("The engine had to start again."));
    unanswered.clear();
    store.patch("engine", { phase: "starting", done: 0, total: 0, rate: 0, sentence: "", info: null, network: null });
    try {
      worker = new Worker(new URL("./worker.js", import.meta.url), { type: "module", name: "engine" });
      const failed = new Promise((_, reject) => {
        /** @type {Worker} */ (worker).onerror = () => reject(new Error("The engine could not be started: its file did not load. Reload the page; if that does not help, use a current Chrome, Edge, Firefox or Safari."));
      });
      remote = answering(Comlink.wrap(worker));
      await Promise.race([bringUp(mine), failed]);
    } catch (error) {
      if (mine === generation) store.patch("engine", { phase: "failed", sentence: sentenceOf(error) });
    }
  }

  /**
   * A worker that was ended answers no more; whoever waits for it hears so instead of waiting for ever.
   * @param {any} service @returns {import("comlink").Remote<import("./worker").Service>}
   */
  function answering(service) {
    const ask = (/** @type {string | symbol} */ name, /** @type {unknown[]} */ given) =>
      new Promise((resolve, reject) => {
        unanswered.add(reject);
        service[name](...given).then(resolve, reject).finally(() => unanswered.delete(reject));
      });
    return /** @type {any} */ (new Proxy({}, { get: (_, name) => (/** @type {unknown[]} */ ...given) => ask(name, given) }));
  }

  /** @param {number} mine */
  async function bringUp(mine) {
    const service = call();
    const wanted = losses > 1 ? "cpu" : backend;
    const options = { backend: wanted, tuning: recall(TUNING_KEY) };
    const { info, models } = await service.start(options, Comlink.proxy((/** @type {string} */ sentence) => void (mine === generation && lost(sentence))));
    if (mine !== generation) return;
    store.patch("engine", { info, model: models.find((model) => model.id === MODEL) ?? null });
    // Progress comes through a port of its own and may arrive after the result, also after a failure.
    let loading = true;
    const onProgress = Comlink.proxy((/** @type {string} */ phase, /** @type {number} */ done, /** @type {number} */ total) => void (loading && mine === generation && progress(phase, done, total)));
    const { network, tuning } = await service.load(MODEL, onProgress).finally(() => void (loading = false));
    if (mine !== generation) return;
    if (tuning) memorise(TUNING_KEY, tuning);
    store.patch("engine", { network });
    await onReady();
    store.patch("engine", { phase: "ready", done: 0, total: 0 });
  }

  function call() {
    if (!remote) throw new Error("The engine is not running yet: wait until the network is loaded.");
    return remote;
  }

  return {
    start,
    get ready() {
      return store.state.engine.phase === "ready";
    },
    /** Counts the engines started so far: an answer from an older one no longer matters. */
    get generation() {
      return generation;
    },
    /** Whether an error means that this engine is beyond use, rather than that a request was wrong. @param {unknown} error */
    async survives(error) {
      if (!(error instanceof Error) || error.name !== "RuntimeError") return true;
      await lost(`The engine stopped unexpectedly (${error.message}).`);
      return false;
    },
    /** The worker's calls. */
    get service() {
      return call();
    },
    /** Hands a bitmap over for good. @param {ImageBitmap} bitmap */
    give: (bitmap) => Comlink.transfer(bitmap, [bitmap]),
    /** Lets the worker call `listener`. @template {Function} F @param {F} listener */
    hear: (listener) => Comlink.proxy(/** @type {any} */ (listener)),
  };
}

/** @param {unknown} error */
export function sentenceOf(error) {
  return error instanceof Error ? error.message : String(error);
}
