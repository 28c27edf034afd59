// A worker with an engine in it, as the page holds it: calls that are answered or refused, never left open, and an end.
// Knows nothing of what is asked.

import * as Comlink from "../vendor/comlink.js";
import { SITE } from "./site.js";

/** @typedef {import("comlink").Remote<import("./worker").Service>} Service */
/** @typedef {ReturnType<typeof openWorker>} Host */

/** @param {string} name what the browser's tools call it */
export function openWorker(name) {
  const worker = new Worker(new URL("js/worker.js", SITE), { type: "module", name });
  const remote = /** @type {any} */ (Comlink.wrap(worker));
  /** Ends the calls that the worker has not answered yet. @type {Set<(error: Error) => void>} */
  const unanswered = new Set();
  let ended = "";

  /** @param {string | symbol} call @param {unknown[]} given */
  const ask = (call, given) =>
    new Promise((resolve, reject) => {
      if (ended) return reject(new Error(ended));
      unanswered.add(reject);
      remote[call](...given).then(resolve, reject).finally(() => unanswered.delete(reject));
    });

  return {
    /** The worker's calls. */
    service: /** @type {Service} */ (/** @type {any} */ (new Proxy({}, { get: (_, call) => (/** @type {unknown[]} */ ...given) => ask(call, given) }))),
    /** Fails when the worker's own file cannot be had; settles in no other way. @type {Promise<never>} */
    failed: new Promise((_, reject) => {
      worker.onerror = () => reject(new Error("The engine could not be started: its file did not load. Reload the page; if that does not help, use a current Chrome, Edge, Firefox or Safari."));
    }),
    /** A worker that was ended answers no more; whoever waits for it hears `sentence` instead of waiting for ever. @param {string} sentence */
    end(sentence) {
      ended = sentence;
      worker.terminate();
      for (const reject of unanswered) reject(new Error(sentence));
      unanswered.clear();
    },
  };
}
