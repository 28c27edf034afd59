// Keeps the engine's examples in step with the page's samples: features of new samples are computed one after the
// other while everything else goes on, and kept features are given back to a new engine. Knows no pixels and no DOM.

import { sentenceOf } from "./engine.js";

/** @typedef {import("./types").Sample} Sample */
/** @typedef {import("./types").StoredFeatures} StoredFeatures */

/** Networks whose features stay in memory. */
const NETWORKS_KEPT = 4;

/**
 * @param {import("./store").Store} store
 * @param {() => import("./engine").EngineClient} engineOf
 * @param {{ onFeatures: (features: StoredFeatures[]) => void, onTrouble: (sample: Sample, sentence: string) => void }} options
 */
export function createExamples(store, engineOf, { onFeatures, onTrouble }) {
  /** What each network made of the samples, by its fingerprint: going back to one costs nothing. @type {Map<string, Map<string, StoredFeatures>>} */
  const known = new Map();
  /** @type {Set<string>} */
  const refused = new Set();
  let busy = false;

  const fingerprint = () => store.state.engine.network?.fingerprint ?? "";
  /** @param {Sample} sample */
  const recordOf = (sample) => known.get(fingerprint())?.get(sample.id);
  /** @param {Sample} sample */
  const prepared = (sample) => recordOf(sample) !== undefined;
  /** @param {Sample} sample */
  const withFeatures = (sample) => ({ id: sample.id, class: sample.class, burst: sample.burst, features: /** @type {StoredFeatures} */ (recordOf(sample)).features });
  /** An engine that ended meanwhile has forgotten everything; the next one is told what there is then. */
  const forgotten = () => undefined;
  const waiting = () => store.state.samples.filter((sample) => !prepared(sample) && !refused.has(sample.id));

  /** @param {StoredFeatures} record */
  function keep(record) {
    const mine = known.get(record.fingerprint) ?? new Map();
    known.set(record.fingerprint, mine.set(record.id, record));
    if (known.size <= NETWORKS_KEPT) return;
    const oldest = [...known.keys()].find((other) => other !== record.fingerprint && other !== fingerprint());
    if (oldest !== undefined) known.delete(oldest);
  }

  /** @param {Sample} sample */
  async function prepare(sample) {
    const engine = engineOf();
    const { generation } = engine;
    const mine = fingerprint();
    try {
      const bitmap = await createImageBitmap(sample.blob);
      const { features } = await engine.service.addExample(engine.give(bitmap), { id: sample.id, class: sample.class, burst: sample.burst });
      const record = { id: sample.id, fingerprint: mine, features };
      keep(record);
      if (mine !== fingerprint()) return;
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
      for (const record of features) keep(record);
    },
    /** Gives an engine that has just loaded a network every example whose features are known for it. */
    async restore() {
      refused.clear();
      const examples = store.state.samples.filter(prepared);
      if (examples.length > 0) await engineOf().service.restoreExamples(examples.map(withFeatures));
      count();
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
      const held = ids.filter((id) => known.get(fingerprint())?.has(id));
      if (engine.ready && held.length > 0) await engine.service.removeExamples(held).catch(forgotten);
      count();
    },
    /** The features of these samples as far as they are known. @param {Sample[]} samples */
    featuresOf: (samples) => samples.filter(prepared).map((sample) => /** @type {StoredFeatures} */ (recordOf(sample))),
    /** Whether the sample can be trained with already. */
    prepared,
  };
}

/** The news of a lost device may come a moment after the call it broke. @param {import("./engine").EngineClient} engine @param {number} generation */
async function justLost(engine, generation) {
  await new Promise((resolve) => setTimeout(resolve, 500));
  return engine.generation !== generation || !engine.ready;
}
