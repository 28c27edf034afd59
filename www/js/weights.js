// Where each network's weights are and how they are had: with the page, in this browser, from the catalogue's places, or
// from a file of the user's. Only what somebody asked for is ever downloaded. Knows no engine and no DOM.

import { cached, catalogue, fetchWeights, keep, persisted, placeOf, remove, usage } from "./weights-store.js";

/** @typedef {import("./types").Choice} Choice */
/** @typedef {import("./types").ModelInfo} ModelInfo */
/** @typedef {import("./types").Place} Place */
/** @typedef {import("./types").State} State */
/** @typedef {import("./types").Supply} Supply */
/** @typedef {ReturnType<typeof createWeights>} Weights */
/** What the keys of the user's own files begin with. */
const FILE_KEY = "file ";

/** Where published weights are now; `none` is nowhere that this page knows. @typedef {"bundled" | "kept" | "remote" | "none"} Whereabouts */

/** Hosts that let no other page read their files: their addresses are for people, who then give the page the file. */
const LINKS = ["torchvision", "onnx-zoo"];

/**
 * The best place to have a network's published weights from. `bytes` is null where nobody knows the size.
 * @param {ModelInfo} model @param {State["weights"]} weights @param {"trunk" | "whole"} [part] the least that is wanted
 * @returns {{ where: Whereabouts, place: Place | null, bytes: number | null }}
 */
export function sourceOf(model, { entries, kept }, part = "trunk") {
  const entry = entries.find(({ id }) => id === model.id);
  const listed = entry?.places ?? (model.weights ? [bundled(model.weights)] : []);
  const places = listed.filter((place) => (part === "trunk" || place.part === "whole") && !LINKS.includes(place.kind));
  const isKept = (/** @type {Place} */ { key }) => kept.some((whole) => whole.key === key && whole.complete);
  const here = places.find((place) => place.kind === "bundled") ?? places.find(isKept);
  const place = here ?? places[0] ?? null;
  // Hugging Face has them in 32 bits, of a length that only its answer tells to the byte.
  const bytes = place?.bytes ?? (place?.kind === "huggingface" ? entry?.sizes.f32 : null) ?? null;
  return { where: here ? (here.kind === "bundled" ? "bundled" : "kept") : place ? "remote" : "none", place, bytes };
}

/** Addresses that a person can have a network's weights from, to give the page the file. @param {ModelInfo} model @param {State["weights"]} weights */
export function linksTo(model, { entries }) {
  const places = entries.find(({ id }) => id === model.id)?.places ?? [];
  return places.flatMap((place) => (LINKS.includes(place.kind) ? place.files.map(({ url }) => ({ url, host: new URL(url).host })) : []));
}

/** Where a file of the user's is kept. @param {string} name @returns {Place} */
function keptFile(name) {
  return placeOf({ kind: "origin", part: "whole", format: "", key: `${FILE_KEY}${name}`, url: encodeURIComponent(name), bytes: null });
}

/** @param {NonNullable<ModelInfo["weights"]>} weights @returns {Place} */
function bundled({ file, bytes, sha256 }) {
  return placeOf({ kind: "bundled", part: "whole", format: "safetensors", url: file, bytes, sha256: sha256 || null });
}

/**
 * @param {import("./store").Store} store
 * @param {(sentence: string) => void} onNotice hears when downloaded weights cannot be kept for the next visit
 */
export function createWeights(store, onNotice) {
  /** Files given in this session, by name. @type {Map<string, Blob>} */
  const given = new Map();

  async function refresh() {
    const [kept, promised, { used, quota }] = await Promise.all([cached(), persisted(), usage()]);
    store.patch("weights", { kept, persisted: promised, usage: used, quota });
  }

  return {
    refresh,
    /** Reads the catalogue, once. */
    async open() {
      store.patch("weights", { entries: await catalogue() });
      await refresh();
    },
    /** Takes a file of the user's, and keeps a copy in this browser where there is room. @param {File} file */
    async give(file) {
      given.set(file.name, file);
      await keep(`${FILE_KEY}${file.name}`, file).catch(() => onNotice(`This browser has no room left for ${file.name}: its weights are here until the page is closed.`));
      await refresh();
    },
    /**
     * The weights of a choice. Fails with a sentence where they cannot be had, and downloads only if `mayDownload`.
     * @param {Choice} choice @param {ModelInfo} model
     * @param {{ part: "trunk" | "whole", mayDownload: boolean, onProgress: (done: number, total: number) => void, signal?: AbortSignal }} options
     * @returns {Promise<Supply>}
     */
    async obtain(choice, model, { part, mayDownload, onProgress, signal }) {
      if (choice.weights === "random") return { files: null, part };
      if (choice.weights === "file") {
        const file = given.get(choice.file);
        const place = keptFile(choice.file);
        if (!file && store.state.weights.kept.some((entry) => entry.key === place.key)) return { files: await fetchWeights(place, { signal }), part };
        if (!file) throw new Error(`The file ${choice.file} with the weights of ${model.title} is not in this browser any more: drop it on the shelf of networks again.`);
        return { files: [file], part };
      }
      const { where, place } = sourceOf(model, store.state.weights, part);
      if (!place) throw new Error(`This page has no weights of ${model.title}: give it a file of them, or start it from random numbers.`);
      if (where === "remote" && !mayDownload) throw new Error(`The weights of ${model.title} are not in this browser any more: download them again from the shelf of networks.`);
      try {
        return { files: await fetchWeights(place, { onProgress, onNotice, signal }), part: place.part === "whole" ? part : "trunk" };
      } catch (error) {
        // What comes with the page has no other source.
        if (where !== "bundled" || !(error instanceof Error) || signal?.aborted) throw error;
        throw new Error(`The weights of ${model.title} did not arrive. ${error.message.replace(/ Choose another source.*$/, " Check the connection and download them again.")}`, { cause: error });
      } finally {
        // Who downloads hundreds of megabytes wants to have them tomorrow.
        if (where === "remote") void persisted({ ask: true }).then(refresh);
      }
    },
    /** @param {string} key */
    async remove(key) {
      given.delete(key.slice(FILE_KEY.length));
      await remove(key);
      await refresh();
    },
    /** Asks the browser to keep everything until the user deletes it. */
    async keep() {
      await persisted({ ask: true });
      await refresh();
    },
  };
}
