// A project as one .zip file: project.json, the pictures in a folder per class, the head as safetensors, the features
// as raw float32. Reading checks everything before anything of the open project is touched. Knows files, not the page.

import { strFromU8, strToU8, unzipSync, zipSync } from "../vendor/fflate.js";
import { fileName } from "./files.js";
import { readPicture } from "./pictures.js";
import { DEFAULT_CHOICE, DEFAULT_SETTINGS, newId } from "./store.js";

/** @typedef {import("./types").Project} Project */
/** @typedef {import("./types").Sample} Sample */
/** @typedef {import("./types").StoredFeatures} StoredFeatures */
/** @typedef {import("./types").ClassEntry} ClassEntry */

const FORMAT = "headstart-project";
const VERSION = 1;
/** Pictures are compressed already; another pass would only cost time. @type {{ level: 0 }} */
const STORED = { level: 0 };

/**
 * @param {Project} project @param {Sample[]} samples @param {StoredFeatures[]} features @param {import("./types").NetworkInfo | null} network
 * @returns {Promise<Blob>}
 */
export async function writeProject(project, samples, features, network) {
  /** @type {import("fflate").Zippable} */
  const files = {};
  const folders = folderNames(project.classes);
  const listed = [];
  for (const sample of samples) {
    const file = `samples/${folders.get(sample.class) ?? "other"}/${sample.id}.${extension(sample.blob.type)}`;
    files[file] = [await bytesOf(sample.blob), STORED];
    listed.push({ id: sample.id, class: sample.class, burst: sample.burst, created: sample.created, name: sample.name, width: sample.width, height: sample.height, type: sample.blob.type, file });
  }
  const { bytes, ...head } = project.head ?? { bytes: null };
  if (bytes) files["head.safetensors"] = [bytes, STORED];
  const length = features[0]?.features.length ?? 0;
  if (length > 0) {
    const all = new Float32Array(features.length * length);
    features.forEach((record, index) => all.set(record.features, index * length));
    files["features.f32"] = new Uint8Array(all.buffer);
  }
  const description = {
    format: FORMAT,
    version: VERSION,
    id: project.id,
    name: project.name,
    classes: project.classes,
    settings: project.settings,
    choice: project.choice,
    preprocessing: network ? { network: network.id, fingerprint: network.fingerprint, input: network.input, steps: "resize, centre crop and normalise as the network's catalogue entry says" } : null,
    head: bytes ? { file: "head.safetensors", ...head } : null,
    features: length > 0 ? { file: "features.f32", length, fingerprint: features[0]?.fingerprint, samples: features.map((record) => record.id) } : null,
    samples: listed,
  };
  return new Blob([zipSync({ "project.json": strToU8(JSON.stringify(description, null, 1)), ...files })], { type: "application/zip" });
}

/** One class's pictures. @param {Sample[]} samples @returns {Promise<Blob>} */
export async function writeClass(samples) {
  /** @type {import("fflate").Zippable} */
  const files = {};
  for (const [index, sample] of samples.entries()) files[`${String(index + 1).padStart(4, "0")}.${extension(sample.blob.type)}`] = [await bytesOf(sample.blob), STORED];
  return new Blob([zipSync(files)], { type: "application/zip" });
}

/**
 * Reads a project file; fails with a sentence, having changed nothing.
 * @param {Blob} blob @param {string} name
 * @returns {Promise<{ project: Project, samples: Sample[], features: StoredFeatures[], skipped: number, headless: boolean }>}
 *   `skipped` pictures were damaged, and `headless` tells that what was learned was
 */
export async function readProject(blob, name) {
  const files = unpack(await bytesOf(blob), name);
  const description = describe(files, name);
  const samples = [];
  for (const entry of description.samples) {
    const bytes = files[entry.file];
    if (!bytes || !description.classes.some((/** @type {ClassEntry} */ known) => known.id === entry.class)) continue;
    const kept = await readPicture(new Blob([bytes], { type: entry.type }), entry.file).catch(() => null);
    if (kept) samples.push({ id: entry.id, class: entry.class, burst: entry.burst, created: entry.created, name: entry.name, ...kept, blob: new Blob([bytes], { type: entry.type }) });
  }
  const head = description.head && files[description.head.file] ? { ...description.head, bytes: files[description.head.file] } : null;
  const project = { id: description.id ?? newId(), name: String(description.name), classes: description.classes, settings: { ...DEFAULT_SETTINGS, ...description.settings }, head, choice: { ...DEFAULT_CHOICE, ...description.choice } };
  return { project, samples, features: featuresIn(description, files), skipped: description.samples.length - samples.length, headless: Boolean(description.head) && !head };
}

/**
 * The files of a zip that arrived whole: those whose checksum differs are left out, because unpacking does not notice.
 * @param {Uint8Array} bytes @param {string} name
 */
function unpack(bytes, name) {
  try {
    const files = unzipSync(bytes);
    for (const [path, expected] of checksums(bytes)) if (files[path] && crc32(files[path]) !== expected) delete files[path];
    return files;
  } catch {
    throw new Error(`${name} could not be opened: it is damaged or not a zip file. Your open project is unchanged.`);
  }
}

/** The CRC-32 of every file as the zip's directory lists it (APPNOTE.TXT 4.3.12, 4.3.16). @param {Uint8Array} bytes @returns {[path: string, crc: number][]} */
function checksums(bytes) {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let end = bytes.length - 22;
  while (view.getUint32(end, true) !== 0x06054b50) end -= 1;
  let at = view.getUint32(end + 16, true);
  return Array.from({ length: view.getUint16(end + 10, true) }, () => {
    const [name, extra, comment] = [28, 30, 32].map((offset) => view.getUint16(at + offset, true));
    const path = strFromU8(bytes.subarray(at + 46, at + 46 + (name ?? 0)));
    const crc = view.getUint32(at + 16, true);
    at += 46 + (name ?? 0) + (extra ?? 0) + (comment ?? 0);
    return [path, crc];
  });
}

/** @param {Uint8Array} bytes */
function crc32(bytes) {
  let crc = ~0;
  for (const byte of bytes) crc = (crc >>> 8) ^ /** @type {number} */ (CRC_TABLE[(crc ^ byte) & 255]);
  return ~crc >>> 0;
}

const CRC_TABLE = Int32Array.from({ length: 256 }, (_, byte) => {
  for (let bit = 0; bit < 8; bit += 1) byte = (byte >>> 1) ^ (byte & 1 ? 0xedb88320 : 0);
  return byte;
});

/** @param {Record<string, Uint8Array>} files @param {string} name */
function describe(files, name) {
  const stranger = `${name} is not a Headstart project: it has no readable project.json. Your open project is unchanged.`;
  let description;
  try {
    description = JSON.parse(strFromU8(/** @type {Uint8Array} */ (files["project.json"])));
  } catch {
    throw new Error(stranger);
  }
  if (description?.format !== FORMAT) throw new Error(stranger);
  if (description.version !== VERSION) throw new Error(`${name} was saved by another version of Headstart (project format ${description.version}; this one reads ${VERSION}). Reload the page to get the newest version. Your open project is unchanged.`);
  const sound = Array.isArray(description.classes) && Array.isArray(description.samples) && description.classes.every((/** @type {any} */ entry) => typeof entry?.id === "string" && typeof entry.name === "string" && Number.isInteger(entry.color));
  if (!sound) throw new Error(`${name} could not be opened: its project.json is incomplete. Your open project is unchanged.`);
  return description;
}

/** @param {any} description @param {Record<string, Uint8Array>} files @returns {StoredFeatures[]} */
function featuresIn(description, files) {
  const listed = description.features;
  const bytes = listed && files[listed.file];
  if (!bytes || bytes.length !== listed.samples.length * listed.length * 4) return [];
  const all = new Float32Array(bytes.slice().buffer);
  return listed.samples.map((/** @type {string} */ id, /** @type {number} */ index) => ({ id, fingerprint: listed.fingerprint, features: all.slice(index * listed.length, (index + 1) * listed.length) }));
}

/** Two classes may bear the same name; their folders must not. @param {ClassEntry[]} classes */
function folderNames(classes) {
  /** @type {Map<string, string>} */
  const names = new Map();
  for (const entry of classes) {
    const name = fileName(entry.name);
    names.set(entry.id, [...names.values()].includes(name) ? `${name} ${entry.id.slice(0, 8)}` : name);
  }
  return names;
}

/** @param {string} type */
function extension(type) {
  return type === "image/png" ? "png" : "jpg";
}

/** @param {Blob} blob */
async function bytesOf(blob) {
  return new Uint8Array(await blob.arrayBuffer());
}
