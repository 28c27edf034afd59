// What the digits' view keeps between visits, in a database of its own: the run, and files of digits that the user gave.
// Where the browser keeps nothing, there is nothing to tell and nothing is lost before the tab closes.

import { openDB } from "../../vendor/idb.js";

/** @typedef {import("./types").Kept} Kept */

const database = () => openDB("headstart-digits", 1, { upgrade: (fresh) => void fresh.createObjectStore("kept") });

/** @returns {Promise<Kept>} */
export async function recallDigits() {
  try {
    const kept = await database();
    const [run, files] = await Promise.all([kept.get("kept", "run"), kept.get("kept", "files")]);
    kept.close();
    return { run: run ?? null, files: files ?? [] };
  } catch {
    return { run: null, files: [] };
  }
}

/** @param {Partial<Kept>} changed @returns {Promise<boolean>} whether the browser had room */
export async function keepDigits(changed) {
  try {
    const kept = await database();
    const transaction = kept.transaction("kept", "readwrite");
    await Promise.all([...Object.entries(changed).map(([key, value]) => transaction.store.put(value, key)), transaction.done]);
    kept.close();
    return true;
  } catch {
    return false;
  }
}
