// The pace of each network on this device: measured when somebody asks, one network at a time, with random weights,
// which take exactly as long as learned ones; and remembered per device. Knows no DOM.

import { sentenceOf } from "./engine.js";
import { memorise, recall } from "./memory.js";
import { untrained } from "./networks.js";
import { hear, withSecondEngine } from "./second-engine.js";

/** @typedef {ReturnType<typeof createPaces>} Paces */

const SPEEDS_KEY = "headstart-speeds";

/** Milliseconds by network, by device. @returns {Record<string, Record<string, number>>} */
function remembered() {
  try {
    return JSON.parse(recall(SPEEDS_KEY) ?? "{}");
  } catch {
    return {};
  }
}

/** @param {import("./store").Store} store */
export function createPaces(store) {
  /** @type {AbortController | null} */
  let stopper = null;
  const device = () => store.state.engine.info?.label ?? "";

  /** @param {string} id */
  async function measure(id) {
    const { info } = store.state.engine;
    const model = store.state.models.find((entry) => entry.id === id);
    if (!info || !model || !stopper) return;
    store.patch("shelf", { measuring: { id, share: 0 } });
    const supply = { files: null, part: untrained(model).part };
    const { signal } = stopper;
    // Getting the network ready is the first half of the bar, running it the second.
    const ms = await withSecondEngine(
      { id, supply, backend: info.backend, signal },
      (_, done, total) => tell(id, done / Math.max(1, total) / 2),
      ({ service }) => service.pace(hear((/** @type {number} */ done, /** @type {number} */ total) => tell(id, 0.5 + done / total / 2))),
    );
    const speeds = { ...store.state.shelf.speeds, [id]: ms };
    store.patch("shelf", { speeds });
    memorise(SPEEDS_KEY, JSON.stringify({ ...remembered(), [device()]: speeds }));
  }

  /** @param {string} id @param {number} share */
  function tell(id, share) {
    // What comes through the worker's ports may arrive after the result.
    if (store.state.shelf.measuring?.id === id) store.patch("shelf", { measuring: { id, share } });
  }

  async function work() {
    if (stopper) return;
    stopper = new AbortController();
    try {
      for (let id = store.state.shelf.waiting[0]; id; id = store.state.shelf.waiting[0]) {
        store.patch("shelf", { waiting: store.state.shelf.waiting.slice(1) });
        await measure(id);
      }
    } catch (error) {
      if (!stopper.signal.aborted) store.patch("shelf", { sentence: sentenceOf(error) });
    }
    stopper = null;
    store.patch("shelf", { measuring: null, waiting: [] });
  }

  return {
    /** Puts back what was measured on this device at an earlier visit. */
    remember: () => store.patch("shelf", { speeds: remembered()[device()] ?? {} }),
    /** @param {string[]} ids */
    measure(ids) {
      store.patch("shelf", { waiting: [...new Set([...store.state.shelf.waiting, ...ids])], sentence: "" });
      void work();
    },
    stop() {
      store.patch("shelf", { waiting: [] });
      stopper?.abort(new Error("Stopped."));
    },
  };
}
