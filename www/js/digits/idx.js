// MNIST's idx files: a magic number, a size per axis, and the bytes (LeCun, Cortes and Burges). Knows files by their
// content, packed or not, and says in a sentence what is wrong with one. Knows no engine and no DOM.

/** Grey pictures of `SIDE` x `SIDE`, ink 255 on 0, one after another, and the digit that each shows. @typedef {{ pixels: Uint8Array, labels: Uint8Array }} Digits */
/** What there is to learn from, and what is kept apart to test with. @typedef {{ learn: Digits, held: Digits }} Sets */
/** @typedef {{ name: string, count: number, bytes: Uint8Array }} Part */

export const SIDE = 28;
export const PIXELS = SIDE * SIDE;
const PICTURES = 0x0803;
const LABELS = 0x0801;
const WANTED = "Give MNIST's files together, packed or not: train-images-idx3-ubyte and train-labels-idx1-ubyte, and the two that begin with t10k if you have them.";

/**
 * The digits of files that belong together: pictures and their labels, once or twice; the larger pair is learned from. Of
 * a single pair the last sixth is kept apart. Fails with a sentence.
 * @param {{ name: string, content: Blob }[]} files @returns {Promise<Sets>}
 */
export async function readDigits(files) {
  const pictures = /** @type {Part[]} */ ([]);
  const labels = /** @type {Part[]} */ ([]);
  for (const { name, content } of files) {
    const bytes = await unpacked(name, content);
    const magic = bytes.length >= 8 ? view(bytes).getUint32(0) : 0;
    if (magic === PICTURES) pictures.push(picturesIn(name, bytes));
    else if (magic === LABELS) labels.push(labelsIn(name, bytes));
    else throw new Error(`${name} holds no digits that can be read here. ${WANTED}`);
  }
  const pairs = pictures.map((part) => {
    const at = labels.findIndex((other) => other.count === part.count);
    const [found] = at < 0 ? [] : labels.splice(at, 1);
    if (!found) throw new Error(`${part.name} has ${amount(part.count)} pictures, and no file among these has as many labels. ${WANTED}`);
    return { pixels: part.bytes, labels: found.bytes };
  });
  const [over] = labels;
  if (over) throw new Error(`${over.name} has ${amount(over.count)} labels, and no file among these has as many pictures. ${WANTED}`);
  pairs.sort((one, other) => other.labels.length - one.labels.length);
  const [learn, held] = pairs;
  if (!learn || pairs.length > 2) throw new Error(`These are ${pairs.length} sets of digits. ${WANTED}`);
  return held ? { learn, held } : divided(learn);
}

/** @param {Digits} digits @returns {Sets} */
function divided({ pixels, labels }) {
  const from = labels.length - Math.floor(labels.length / 6);
  const part = (/** @type {number} */ start, /** @type {number} */ end) => ({ pixels: pixels.subarray(start * PIXELS, end * PIXELS), labels: labels.subarray(start, end) });
  if (from === labels.length) throw new Error(`${labels.length} digits are too few to learn from some and test with others. ${WANTED}`);
  return { learn: part(0, from), held: part(from, labels.length) };
}

/** @param {string} name @param {Uint8Array} bytes @returns {Part} */
function picturesIn(name, bytes) {
  const [count, height, width] = [4, 8, 12].map((at) => (bytes.length >= at + 4 ? view(bytes).getUint32(at) : 0));
  if (height !== SIDE || width !== SIDE) throw new Error(`${name} holds pictures of ${width} x ${height} pixels; digits are ${SIDE} x ${SIDE} here.`);
  return { name, count: /** @type {number} */ (count), bytes: entries(name, bytes, 16, /** @type {number} */ (count), PIXELS, "pictures") };
}

/** @param {string} name @param {Uint8Array} bytes @returns {Part} */
function labelsIn(name, bytes) {
  const count = view(bytes).getUint32(4);
  const labels = entries(name, bytes, 8, count, 1, "labels");
  const odd = labels.findIndex((label) => label > 9);
  if (odd >= 0) throw new Error(`${name}: label ${amount(odd + 1)} is ${labels[odd]}, and a digit is 0 to 9.`);
  return { name, count, bytes: labels };
}

/** @param {string} name @param {Uint8Array} bytes @param {number} header @param {number} count @param {number} size @param {string} what */
function entries(name, bytes, header, count, size, what) {
  const found = (bytes.length - header) / size;
  if (found !== count || count === 0) throw new Error(`${name} is damaged: it says that it has ${amount(count)} ${what} and has ${amount(Math.floor(found))}. Download it again.`);
  return bytes.subarray(header);
}

/** @param {string} name @param {Blob} content */
async function unpacked(name, content) {
  const start = new Uint8Array(await content.slice(0, 2).arrayBuffer());
  if (start[0] !== 0x1f || start[1] !== 0x8b) return new Uint8Array(await content.arrayBuffer());
  const stream = content.stream().pipeThrough(new DecompressionStream("gzip"));
  return new Uint8Array(await new Response(stream).arrayBuffer().catch(() => {
    throw new Error(`${name} is damaged: it cannot be unpacked. Download it again.`);
  }));
}

/** @param {Uint8Array} bytes */
function view(bytes) {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** @param {number} count */
function amount(count) {
  return count.toLocaleString("en");
}
