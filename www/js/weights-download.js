// Brings one file into a folder of pieces: goes on where an earlier attempt broke off, tries again when the line breaks,
// and compares length and hash with what was promised. Knows no catalogue; every failure is a sentence with a way on.

import { sha256 } from "./sha256.js";

/** @typedef {import("./weights-pieces").Folder} Folder */
/** What is expected of a file; `sha256` may be its first digits only. @typedef {{ url: string, bytes: number | null, sha256: string | null }} Expected */
/**
 * How far a file is: `pieces` of `PIECE` bytes are kept, all of them once `bytes` is known; `validator` is what the
 * server called this version of the file.
 * @typedef {{ sha256: string | null, pieces: number, bytes: number | null, validator: string | null }} Kept
 */

export const PIECE = 4 << 20;
/** Seconds to wait before the next attempt, when nothing has arrived since the last one. */
const PATIENCE = [1, 2, 4];

/** A failure after which another attempt would end alike. */
class Refusal extends Error {}

/**
 * @param {Expected} expected @param {Kept} kept how far it is; changed as it goes on
 * @param {string} name of the file within the folder
 * @param {Folder} folder
 * @param {{ onBytes: (done: number, total: number | null) => void, save: () => Promise<void>, signal?: AbortSignal, cache?: RequestCache }} hooks
 *   `save` remembers `kept`; `cache` says whether the browser also keeps the file in its own way
 */
export async function download(expected, kept, name, folder, { onBytes, save, signal, cache = "no-store" }) {
  const where = new URL(expected.url, globalThis.document?.baseURI ?? location.href);
  for (let attempt = 0; ; attempt += 1) {
    const before = kept.pieces;
    try {
      await receive();
      return;
    } catch (error) {
      signal?.throwIfAborted();
      if (error instanceof Refusal || isQuota(error)) throw error;
      if (kept.pieces > before) attempt = 0;
      if (attempt >= PATIENCE.length || navigator.onLine === false) throw brokenOff();
      await new Promise((resolve) => setTimeout(resolve, 1000 * PATIENCE[attempt]));
    }
  }

  async function receive() {
    const hash = expected.sha256 ? sha256() : null;
    for (let piece = 0; piece < kept.pieces; piece += 1) {
      const blob = await folder.read(`${name}.${piece}`);
      // The browser may have taken a piece away; what follows it is of no use.
      if (blob?.size !== PIECE) kept.pieces = piece;
      else if (hash) hash.update(new Uint8Array(await blob.arrayBuffer()));
    }
    let done = kept.pieces * PIECE;
    const response = await ask(done);
    // Without the asked range the file comes from its beginning, and so does its hash.
    if (done > 0 && response.status !== 206) {
      await response.body?.cancel();
      kept.pieces = 0;
      return receive();
    }
    kept.validator = validatorOf(response);
    const total = lengthOf(response, done) ?? expected.bytes;
    if (expected.bytes !== null && total !== expected.bytes) throw refused(`is ${total} bytes long and should be ${expected.bytes}`);
    onBytes(done, total);
    const reader = /** @type {ReadableStream<Uint8Array<ArrayBuffer>>} */ (response.body).getReader();
    const piece = new Uint8Array(PIECE);
    let filled = 0;
    for (let chunk = await reader.read(); chunk.value; chunk = await reader.read()) {
      hash?.update(chunk.value);
      for (let at = 0; at < chunk.value.length; ) {
        const part = chunk.value.subarray(at, at + PIECE - filled);
        piece.set(part, filled);
        at += part.length;
        filled += part.length;
        if (filled < PIECE) continue;
        await folder.write(`${name}.${kept.pieces}`, piece);
        kept.pieces += 1;
        filled = 0;
        await save();
      }
      done += chunk.value.length;
      if (total !== null && done > total) throw refused(`is longer than the ${total} bytes it should be`);
      onBytes(done, total);
      // Much of the file may lie ready behind a stopped connection.
      signal?.throwIfAborted();
    }
    if (total !== null && done < total) throw new Error("the connection ended early");
    const found = hash?.digest() ?? "";
    if (expected.sha256 && !found.startsWith(expected.sha256)) {
      kept.pieces = 0;
      await save();
      throw refused(`is not the one that was meant: its SHA-256 begins with ${found.slice(0, 8)} and should begin with ${expected.sha256.slice(0, 8)}`);
    }
    if (filled > 0) {
      await folder.write(`${name}.${kept.pieces}`, piece.slice(0, filled));
      kept.pieces += 1;
    }
    kept.bytes = done;
    await save();
  }

  /** @param {number} from */
  async function ask(from) {
    const headers = new Headers();
    if (from > 0) headers.set("range", `bytes=${from}-`);
    // Another site would have to allow this header first; there the length and the hash have to do.
    if (from > 0 && kept.validator && where.origin === location.origin) headers.set("if-range", kept.validator);
    const response = await fetch(where, { headers, signal, cache });
    if (response.ok && (response.headers.get("content-type") ?? "").startsWith("text/html")) throw refused("is a web page and no weights");
    if (response.status === 416) return response;
    // A busy server may have changed its mind in a second; one that says no will not.
    if (response.status >= 500 || response.status === 429) throw new Error(`the server answered ${response.status}`);
    if (!response.ok) throw refused(`cannot be had: ${where.host} answered ${response.status}`);
    return response;
  }

  /** @param {string} what */
  function refused(what) {
    return new Refusal(`The file ${nameOf(where)} ${what}. Choose another source, or give the page a file of your own.`);
  }

  function brokenOff() {
    const [done, total] = [kept.pieces * PIECE, expected.bytes];
    if (navigator.onLine === false && done === 0) return new Error(`There is no connection, and the weights (${nameOf(where)}) are not in this browser yet. Connect, or choose a network that is.`);
    const arrived = done > 0 ? `broke off after ${megabytes(done)}${total ? ` of ${megabytes(total)}` : ""}; what has arrived is kept` : `did not begin: ${where.host} cannot be reached`;
    return new Error(`The download of the weights (${nameOf(where)}) ${arrived}. Check the connection and download them again.`);
  }
}

/** @param {unknown} error */
export function isQuota(error) {
  return error instanceof Error && error.name === "QuotaExceededError";
}

/** @param {number} bytes */
export function megabytes(bytes) {
  return `${(bytes / 1e6).toFixed(1)} MB`;
}

/** @param {URL} url */
const nameOf = (url) => url.pathname.split("/").at(-1) ?? url.href;

/** @param {Response} response */
function validatorOf(response) {
  const tag = response.headers.get("etag");
  return tag && !tag.startsWith("W/") ? tag : response.headers.get("last-modified");
}

/** The length of the whole file, as far as the server says it. @param {Response} response @param {number} from */
function lengthOf(response, from) {
  const range = /\/(\d+)$/.exec(response.headers.get("content-range") ?? "");
  if (range) return Number(range[1]);
  // What is compressed on its way has another length there.
  const length = response.headers.get("content-encoding") ? null : response.headers.get("content-length");
  return length === null ? null : from + Number(length);
}
