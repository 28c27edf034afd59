// Saving by itself: the project a moment after every change, samples at once. Knows storage and the table of state,
// and what to say when the browser has no room left.

import { projectOf, sameProject } from "./project.js";

/** @typedef {import("./types").State} State */
/** @typedef {import("./types").Sample} Sample */
/** @typedef {import("./types").StoredFeatures} StoredFeatures */

/**
 * @param {import("./store").Store} store
 * @param {import("./storage").Storage | null} storage
 * @param {(outcome: import("./storage").Outcome) => void} onFull told once when something could not be kept
 */
export function createPersistence(store, storage, onFull) {
  let full = false;
  let timer = 0;
  let writing = Promise.resolve();
  let saved = projectOf(store.state);

  /** Writes one after the other, so that a removal never overtakes the write it undoes. @param {() => Promise<import("./storage").Outcome>} write */
  function enqueue(write) {
    if (!storage) return;
    writing = writing.then(async () => {
      const outcome = await write();
      if (outcome === "kept") return;
      store.patch("project", { saved: "memory" });
      if (!full) onFull(outcome);
      full = true;
    });
  }

  function flush() {
    clearTimeout(timer);
    timer = 0;
    const project = projectOf(store.state);
    if (!storage || sameProject(project, saved)) return;
    saved = project;
    enqueue(() => storage.writeProject(project));
    void writing.then(() => store.state.project.saved === "saving" && timer === 0 && store.patch("project", { saved: "saved" }));
  }

  addEventListener("pagehide", flush);
  document.addEventListener("visibilitychange", () => document.hidden && flush());
  if (!storage) store.patch("project", { saved: "memory" });

  return {
    /** Notices what changed and saves it soon. @param {State} state */
    follow(state) {
      if (!storage || sameProject(projectOf(state), saved) || timer) return;
      if (state.project.saved === "saved") store.patch("project", { saved: "saving" });
      timer = setTimeout(flush, 300);
    },
    /** @param {Sample[]} samples */
    addSamples: (samples) => enqueue(() => /** @type {import("./storage").Storage} */ (storage).writeSamples(samples)),
    /** @param {StoredFeatures[]} features */
    addFeatures: (features) => enqueue(() => /** @type {import("./storage").Storage} */ (storage).writeFeatures(features)),
    /** @param {string[]} ids */
    removeSamples: (ids) => enqueue(() => /** @type {import("./storage").Storage} */ (storage).remove(ids)),
    /**
     * What was read when the page opened is stored already; a fresh project is stored at once, because its samples
     * name its classes.
     * @param {boolean} isStored
     */
    adopt(isStored) {
      saved = projectOf(store.state);
      if (!isStored) enqueue(() => /** @type {import("./storage").Storage} */ (storage).writeProject(saved));
    },
    /** Resolves when everything so far is written; for tests and before leaving. */
    async settled() {
      flush();
      await writing;
    },
  };
}
