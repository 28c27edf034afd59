// Weights for the page: the catalogue of where they are, the download with its progress, and what this browser keeps of
// them. Knows no engine and no view. The files come as Blobs, of which nobody has to hold more than a range.

import { sha256 as hasher } from "./sha256.js";
import { SITE } from "./site.js";
import { PIECE, download, isQuota, megabytes } from "./weights-download.js";
import { bestShelf, memoryShelf } from "./weights-pieces.js";

/** @typedef {import("./weights-download").Expected} Expected */
/** @typedef {import("./weights-download").Kept} KeptFile */
/** @typedef {import("./weights-pieces").Shelf} Shelf */
/**
 * A place where weights are. `key` names it, `files` has their absolute addresses, `bytes` is their sum, null where
 * nobody knows it; `sha256` is that of a single file, whole, and null otherwise.
 * @typedef {{ kind: "bundled" | "origin" | "huggingface" | "torchvision" | "onnx-zoo", part: "whole" | "trunk", format: string, key: string, files: Expected[], bytes: number | null, sha256: string | null }} Place
 */
/** @typedef {{ id: string, title: string, paper: string, licence: string, caveat: string, accuracy: unknown, sizes: { f32?: number, f16?: number, trunkF16?: number }, preprocessing: unknown, places: Place[] }} Entry */
/** What is kept of a place; `done` and `bytes` tell how much of how much. @typedef {{ key: string, done: number, bytes: number | null, complete: boolean }} Cached */
/** @typedef {{ key: string, bytes: number | null, files: KeptFile[] }} Manifest */

const MANIFEST = "manifest";

/** @type {Promise<Entry[]> | null} */
let read = null;

/** What `models/catalog.json` lists; empty where the site has none. @returns {Promise<Entry[]>} */
export function catalogue() {
  read ??= fetch(new URL("models/catalog.json", SITE))
    .then(async (response) => (response.ok ? (await response.json()).models : []))
    .then((models) => models.map((/** @type {any} */ entry) => ({ ...entry, places: entry.places.map(placeOf) })))
    .catch(() => {
      read = null;
      return [];
    });
  return read;
}

/**
 * A place as the catalogue writes it, with what the other functions need to know of it.
 * @param {any} place @returns {Place}
 */
export function placeOf(place) {
  const base = place.kind === "huggingface" ? `https://huggingface.co/${place.repo}/resolve/${place.revision ?? "main"}/` : SITE;
  const listed = place.files ?? [{ file: place.url, bytes: place.bytes, sha256: place.sha256 }];
  const files = listed.map((/** @type {any} */ { file, bytes = null, sha256 = null }) => {
    const url = new URL(file, base).href;
    return { url, bytes, sha256: (sha256 ?? digitsIn(url))?.toLowerCase() ?? null };
  });
  const bytes = files.every((/** @type {Expected} */ file) => file.bytes !== null) ? files.reduce((/** @type {number} */ sum, /** @type {any} */ file) => sum + file.bytes, 0) : null;
  const sha256 = files.length === 1 && files[0].sha256?.length === 64 ? files[0].sha256 : null;
  return { ...place, key: place.key ?? files.map((/** @type {Expected} */ file) => file.url).join(" "), files, bytes, sha256 };
}

/** torchvision writes the first digits of the SHA-256 into its file names. @param {string} url */
const digitsIn = (url) => /-([0-9a-f]{8,64})\.pth$/.exec(url)?.[1];

/**
 * The files of a place: from this browser if they are kept here, else downloaded, compared with what was promised, and
 * kept. What comes with the page is kept by the page. Fails with a sentence that says what to do.
 * @param {Place} place
 * @param {{ onProgress?: (done: number, total: number) => void, onNotice?: (sentence: string) => void, signal?: AbortSignal }} [options]
 *   `total` is zero as long as nobody knows it; `onNotice` hears when the weights cannot be kept for the next visit
 * @returns {Promise<Blob[]>}
 */
export async function fetchWeights(place, { onProgress = () => {}, onNotice = () => {}, signal } = {}) {
  const work = async () => {
    const shelf = place.kind === "bundled" ? memoryShelf() : await bestShelf();
    try {
      return await bring(place, shelf, onProgress, signal);
    } catch (error) {
      if (!isQuota(error)) throw error;
      await remove(place.key);
      const blobs = await bring(place, memoryShelf(), onProgress, signal);
      onNotice(`This browser has no room left to keep these weights (${megabytes(place.bytes ?? 0)}): they are here until the page is closed. Delete weights you no longer need to keep these.`);
      return blobs;
    }
  };
  // Two tabs that want the same file download it once.
  return navigator.locks ? navigator.locks.request(`headstart weights ${place.key}`, { signal }, work) : work();
}

/** @param {Place} place @param {Shelf} shelf @param {(done: number, total: number) => void} onProgress @param {AbortSignal} [signal] */
async function bring(place, shelf, onProgress, signal) {
  const folder = await shelf.open(folderOf(place.key));
  const kept = await readManifest(folder);
  // The same address may hold other weights by now.
  const fits = kept?.files.length === place.files.length && kept.files.every((file, index) => file.sha256 === place.files[index].sha256);
  /** @type {Manifest} */
  const manifest = fits ? kept : { key: place.key, bytes: place.bytes, files: place.files.map(({ sha256 }) => ({ sha256, pieces: 0, bytes: null, validator: null })) };
  // Written after every piece, so that the next attempt knows what there is.
  const save = () => folder.write(MANIFEST, new Blob([JSON.stringify(manifest)]));
  const blobs = [];
  let before = 0;
  for (const [index, file] of manifest.files.entries()) {
    const onBytes = (/** @type {number} */ done, /** @type {number | null} */ total) => onProgress(before + done, place.bytes ?? (place.files.length === 1 ? total : null) ?? 0);
    let pieces = await piecesOf(folder, index, file);
    if (!pieces) {
      file.bytes = null;
      // The service worker finds what comes with the page in the browser's cache.
      const cache = place.kind === "bundled" ? "default" : "no-store";
      await download(place.files[index], file, String(index), folder, { onBytes, save, signal, cache });
      pieces = await piecesOf(folder, index, file);
      if (!pieces) throw new Error("The browser lost weights that had just been downloaded. Free some space on this device and download them again.");
    }
    before += file.bytes ?? 0;
    blobs.push(new Blob(pieces));
  }
  onProgress(before, before);
  return blobs;
}

/**
 * Keeps a file of the user's under `key`, for `fetchWeights` to find. Where there is no room nothing is kept, and this
 * fails.
 * @param {string} key @param {Blob} blob
 */
export async function keep(key, blob) {
  const folder = await (await bestShelf()).open(folderOf(key));
  try {
    await folder.write("0.0", blob);
    await folder.write(MANIFEST, new Blob([JSON.stringify({ key, bytes: blob.size, files: [{ sha256: null, pieces: 1, bytes: blob.size, validator: null }] })]));
  } catch (error) {
    await folder.remove();
    throw error;
  }
}

/** All pieces of a file; null if any is missing. @param {import("./weights-pieces").Folder} folder @param {number} index @param {KeptFile} file */
async function piecesOf(folder, index, file) {
  if (file.bytes === null) return null;
  const pieces = await Promise.all(Array.from({ length: file.pieces }, (_, piece) => folder.read(`${index}.${piece}`)));
  const whole = pieces.reduce((sum, piece) => sum + (piece?.size ?? 0), 0) === file.bytes;
  return whole ? /** @type {Blob[]} */ (pieces) : null;
}

/** What this browser keeps, also what has arrived of broken-off downloads. @returns {Promise<Cached[]>} */
export async function cached() {
  const shelf = await bestShelf();
  const found = [];
  for (const name of await shelf.list()) {
    const manifest = await readManifest(await shelf.open(name));
    if (!manifest) continue;
    const complete = manifest.files.every((file) => file.bytes !== null);
    const done = manifest.files.reduce((sum, file) => sum + (file.bytes ?? file.pieces * PIECE), 0);
    found.push({ key: manifest.key, done, bytes: complete ? done : manifest.bytes, complete });
  }
  return found;
}

/** Deletes what is kept of a place. @param {string} key */
export async function remove(key) {
  for (const shelf of [await bestShelf(), memoryShelf()]) {
    const name = folderOf(key);
    if ((await shelf.list()).includes(name)) await (await shelf.open(name)).remove();
  }
}

/** Whether the browser keeps everything until the user deletes it; asks it to, if told so. @param {{ ask?: boolean }} [options] */
export async function persisted({ ask = false } = {}) {
  const { storage } = navigator;
  return Boolean((await storage?.persisted?.()) || (ask && (await storage?.persist?.())));
}

/** Bytes that this site uses, and may use. @returns {Promise<{ used: number, quota: number }>} */
export async function usage() {
  const { usage: used = 0, quota = 0 } = (await navigator.storage?.estimate?.().catch(() => null)) ?? {};
  return { used, quota };
}

/** @param {import("./weights-pieces").Folder} folder @returns {Promise<Manifest | null>} */
async function readManifest(folder) {
  try {
    return JSON.parse((await (await folder.read(MANIFEST))?.text()) ?? "null");
  } catch {
    return null;
  }
}

/** A name that every file system takes. Browsers have hashes of their own only for pages from https or localhost. @param {string} key */
function folderOf(key) {
  const hash = hasher();
  hash.update(new TextEncoder().encode(key));
  return hash.digest().slice(0, 24);
}
