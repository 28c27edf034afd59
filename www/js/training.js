// Training from the page's side: asks the engine, follows the curves, keeps what was learned, and goes on after an
// interruption. With the dial at the head the engine trains on features that it has; elsewhere it is shown the pictures.
// Knows nothing of how a network is trained, nor of the DOM.

import { forgetCheckpoint, keepCheckpoint, readCheckpoint, unfinishedRun } from "./checkpoints.js";
import { headAlone, startsFresh } from "./dial.js";
import { sentenceOf } from "./engine.js";
import { runEpochs, showPictures } from "./finetune.js";
import { NO_TRAINING } from "./store.js";

/** @typedef {import("./types").State} State */

const INTERRUPTED = "Training was interrupted because the engine had to start again. Your examples are all here: press Train to start over.";

/** Why training cannot start now, or an empty string; the dial is left out where it does not matter. @param {Pick<State, "classes" | "samples"> & Partial<Pick<State, "dial">> & { engine: Pick<State["engine"], "phase"> }} state */
export function obstacle(state) {
  const filled = state.classes.filter((entry) => entry.enabled && state.samples.some((sample) => sample.class === entry.id));
  if (filled.length < 2) return "Training needs examples in at least two classes.";
  if (state.engine.phase === "failed") return "The network is not loaded.";
  const cost = state.dial?.cost;
  return cost && !cost.fits ? "That is more than fits here: move the line down, or choose smaller batches in the settings." : "";
}

/**
 * @param {import("./store").Store} store
 * @param {() => import("./engine").EngineClient} engineOf
 */
export function createTraining(store, engineOf) {
  let stopping = false;
  /** Whether nobody wants what is being learned. */
  let abandoned = false;
  /** Resolves when what runs now has ended. @type {Promise<unknown>} */
  let ended = Promise.resolve();

  /** The classes that take part. */
  const participants = () => store.state.classes.filter((entry) => entry.enabled && store.state.samples.some((sample) => sample.class === entry.id));

  async function train() {
    const before = store.state;
    if (before.training.running || obstacle(before)) return;
    const [classes, settings] = [participants(), { ...before.settings, fresh: startsFresh(before) && !headAlone(before) }];
    const ids = classes.map((entry) => entry.id);
    const samples = before.samples.filter((sample) => ids.includes(sample.class));
    await run({ classes, settings, unfinished: null }, async () => {
      // What was broken off before is not gone on with any more.
      await forgetCheckpoint();
      return headAlone(before) ? trainHead(settings, ids) : fineTune({ project: before.project.id, fingerprint: before.engine.network?.fingerprint ?? "", settings, classes, samples: samples.map((sample) => sample.id), epoch: 0 }, null);
    });
  }

  /**
   * Does the work and keeps what comes of it; an interruption leaves what there was before.
   * @param {{ classes: import("./types").ClassEntry[], settings: import("./types").TrainSettings, unfinished: null }} of
   * @param {() => Promise<Omit<import("./types").Head, "bytes" | "fingerprint" | "classes" | "settings"> & { head: Uint8Array } | null>} work
   */
  function run(of, work) {
    abandoned = false;
    const mine = carryOut(of, work);
    ended = mine.catch(() => undefined);
    return mine;
  }

  /** @param {Parameters<typeof run>[0]} of @param {Parameters<typeof run>[1]} work @returns {Promise<void>} */
  async function carryOut({ classes, settings }, work) {
    const engine = engineOf();
    const { generation } = engine;
    stopping = false;
    store.set({ training: { ...NO_TRAINING, running: true }, cell: null, changed: false });
    try {
      const learned = await work();
      if (!learned || abandoned) return store.set({ training: { ...NO_TRAINING, history: store.state.head?.history ?? [], split: store.state.head?.split ?? null }, changed: store.state.head !== null });
      const { split, history, evaluation, head, stopped, ms } = learned;
      const fingerprint = store.state.engine.network?.fingerprint ?? "";
      store.set({ head: { bytes: head, fingerprint, classes, settings, history, evaluation, split, stopped, ms } });
      store.set({ training: { ...NO_TRAINING, history, split } });
    } catch (error) {
      const interrupted = engine.generation !== generation;
      const unfinished = interrupted && !abandoned ? await unfinishedRun() : null;
      store.set({ training: { ...NO_TRAINING, history: store.state.head?.history ?? [], sentence: unfinished ? "" : interrupted ? INTERRUPTED : sentenceOf(error), unfinished } });
      store.set({ changed: store.state.head !== null });
      if (!interrupted) await engine.survives(error);
      else if (unfinished && engine.ready) void goOn();
    }
  }

  /** @param {import("./types").TrainSettings} settings @param {string[]} classes */
  async function trainHead(settings, classes) {
    const engine = engineOf();
    // What is heard on the way comes through ports of its own and may arrive after the result, which counts.
    let learning = true;
    const onStart = engine.hear((/** @type {import("./types").Split} */ split) => void (learning && store.patch("training", { split })));
    const onEpoch = engine.hear((/** @type {import("./types").EpochResult} */ result) => void (learning && store.patch("training", { history: [...store.state.training.history, result] })));
    return engine.service.train({ ...settings, classes }, onStart, onEpoch).finally(() => void (learning = false));
  }

  /** @param {import("./types").Unfinished} note @param {Uint8Array | null} checkpoint */
  async function fineTune(note, checkpoint) {
    const engine = engineOf();
    const byId = new Map(store.state.samples.map((sample) => [sample.id, sample]));
    const samples = note.samples.flatMap((id) => byId.get(id) ?? []);
    const settings = { ...note.settings, classes: note.classes.map((entry) => entry.id) };
    try {
      const shown = await showPictures(engine, settings, samples, (done, total) => store.patch("training", { shown: done / total }), () => stopping);
      store.patch("training", { shown: null });
      if (!shown) return null;
      const learned = await runEpochs(engine, settings, checkpoint, {
        onStart: (split, history) => store.patch("training", { split, history }),
        onStep: (step) => store.patch("training", { step }),
        onEpoch: (result) => store.patch("training", { history: [...store.state.training.history.filter((earlier) => earlier.epoch < result.epoch), result], step: null }),
        onCheckpoint: (bytes, epoch) => void keepCheckpoint({ ...note, epoch }, bytes),
      });
      if (!learned) return null;
      await engine.service.importHead(learned.head);
      await forgetCheckpoint();
      return learned;
    } finally {
      // Its copies of pictures and weights are of no more use; an engine that is gone has taken them along.
      await engine.service.tuneClose().catch(() => undefined);
    }
  }

  /** Goes on with what was broken off. */
  async function goOn() {
    const { unfinished } = store.state.training;
    if (!unfinished || store.state.training.running || store.state.runs.running) return;
    try {
      const checkpoint = await readCheckpoint(unfinished);
      store.set({ settings: unfinished.settings });
      await run({ classes: unfinished.classes, settings: unfinished.settings, unfinished: null }, () => fineTune(unfinished, checkpoint));
    } catch (error) {
      store.set({ training: { ...NO_TRAINING, sentence: sentenceOf(error) } });
    }
  }

  /** Whether a run that was broken off is of this project, network and pictures. @param {import("./types").Unfinished} note */
  function isOurs(note) {
    const { project, engine, samples } = store.state;
    return note.project === project.id && note.fingerprint === engine.network?.fingerprint && note.samples.every((id) => samples.some((sample) => sample.id === id));
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
      if (training.waiting && !training.running && !store.state.runs.running && pending === 0 && engineOf().ready) void train();
    },
    /** Ends training after the current epoch and keeps what was learned. */
    stop() {
      if (store.state.training.waiting && !store.state.training.running) return store.patch("training", { waiting: false });
      stopping = true;
      engineOf().service.stop().catch(() => undefined);
      engineOf().service.tuneStop().catch(() => undefined);
    },
    /** Ends training for good and learns nothing from it: its project is about to be replaced. */
    async abandon() {
      if (!store.state.training.running) return;
      abandoned = true;
      this.stop();
      await ended;
    },
    goOn: () => void goOn(),
    /** Nobody wants what was broken off. */
    async discard() {
      store.patch("training", { unfinished: null });
      await forgetCheckpoint();
    },
    /** After an engine has started: what a lost one left goes on by itself, what a closed tab left is offered. */
    async offer() {
      if (store.state.training.running) return;
      const lost = store.state.training.unfinished;
      const note = lost ?? (await unfinishedRun());
      if (!note || !isOurs(note)) return;
      store.patch("training", { unfinished: note });
      if (lost) void goOn();
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
