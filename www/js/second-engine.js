// An engine beside the page's own, for a network that is only measured or compared. It lives in a worker of its own that
// ends with the task: WebAssembly gives memory back to the browser in no other way. Knows nothing of what the task is.

import * as Comlink from "../vendor/comlink.js";
import { RANDOM_SEED, keepTuning, knownTuning } from "./engine.js";
import { openWorker } from "./worker-client.js";

/** @typedef {import("./types").EnginePhase} EnginePhase */
/** @typedef {{ service: import("./worker-client").Service, network: import("./types").NetworkInfo }} Second */

/**
 * Loads a network into a fresh engine, hands it to `task`, and ends it whatever happens.
 * @template T
 * @param {{ id: string, supply: import("./types").Supply, backend: "webgpu" | "cpu", signal: AbortSignal }} options
 * @param {(phase: EnginePhase, done: number, total: number) => void} onProgress
 * @param {(second: Second) => Promise<T>} task
 * @returns {Promise<T>}
 */
export async function withSecondEngine({ id, supply, backend, signal }, onProgress, task) {
  signal.throwIfAborted();
  const host = openWorker("second engine");
  const onAbort = () => host.end(String(signal.reason?.message ?? "Stopped."));
  signal.addEventListener("abort", onAbort);
  const tell = hear((/** @type {string} */ phase, /** @type {number} */ done, /** @type {number} */ total) => onProgress(/** @type {EnginePhase} */ (phase), done, total));
  /** @type {(error: Error) => void} */
  let onLost = () => undefined;
  /** @type {Promise<never>} */
  const lost = new Promise((_, reject) => (onLost = reject));
  const run = async () => {
    await host.service.start({ backend, tuning: knownTuning() }, hear((/** @type {string} */ sentence) => onLost(new Error(sentence))));
    const { network, tuning } = await host.service.load(id, supply, RANDOM_SEED, tell);
    keepTuning(tuning);
    return task({ service: host.service, network });
  };
  try {
    return await Promise.race([run(), host.failed, lost]);
  } finally {
    signal.removeEventListener("abort", onAbort);
    host.end("This engine has ended.");
  }
}

/** Lets the worker call `listener`. @template {Function} F @param {F} listener */
export function hear(listener) {
  return Comlink.proxy(/** @type {any} */ (listener));
}

/** Hands a bitmap over for good. @param {ImageBitmap} bitmap */
export function give(bitmap) {
  return Comlink.transfer(bitmap, [bitmap]);
}
