// Variants of the last picture, as a run would show them, asked of the engine while somebody looks. Knows no DOM.

import { sentenceOf } from "./engine.js";

/** @typedef {import("./types").Sample} Sample */

const COUNT = 8;

/**
 * @param {import("./store").Store} store
 * @param {() => import("./engine").EngineClient} engineOf
 */
export function createVariants(store, engineOf) {
  let asked = "";

  /** The same picture, changes, seed and network give the same variants. @param {Sample | null} sample @param {import("./types").TrainSettings} settings */
  async function show(sample, { augmentation, seed }) {
    const engine = engineOf();
    const { network } = store.state.engine;
    const nothing = !sample || augmentation.length === 0;
    const key = nothing ? "" : [sample.id, augmentation.join(" "), seed, network?.fingerprint].join("|");
    if (key === asked || (!nothing && (!engine.ready || store.state.training.running))) return;
    asked = key;
    if (nothing) return store.set({ variants: { pictures: [], sentence: "" } });
    try {
      const bitmap = await createImageBitmap(sample.blob);
      const pictures = await engine.service.tuneVariants(engine.give(bitmap), augmentation, seed, COUNT);
      if (asked === key) store.set({ variants: { pictures, sentence: "" } });
    } catch (error) {
      if (asked === key) store.set({ variants: { pictures: [], sentence: sentenceOf(error) } });
    }
  }

  return { show: (/** @type {Sample | null} */ sample, /** @type {import("./types").TrainSettings} */ settings) => void show(sample, settings) };
}
