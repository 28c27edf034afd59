// What survives a closed tab: the project, its samples and what the network made of them, in IndexedDB. Knows
// records, not what they mean. Every write answers how it went, so that the page can say so instead of losing
// anything: samples that do not fit stay in memory.

import { openDB } from "../vendor/idb.js";

/** @typedef {import("./types").Sample} Sample */
/** @typedef {import("./types").StoredFeatures} StoredFeatures */
/** @typedef {import("./types").Project} Project */
/** @typedef {"kept" | "full" | "failed"} Outcome */
/** @typedef {Awaited<ReturnType<typeof openStorage>>} Storage */

/**
 * Opens the database and reads all that is in it; null where the browser has none to give or another tab holds the project.
 * @returns {Promise<{ storage: Storage | null, stored: Awaited<ReturnType<Storage["read"]>> | null, sentence: string }>}
 */
export async function tryStorage() {
  if (!(await holdLock())) return { storage: null, stored: null, sentence: "Headstart is already open in another tab, which keeps the project. What you do here is kept only as long as this tab is open." };
  try {
    const storage = await openStorage();
    return { storage, stored: await storage.read(), sentence: "" };
  } catch {
    return { storage: null, stored: null, sentence: "This browser does not let the page store anything (a private window?). Your examples are kept as long as this tab is open; save the project to keep them longer." };
  }
}

async function openStorage() {
  const database = await openDB("headstart", 1, {
    upgrade(fresh) {
      fresh.createObjectStore("project");
      fresh.createObjectStore("samples", { keyPath: "id" });
      fresh.createObjectStore("features", { keyPath: "id" });
    },
  });

  return {
    /** Everything there is, samples in the order they were made. */
    async read() {
      const [project, samples, features] = await Promise.all([database.get("project", "current"), database.getAll("samples"), database.getAll("features")]);
      samples.sort((/** @type {Sample} */ one, /** @type {Sample} */ other) => one.created - other.created);
      return { project: /** @type {Project | undefined} */ (project), samples: /** @type {Sample[]} */ (samples), features: /** @type {StoredFeatures[]} */ (features) };
    },
    /** @param {Project} project @returns {Promise<Outcome>} */
    writeProject: (project) => outcome(() => database.put("project", project, "current")),
    /** @param {Sample[]} samples @returns {Promise<Outcome>} */
    writeSamples: (samples) => outcome(() => putAll("samples", samples)),
    /** @param {StoredFeatures[]} features @returns {Promise<Outcome>} */
    writeFeatures: (features) => outcome(() => putAll("features", features)),
    /** @param {string[]} ids @returns {Promise<Outcome>} */
    remove: (ids) =>
      outcome(async () => {
        const transaction = database.transaction(["samples", "features"], "readwrite");
        for (const id of ids) {
          transaction.objectStore("samples").delete(id);
          transaction.objectStore("features").delete(id);
        }
        await transaction.done;
      }),
  };

  /** @param {"samples" | "features"} name @param {(Sample | StoredFeatures)[]} records */
  async function putAll(name, records) {
    const transaction = database.transaction(name, "readwrite");
    await Promise.all([...records.map((record) => transaction.store.put(record)), transaction.done]);
  }
}

/** @param {() => Promise<unknown>} write @returns {Promise<Outcome>} */
async function outcome(write) {
  try {
    await write();
    return "kept";
  } catch (error) {
    return error instanceof DOMException && error.name === "QuotaExceededError" ? "full" : "failed";
  }
}

/** One tab at a time writes the project; a tab that is just being closed gets a moment to let go. @returns {Promise<boolean>} */
function holdLock() {
  if (!navigator.locks) return Promise.resolve(true);
  return new Promise((resolve) => {
    navigator.locks
      .request("headstart-project", { signal: AbortSignal.timeout(1500) }, () => {
        resolve(true);
        return new Promise(() => undefined);
      })
      .catch(() => resolve(false));
  });
}
