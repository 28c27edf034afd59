// Networks side by side: each turns the same pictures into features, trains the same head on them with the same
// settings and seed, and is tested on the same held-out pictures. One after the other, so that memory holds one at a
// time. Knows no DOM.

import { sentenceOf } from "./engine.js";
import { keyOf } from "./networks.js";
import { give, hear, withSecondEngine } from "./second-engine.js";

/** @typedef {import("./types").Choice} Choice */
/** @typedef {import("./types").CompareRow} CompareRow */

/**
 * @param {import("./store").Store} store
 * @param {import("./weights").Weights} weights
 * @param {{ onFeatures: (features: import("./types").StoredFeatures[]) => void }} options what was computed on the way
 */
export function createComparison(store, weights, { onFeatures }) {
  /** @type {AbortController | null} */
  let stopper = null;

  /** @param {string} id @param {Partial<CompareRow>} fields */
  function change(id, fields) {
    store.patch("compare", { rows: store.state.compare.rows.map((row) => (row.id === id ? { ...row, ...fields } : row)) });
  }

  /** What every network is given. */
  function conditions() {
    const { classes, samples, settings } = store.state;
    const used = classes.filter((entry) => entry.enabled && samples.some((sample) => sample.class === entry.id));
    return { classes: used.map((entry) => entry.id), samples: samples.filter((sample) => used.some((entry) => entry.id === sample.class)), settings };
  }

  /** @param {CompareRow} row @param {ReturnType<typeof conditions>} same @param {AbortSignal} signal */
  async function runOne({ id, choice }, same, signal) {
    const { models, engine } = store.state;
    const model = models.find((entry) => entry.id === choice.id);
    if (!model || !engine.info) throw new Error("The engine is not running.");
    const tell = (/** @type {CompareRow["step"]} */ step, /** @type {number} */ share) => void (!signal.aborted && change(id, { step, share }));
    tell("loading", 0);
    const supply = await weights.obtain(choice, model, { part: choice.part, mayDownload: true, signal, onProgress: (done, total) => tell("loading", (0.8 * done) / Math.max(total, done, 1)) });
    await withSecondEngine({ id: choice.id, supply, backend: engine.info.backend, signal }, (_, done, total) => tell("loading", 0.8 + (0.2 * done) / Math.max(1, total)), async ({ service, network }) => {
      const records = [];
      for (const [index, sample] of same.samples.entries()) {
        tell("pictures", index / same.samples.length);
        const bitmap = await createImageBitmap(sample.blob);
        const { features } = await service.addExample(give(bitmap), { id: sample.id, class: sample.class, burst: sample.burst });
        records.push({ id: sample.id, fingerprint: network.fingerprint, features });
      }
      onFeatures(records);
      tell("training", 0);
      const onEpoch = hear((/** @type {import("./types").EpochResult} */ result) => store.state.compare.rows.find((row) => row.id === id)?.step === "training" && tell("training", result.epoch / result.epochs));
      const { evaluation, split } = await service.train({ ...same.settings, classes: same.classes }, hear(() => undefined), onEpoch);
      const ms = await service.pace(hear(() => undefined));
      store.patch("compare", { conditions: { settings: same.settings, classes: same.classes.length, pictures: split.training, tested: evaluation.validation.length } });
      change(id, { step: "done", share: 1, accuracy: evaluation.validation.length > 0 ? evaluation.accuracy : null, ms });
    });
  }

  return {
    /** @param {Choice[]} choices */
    async start(choices) {
      if (stopper) return;
      stopper = new AbortController();
      const { signal } = stopper;
      const same = conditions();
      const rows = choices.map((choice) => /** @type {CompareRow} */ ({ id: keyOf(choice), choice, step: "waiting", share: 0, accuracy: null, ms: null, sentence: "" }));
      store.patch("compare", { rows, running: true, conditions: null });
      for (const row of rows) {
        if (signal.aborted) break;
        try {
          await runOne(row, same, signal);
        } catch (error) {
          change(row.id, signal.aborted ? { step: "waiting", share: 0 } : { step: "failed", sentence: sentenceOf(error) });
        }
      }
      stopper = null;
      store.patch("compare", { running: false, rows: store.state.compare.rows.filter((row) => row.step !== "waiting") });
    },
    /** Ends it; what is finished stays. */
    stop: () => stopper?.abort(new Error("Stopped.")),
  };
}
