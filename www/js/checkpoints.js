// The last epoch of a run under way, in the origin's private file system: two files in turn and a note that names the
// newer one, so that a tab that dies while writing leaves the older one whole. Knows bytes, not what they mean. Where
// there is no such file system nothing is kept, and a run that is broken off starts again.

/** @typedef {import("./types").Unfinished} Unfinished */

const PLACE = "training";
const NOTE = "note.json";

/** @returns {Promise<FileSystemDirectoryHandle>} */
async function place() {
  return (await navigator.storage.getDirectory()).getDirectoryHandle(PLACE, { create: true });
}

/** @param {number} epoch */
const fileOf = (epoch) => `checkpoint-${epoch % 2}`;

/** @param {FileSystemDirectoryHandle} folder @param {string} name @param {string | Uint8Array<ArrayBuffer>} content */
async function write(folder, name, content) {
  const stream = await (await folder.getFileHandle(name, { create: true })).createWritable();
  await stream.write(content);
  // What was written takes the old file's place only now.
  await stream.close();
}

/** One after another: a file that is read while it changes cannot be read. */
let writing = Promise.resolve(true);
/** @type {Unfinished | null} */
let newest = null;

/** Keeps an epoch, unless a newer one is waiting already; answers whether that worked. @param {Unfinished} note @param {Uint8Array} bytes */
export function keepCheckpoint(note, bytes) {
  newest = note;
  return (writing = writing.then(() => newest !== note || keep(note, bytes)));
}

/** @param {Unfinished} note @param {Uint8Array} bytes */
async function keep(note, bytes) {
  try {
    const folder = await place();
    await write(folder, fileOf(note.epoch), /** @type {Uint8Array<ArrayBuffer>} */ (bytes));
    await write(folder, NOTE, JSON.stringify(note));
    return true;
  } catch {
    return false;
  }
}

/** What is unfinished, if anything. @returns {Promise<Unfinished | null>} */
export async function unfinishedRun() {
  await writing;
  try {
    const file = await (await (await place()).getFileHandle(NOTE)).getFile();
    return JSON.parse(await file.text());
  } catch {
    return null;
  }
}

/** @param {Unfinished} note @returns {Promise<Uint8Array>} */
export async function readCheckpoint(note) {
  const file = await (await (await place()).getFileHandle(fileOf(note.epoch))).getFile();
  return new Uint8Array(await file.arrayBuffer());
}

/** Forgets the run: it has ended, or nobody wants it. */
export async function forgetCheckpoint() {
  newest = null;
  await writing;
  try {
    await (await navigator.storage.getDirectory()).removeEntry(PLACE, { recursive: true });
  } catch {
    // There is none.
  }
}
