// Training from the page's side: asks the engine, follows the curves, keeps the head. Knows nothing of how a head is
// trained, nor of the DOM.

import { sentenceOf } from "./engine.js";

/** @typedef {import("./types").State} State */

const INTERRUPTED = "Training was interrupted because the engine had to start again. Your examples are all here: press Train to start over.";

/** Why training cannot start now, or an empty string. @param {State} state */
export function obstacle(state) {
  const filled = state.classes.filter((entry) => entry.enabled && state.samples.some((sample) => sample.class === entry.id));
  if (filled.length < 2) return "Training needs examples in at least two classes.";
  if (state.engine.phase === "failed") return "The network is not loaded.";
  return "";
}

/**
 * @param {import("./store").Store} store
 * @param {() => import("./engine").EngineClient} engineOf
 */
export function createTraining(store, engineOf) {
  async function train() {
    const before = store.state;
    if (before.training.running || obstacle(before)) return;
    const classes = before.classes.filter((entry) => entry.enabled && before.samples.some((sample) => sample.class === entry.id));
    const settings = before.settings;
    const engine = engineOf();
    const { generation } = engine;
    store.set({ training: { running: true, waiting: false, history: [], split: null, sentence: "" }, cell: null, changed: false });
    // What is heard on the way comes through ports of its own and may arrive after the result, which counts.
    let learning = true;
    const onStart = engine.hear((/** @type {import("./types").Split} */ split) => void (learning && store.patch("training", { split })));
    const onEpoch = engine.hear((/** @type {import("./types").EpochResult} */ result) => void (learning && store.patch("training", { history: [...store.state.training.history, result] })));
    try {
      const { split, history, evaluation, head, stopped, ms } = await engine.service.train({ ...settings, classes: classes.map((entry) => entry.id) }, onStart, onEpoch);
      learning = false;
      const fingerprint = store.state.engine.network?.fingerprint ?? "";
      store.set({ head: { bytes: head, fingerprint, classes, settings, history, evaluation, split, stopped, ms } });
      store.patch("training", { running: false, history, split });
    } catch (error) {
      learning = false;
      store.patch("training", { running: false, history: store.state.head?.history ?? [], sentence: engine.generation === generation ? sentenceOf(error) : INTERRUPTED });
      store.set({ changed: store.state.head !== null });
      if (engine.generation === generation) await engine.survives(error);
    }
  }

  return {
    /** Trains now, or as soon as every sample is prepared. */
    start() {
      if (obstacle(store.state)) return;
      store.patch("training", { waiting: true, sentence: "" });
      this.startIfDue();
    },
    /** Called whenever a sample got ready. */
    startIfDue() {
      const { training, pending } = store.state;
      if (training.waiting && !training.running && pending === 0 && engineOf().ready) void train();
    },
    /** Ends training after the current epoch and keeps what was learned. */
    stop() {
      if (store.state.training.waiting && !store.state.training.running) return store.patch("training", { waiting: false });
      engineOf().service.stop().catch(() => undefined);
    },
    /** Gives a new engine the head it had; a head that it cannot use is learned again from the examples. */
    async restore() {
      const { head, engine } = store.state;
      if (!head) return;
      const { generation } = engineOf();
      try {
        if (head.fingerprint !== engine.network?.fingerprint) throw new Error("it was trained on the features of another network");
        await engineOf().service.importHead(head.bytes);
      } catch (error) {
        if (engineOf().generation !== generation) return;
        store.set({ head: null, changed: false, cell: null });
        store.patch("training", { history: [], split: null, sentence: `What this project had learned cannot be used here: ${sentenceOf(error)}. Your examples are all here: press Train to learn from them again.` });
      }
    },
  };
}
