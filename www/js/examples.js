// Keeps the engine's examples in step with the page's samples: features of new samples are computed one after the
// other while everything else goes on, and kept features are given back to a new engine. Knows no pixels and no DOM.

import { sentenceOf } from "./engine.js";

/** @typedef {import("./types").Sample} Sample */
/** @typedef {import("./types").StoredFeatures} StoredFeatures */

/**
 * @param {import("./store").Store} store
 * @param {() => import("./engine").EngineClient} engineOf
 * @param {{ onFeatures: (features: StoredFeatures[]) => void, onTrouble: (sample: Sample, sentence: string) => void }} options
 */
export function createExamples(store, engineOf, { onFeatures, onTrouble }) {
  /** @type {Map<string, StoredFeatures>} */
  const known = new Map();
  /** @type {Set<string>} */
  const refused = new Set();
  let busy = false;

  const fingerprint = () => store.state.engine.network?.fingerprint;
  /** @param {Sample} sample */
  const prepared = (sample) => known.get(sample.id)?.fingerprint === fingerprint();
  /** @param {Sample} sample */
  const withFeatures = (sample) => ({ id: sample.id, class: sample.class, burst: sample.burst, features: /** @type {StoredFeatures} */ (known.get(sample.id)).features });
  /** An engine that ended meanwhile has forgotten everything; the next one is told what there is then. */
  const forgotten = () => undefined;
  const waiting = () => store.state.samples.filter((sample) => !prepared(sample) && !refused.has(sample.id));

  /** @param {Sample} sample */
  async function prepare(sample) {
    const engine = engineOf();
    const { generation } = engine;
    try {
      const bitmap = await createImageBitmap(sample.blob);
      const { features } = await engine.service.addExample(engine.give(bitmap), { id: sample.id, class: sample.class, burst: sample.burst });
      const record = { id: sample.id, fingerprint: fingerprint() ?? "", features };
      known.set(sample.id, record);
      if (store.state.samples.some((entry) => entry.id === sample.id)) onFeatures([record]);
      else await engine.service.removeExamples([sample.id]);
    } catch (error) {
      // A lost engine is no fault of the sample: it waits for the next engine.
      if (generation !== engine.generation || !engine.ready || !(await engine.survives(error)) || store.state.engine.info?.lost) return;
      if (await justLost(engine, generation)) return;
      refused.add(sample.id);
      onTrouble(sample, sentenceOf(error));
    }
  }

  async function work() {
    if (busy || !engineOf().ready) return count();
    busy = true;
    for (let queue = waiting(); queue.length > 0 && engineOf().ready; queue = waiting()) {
      store.set({ pending: queue.length });
      await prepare(/** @type {Sample} */ (queue[0]));
    }
    busy = false;
    count();
  }

  function count() {
    const pending = waiting().length;
    if (pending !== store.state.pending) store.set({ pending });
  }

  return {
    /** Starts on whatever is not prepared yet. */
    work: () => void work(),
    /** Features read from storage or a project file. @param {StoredFeatures[]} features */
    remember(features) {
      for (const record of features) known.set(record.id, record);
    },
    /** Gives a fresh engine every example whose features are still valid. */
    async restore() {
      const examples = store.state.samples.filter(prepared).map(withFeatures);
      if (examples.length > 0) await engineOf().service.restoreExamples(examples);
    },
    /** Samples that came back by undo or from a file. @param {Sample[]} samples */
    async add(samples) {
      const engine = engineOf();
      const back = samples.filter(prepared);
      if (engine.ready && back.length > 0) await engine.service.restoreExamples(back.map(withFeatures)).catch(forgotten);
      void work();
    },
    /** @param {string[]} ids */
    async remove(ids) {
      const engine = engineOf();
      const held = ids.filter((id) => known.has(id));
      if (engine.ready && held.length > 0) await engine.service.removeExamples(held).catch(forgotten);
      count();
    },
    /** The features of these samples as far as they are known. @param {Sample[]} samples */
    featuresOf: (samples) => samples.filter(prepared).map((sample) => /** @type {StoredFeatures} */ (known.get(sample.id))),
    /** Whether the sample can be trained with already. */
    prepared,
  };
}

/** The news of a lost device may come a moment after the call it broke. @param {import("./engine").EngineClient} engine @param {number} generation */
async function justLost(engine, generation) {
  await new Promise((resolve) => setTimeout(resolve, 500));
  return engine.generation !== generation || !engine.ready;
}
