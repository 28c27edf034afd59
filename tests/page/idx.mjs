// Idx files as MNIST has them, made by tests.

/** @param {number[]} sizes @param {(at: number) => number} value */
export function idx(sizes, value) {
  const header = 4 + 4 * sizes.length;
  const bytes = Buffer.alloc(header + sizes.reduce((product, size) => product * size, 1));
  bytes.writeUInt32BE(0x0800 + sizes.length);
  sizes.forEach((size, axis) => bytes.writeUInt32BE(size, 4 + 4 * axis));
  for (let at = header; at < bytes.length; at += 1) bytes[at] = value(at - header);
  return bytes;
}
