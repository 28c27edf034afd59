// Fine-tuning on the engine's side of the page: what it costs, how long a step takes, and runs that hear a stop between
// two batches. Knows no classes' names, no storage and no document.

import * as Comlink from "../vendor/comlink.js";
import { changesOf } from "./augment.js";

/** @typedef {import("./types").Engine} Engine */
/** @typedef {import("./types").FineTuneSettings} FineTuneSettings */
/** @typedef {import("./types").EpochResult} EpochResult */

/** Steps of a probe; the first one also warms up and does not count. */
const PROBE_STEPS = 2;
/** Milliseconds of a first step beyond which it has to do. */
const PROBE_ENOUGH = 3000;

/** @param {() => Engine} running @param {() => Promise<unknown>} breathe */
export function fineTuning(running, breathe) {
  /** @type {import("./types").FineTuning | null} */
  let tuning = null;
  let stopAsked = false;

  function open() {
    if (!tuning) throw new Error("No fine-tuning is under way.");
    return tuning;
  }

  /** In the engine's words. @param {FineTuneSettings} settings @returns {import("./types").EngineSettings} */
  function inWords(settings) {
    return { ...settings, augmentation: changesOf(settings.augmentation, running().network().input) };
  }

  function close() {
    tuning?.dispose();
    tuning = null;
  }

  return {
    /** What a run would need, before anything is made for it. @param {FineTuneSettings} settings @param {{ memory?: number, pictures?: number }} room */
    trainingCost: (settings, room) => running().trainingCost(inWords(settings), room),

    /** Milliseconds of one step, and of a picture's way to the cut, on made-up pictures. @param {FineTuneSettings} settings @returns {Promise<{ stepMs: number, frozenMs: number, batch: number }>} */
    async tuneProbe(settings) {
      const batch = settings.batchSize;
      const plain = inWords({ ...settings, augmentation: [] });
      const probe = await running().fineTune(plain);
      try {
        const picture = new ImageData(Uint8ClampedArray.from({ length: 4 * 64 * 64 }, (_, at) => (at * 2654435761) >>> 24), 64, 64);
        const named = (/** @type {number} */ index) => ({ id: `${index}`, class: /** @type {string} */ (settings.classes[index % settings.classes.length]), burst: "probe" });
        await probe.add(picture, named(0));
        const { features, ms: frozenMs } = await probe.add(picture, named(0));
        for (let index = 1; index < batch * (PROBE_STEPS + 1); index += 1) await probe.restore({ ...named(index), features });
        await probe.begin({ ...plain, epochs: 1, validationShare: 0 });
        let stepMs = 0;
        for (let step = 0; step < PROBE_STEPS; step += 1) {
          const before = performance.now();
          await probe.step();
          stepMs = performance.now() - before;
          if (stepMs > PROBE_ENOUGH) break;
        }
        return { stepMs, frozenMs, batch };
      } finally {
        probe.dispose();
      }
    },

    /** @param {FineTuneSettings} settings */
    async tuneOpen(settings) {
      close();
      stopAsked = false;
      tuning = await running().fineTune(inWords(settings));
    },
    tuneClose: close,
    tuneStop() {
      stopAsked = true;
    },
    /** @param {ImageBitmap} bitmap @param {{ id: string, class: string, burst: string }} example */
    async tuneAdd(bitmap, example) {
      try {
        await open().add(bitmap, example);
      } finally {
        bitmap.close();
      }
    },

    /** What the network would see of a picture that is changed. @param {ImageBitmap} bitmap @param {import("./augment.js").Change[]} changes @param {number} seed @param {number} count */
    async tuneVariants(bitmap, changes, seed, count) {
      try {
        return await running().variants(bitmap, changesOf(changes, running().network().input), seed, count);
      } finally {
        bitmap.close();
      }
    },

    /**
     * Runs until the last epoch or until `tuneStop` is called. What was learned comes back as a file either way; null if
     * that is nothing.
     * @param {FineTuneSettings} settings @param {Uint8Array | null} checkpoint to go on from
     * @param {(split: import("./types").Split, history: EpochResult[]) => void} onStart
     * @param {(progress: import("./types").StepProgress) => void} onStep
     * @param {(result: EpochResult) => void} onEpoch
     * @param {((bytes: Uint8Array, epoch: number) => void) | null} onCheckpoint
     */
    async tuneRun(settings, checkpoint, onStart, onStep, onEpoch, onCheckpoint) {
      const begun = checkpoint ? await open().resume(checkpoint) : { ...(await open().begin(inWords(settings))), history: [] };
      const { history, ...split } = begun;
      onStart(split, history);
      const before = performance.now();
      let learned = history.length > 0;
      for (let done = false; !done && !stopAsked; ) {
        const { report, epoch, step, steps } = await open().step();
        learned = true;
        if (report) {
          // After numbers grew beyond all bounds, the last sound epoch is reported once more, with the reason.
          if (history.at(-1)?.epoch === report.epoch) history.pop();
          history.push(report);
          onEpoch(report);
          done = report.done;
          if (onCheckpoint && !done) {
            const bytes = await open().checkpoint();
            onCheckpoint(Comlink.transfer(bytes, [bytes.buffer]), report.epoch);
          }
        } else onStep({ epoch, step, steps });
        await breathe();
      }
      // Stopped before the first step: a head of random numbers is nothing to keep.
      if (!learned) return null;
      const ms = performance.now() - before;
      const { file, evaluation } = await open().finish();
      return { split, history, evaluation, head: file, stopped: stopAsked, ms };
    },
  };
}
