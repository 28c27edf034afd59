// The page's end of the engine: starts the worker, loads the chosen network, changes to another one, starts again after
// a lost device. Knows the worker's calls, not what the page does with the answers.

import * as Comlink from "../vendor/comlink.js";
import { memorise, recall } from "./memory.js";
import { DEFAULT_CHOICE } from "./store.js";
import { openWorker } from "./worker-client.js";

/** @typedef {import("./store").Store} Store */
/** @typedef {import("./types").Choice} Choice */
/** @typedef {import("./types").EnginePhase} EnginePhase */
/** @typedef {ReturnType<typeof createEngine>} EngineClient */

/** What is kept here names the adapter it was measured on; the engine ignores it on another one. */
const TUNING_KEY = "headstart-tuning";
/** Which kernels were measured to be fastest here, for an engine that starts. */
export const knownTuning = () => recall(TUNING_KEY);
/** @param {string} tuning */
export const keepTuning = (tuning) => void (tuning && memorise(TUNING_KEY, tuning));
/** Decides every value of a network that starts from random numbers. */
export const RANDOM_SEED = 1;

/**
 * @param {Store} store
 * @param {import("./weights").Weights} weights
 * @param {{ backend: "auto" | "webgpu" | "cpu", onReady: () => Promise<void>, onRestart: (sentence: string) => void, onFallback: (sentence: string) => void }} options
 *   `onReady` gives the engine its examples and head back, after every start and every change of network; `onRestart`
 *   hears why the last engine ended, `onFallback` why the chosen network is not the one that runs.
 */
export function createEngine(store, weights, { backend, onReady, onRestart, onFallback }) {
  /** @type {import("./worker-client").Host | null} */
  let host = null;
  let losses = 0;
  let generation = 0;
  let rateFrom = { time: 0, done: 0 };
  /** @type {AbortController | null} */
  let obtaining = null;

  /** @param {string} phase @param {number} done @param {number} total */
  function progress(phase, done, total) {
    const now = performance.now();
    const before = store.state.engine;
    if (before.phase !== phase) rateFrom = { time: now, done };
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
    host?.end("The engine had to start again.");
    store.patch("engine", { phase: "starting", done: 0, total: 0, rate: 0, sentence: "", info: null, network: null, layers: null });
    try {
      host = openWorker("engine");
      await Promise.race([bringUp(mine), host.failed]);
    } catch (error) {
      if (mine === generation) store.patch("engine", { phase: "failed", sentence: sentenceOf(error) });
    }
  }

  /** @param {number} mine */
  async function bringUp(mine) {
    const wanted = losses > 1 ? "cpu" : backend;
    const options = { backend: wanted, tuning: knownTuning() };
    const { info, models } = await call().start(options, Comlink.proxy((/** @type {string} */ sentence) => void (mine === generation && lost(sentence))));
    if (mine !== generation) return;
    store.set({ models });
    store.patch("engine", { info });
    const { choice } = store.state;
    const supply = await obtain(choice, false, mine).catch((error) => {
      if (choice.id === DEFAULT_CHOICE.id && choice.weights === "published") throw error;
      onFallback(sentenceOf(error));
      store.set({ choice: DEFAULT_CHOICE });
      return obtain(DEFAULT_CHOICE, false, mine);
    });
    if (mine === generation) await load(supply, mine);
  }

  /** @param {Choice} choice @param {boolean} mayDownload @param {number} mine @returns {Promise<import("./types").Supply>} */
  async function obtain(choice, mayDownload, mine) {
    const model = store.state.models.find((entry) => entry.id === choice.id);
    if (!model) throw new Error(`This build of Headstart has no network called ${choice.id}.`);
    store.patch("engine", { model });
    obtaining = new AbortController();
    const { signal } = obtaining;
    const onProgress = (/** @type {number} */ done, /** @type {number} */ total) => void (mine === generation && !signal.aborted && progress("download", done, total));
    return weights.obtain(choice, model, { part: choice.part, mayDownload, onProgress, signal }).finally(() => void (obtaining = null));
  }

  /** @param {import("./types").Supply} supply @param {number} mine @param {() => void} [beforeReady] */
  async function load(supply, mine, beforeReady) {
    const { choice } = store.state;
    // Progress comes through a port of its own and may arrive after the result, also after a failure.
    let loading = true;
    const onProgress = Comlink.proxy((/** @type {string} */ phase, /** @type {number} */ done, /** @type {number} */ total) => void (loading && mine === generation && progress(phase, done, total)));
    const { network, layers, tuning } = await call().load(choice.id, supply, RANDOM_SEED, onProgress).finally(() => void (loading = false));
    if (mine !== generation) return;
    keepTuning(tuning);
    beforeReady?.();
    store.patch("engine", { network, layers });
    await onReady();
    store.patch("engine", { phase: "ready", done: 0, total: 0 });
  }

  function call() {
    if (!host) throw new Error("The engine is not running yet: wait until the network is loaded.");
    return host.service;
  }

  return {
    start,
    /**
     * Changes to another network. Where its weights cannot be had the old one goes on; where they do not fit it is
     * loaded again. Fails with the reason either way.
     * @param {Choice} choice @param {() => void} beforeReady called when the new network is there
     */
    async choose(choice, beforeReady) {
      const before = store.state.choice;
      const mine = generation;
      try {
        progress("starting", 0, 0);
        const supply = await obtain(choice, true, mine);
        if (mine !== generation) return;
        store.set({ choice });
        await load(supply, mine, beforeReady);
      } catch (error) {
        // A lost device has brought up the next engine by itself.
        if (mine !== generation) return;
        const untouched = store.state.choice === before;
        store.set({ choice: before });
        if (untouched) store.patch("engine", { phase: "ready", done: 0, total: 0 });
        else await start();
        throw error;
      }
    },
    /** Breaks off a download. */
    cancel: () => obtaining?.abort(new Error("The download was stopped. What has arrived is kept for the next attempt.")),
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
