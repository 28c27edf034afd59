// Files as they arrive: picked, dropped, or in dropped folders. Turns each arrival into files with the folder they
// lay in. Knows nothing of classes or pictures.

/** @typedef {{ file: File, folder: string }} Arrival */

/** @param {Iterable<File>} files @returns {Arrival[]} */
export function fromInput(files) {
  return [...files].filter(wanted).map((file) => ({ file, folder: file.webkitRelativePath.split("/").slice(-2, -1)[0] ?? "" }));
}

/**
 * Must be called within the drop event, and only then waited for: the browser forgets the items afterwards.
 * @param {DataTransfer} transfer @returns {Promise<Arrival[]>}
 */
export async function fromDrop(transfer) {
  const entries = [...transfer.items].filter((item) => item.kind === "file").map((item) => item.webkitGetAsEntry?.() ?? item.getAsFile());
  const found = await Promise.all(entries.map((entry) => (entry instanceof File ? [{ file: entry, folder: "" }] : entry ? walk(entry, "") : [])));
  return found.flat().filter(({ file }) => wanted(file));
}

/** @param {FileSystemEntry} entry @param {string} folder @returns {Promise<Arrival[]>} */
async function walk(entry, folder) {
  if (entry.isFile) {
    const file = await new Promise((resolve) => /** @type {FileSystemFileEntry} */ (entry).file(resolve, () => resolve(null)));
    return file ? [{ file, folder }] : [];
  }
  const reader = /** @type {FileSystemDirectoryEntry} */ (entry).createReader();
  /** @type {Arrival[]} */
  const found = [];
  for (;;) {
    // A directory reader hands out at most a hundred entries at a time, and an empty list at the end.
    const batch = await new Promise((resolve) => reader.readEntries(resolve, () => resolve([])));
    if (batch.length === 0) return found;
    for (const child of batch) found.push(...(await walk(child, entry.name)));
  }
}

/** A project file that arrived alone. @param {Arrival[]} arrivals */
export function projectAmong(arrivals) {
  const [only] = arrivals;
  return arrivals.length === 1 && only && /\.zip$/i.test(only.file.name) ? only.file : null;
}

/** Leaves out what file managers put into folders unasked. @param {File} file */
function wanted(file) {
  return !file.name.startsWith(".") && !["Thumbs.db", "desktop.ini"].includes(file.name);
}

/** Hands a file to the person. @param {Blob} blob @param {string} name */
export function save(blob, name) {
  const address = URL.createObjectURL(blob);
  const link = document.createElement("a");
  link.href = address;
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(address), 60_000);
}

/** A name that every file system accepts. @param {string} name */
export function fileName(name) {
  return name.normalize("NFC").replace(/[\\/:*?"<>|\p{Cc}]+/gu, " ").replace(/\s+/g, " ").replace(/^[ .]+|[ .]+$/g, "").slice(0, 80) || "untitled";
}
