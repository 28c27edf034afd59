// Holding the record button: takes a picture of the source several times a second until the button is let go. Knows
// the source and how to add a sample, nothing of buttons.

import { sentenceOf } from "./engine.js";
import { keepPicture } from "./pictures.js";
import { newId } from "./store.js";

/** @typedef {import("./store").Store} Store */

/**
 * @param {Store} store @param {import("./source").Source} source
 * @param {(samples: import("./types").Sample[]) => void} addSamples
 * @param {(sentence: string) => void} onTrouble hears why a recording ended before the button was let go
 */
export function createRecorder(store, source, addSamples, onTrouble) {
  /** @type {string | null} */
  let held = null;
  let busy = false;

  /** @param {string} classId @param {string} burst */
  async function take(classId, burst) {
    const canvas = source.grab();
    if (!canvas) return;
    const kept = await keepPicture(canvas);
    addSamples([{ id: newId(), class: classId, burst, created: Date.now() + performance.now() / 1e7, name: "", ...kept }]);
    const { recording } = store.state;
    if (recording?.class === classId) store.set({ recording: { class: classId, count: recording.count + 1 } });
  }

  /** Starts the source if nothing runs yet; recording itself begins with the next hold then. */
  async function ready() {
    if (store.state.source.kind !== "none") return true;
    await source.startCamera();
    return false;
  }

  /** Records until the button is let go; a mere tap gives one picture. @param {string} classId */
  async function record(classId) {
    const burst = newId();
    source.pin(store.state.classes.find((entry) => entry.id === classId)?.name ?? null);
    store.set({ recording: { class: classId, count: 0 } });
    let due = performance.now();
    do {
      // One frame is let pass first, so that a demo object pinned a moment ago is already on the canvas.
      await new Promise((resolve) => requestAnimationFrame(resolve));
      await take(classId, burst);
      due = Math.max(due + 1000 / store.state.recordRate, performance.now());
      await new Promise((resolve) => setTimeout(resolve, due - performance.now()));
    } while (held === classId && store.state.source.kind !== "none");
  }

  return {
    /** @param {string} classId */
    async begin(classId) {
      if (busy || store.state.source.starting) return;
      busy = true;
      held = classId;
      try {
        if (await ready()) await record(classId);
      } catch (error) {
        onTrouble(`Recording stopped: ${sentenceOf(error)}. Every picture taken so far is kept.`);
      } finally {
        source.pin(null);
        store.set({ recording: null });
        held = null;
        busy = false;
      }
    },
    end() {
      held = null;
    },
  };
}
