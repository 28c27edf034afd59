// Writes a PyTorch checkpoint as `torch.save(state_dict)` does: a zip with a pickle of names and shapes, and a file of
// numbers for each tensor. For tests that need the file of a whole network and not its numbers.

import { zipSync } from "fflate";

/** Pickle opcodes, by the names that Python's pickletools gives them. */
const OP = { PROTO: 0x80, GLOBAL: 0x63, BINUNICODE: 0x58, BININT: 0x4a, MARK: 0x28, TUPLE: 0x74, BINPERSID: 0x51, NEWFALSE: 0x89, EMPTY_TUPLE: 0x29, REDUCE: 0x52, EMPTY_DICT: 0x7d, SETITEM: 0x73, STOP: 0x2e };

/** LeNet-5's parameters. @type {[string, number[]][]} */
export const LENET5 = [["conv1", [6, 1, 5, 5]], ["conv2", [16, 6, 5, 5]], ["conv3", [120, 16, 5, 5]], ["fc1", [84, 120]], ["fc2", [10, 84]]].flatMap(([name, dims]) => /** @type {[string, number[]][]} */ ([[`${name}.weight`, dims], [`${name}.bias`, [dims[0]]]]));

const int = (/** @type {number} */ value) => [OP.BININT, value & 255, (value >> 8) & 255, (value >> 16) & 255, (value >> 24) & 255];
const text = (/** @type {string} */ value) => [OP.BINUNICODE, ...int(value.length).slice(1), ...Buffer.from(value)];
const global = (/** @type {string} */ module, /** @type {string} */ name) => [OP.GLOBAL, ...Buffer.from(`${module}\n${name}\n`)];
const tuple = (/** @type {number[][]} */ ...items) => [OP.MARK, ...items.flat(), OP.TUPLE];

/** @param {number[]} dims @param {string} key of the file with the numbers */
function tensor(dims, key) {
  const count = dims.reduce((product, length) => product * length, 1);
  const strides = dims.map((_, at) => dims.slice(at + 1).reduce((product, length) => product * length, 1));
  const storage = [...tuple(text("storage"), global("torch", "FloatStorage"), text(key), text("cpu"), int(count)), OP.BINPERSID];
  const hooks = [...global("collections", "OrderedDict"), OP.EMPTY_TUPLE, OP.REDUCE];
  return [...global("torch._utils", "_rebuild_tensor_v2"), ...tuple(storage, int(0), tuple(...dims.map(int)), tuple(...strides.map(int)), [OP.NEWFALSE], hooks), OP.REDUCE];
}

/** @param {[string, number[]][]} tensors names and shapes; the values are small and alike in every file */
export function pth(tensors) {
  const items = tensors.flatMap(([name, dims], index) => [...text(name), ...tensor(dims, String(index)), OP.SETITEM]);
  /** @type {Record<string, Uint8Array>} */
  const files = { "archive/data.pkl": Uint8Array.from([OP.PROTO, 2, OP.EMPTY_DICT, ...items, OP.STOP]), "archive/version": Buffer.from("3\n") };
  tensors.forEach(([, dims], index) => {
    const count = dims.reduce((product, length) => product * length, 1);
    files[`archive/data/${index}`] = new Uint8Array(Float32Array.from({ length: count }, (_, at) => Math.sin(at * 12.9898 + index) / 8).buffer);
  });
  return Buffer.from(zipSync(files, { level: 0 }));
}
