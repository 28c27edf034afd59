/**
 * Files of hashed weights as safetensors and PyTorch write them, tensor by tensor, so that they may be larger than memory.
 * The hash is the one of the reference cases.
 */
import { open } from "node:fs/promises";

/** Fills a tensor: every value lies in `mid` ± `half`, decided by the seed, the tensor's name and its place. */
export function hashed(seed, name, count, mid, half) {
  const mix = h => {
    h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
    h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
    return (h ^ (h >>> 16)) >>> 0;
  };
  let a = 0x811c9dc5;
  for (const byte of Buffer.from(name)) a = Math.imul(a ^ byte, 0x01000193) >>> 0;
  const b = mix((a ^ seed) >>> 0);
  const values = new Float32Array(count);
  for (let i = 0; i < count; i += 1) values[i] = mid + (half * ((mix((mix((i + a) >>> 0) + b) >>> 0) >>> 8) - 2 ** 23)) / 2 ** 23;
  return values;
}

/** @param {"safetensors" | "pth"} format @param {[name: string, dims: number[], mid: number, half: number][]} params */
export async function writeCheckpoint(path, format, params, seed) {
  const file = await open(path, "w");
  const values = ([name, dims, mid, half]) => Buffer.from(hashed(seed, name, product(dims), mid, half).buffer);
  try {
    await (format === "pth" ? writePth : writeSafetensors)(file, params, values);
  } finally {
    await file.close();
  }
}

async function writeSafetensors(file, params, values) {
  let end = 0;
  const entry = ([name, dims]) => [name, { dtype: "F32", shape: dims, data_offsets: [end, (end += 4 * product(dims))] }];
  const text = JSON.stringify(Object.fromEntries(params.map(entry)));
  const header = Buffer.from(text.padEnd(Math.ceil(text.length / 8) * 8));
  const length = Buffer.alloc(8);
  length.writeUInt32LE(header.length);
  for (const bytes of [length, header]) await file.write(bytes);
  for (const param of params) await file.write(values(param));
}

/** A zip of stored entries: the pickle of a state_dict, and a storage for each tensor. */
async function writePth(file, params, values) {
  const directory = [];
  let at = 0;
  const write = async bytes => void (at += (await file.write(bytes)).bytesWritten);
  const add = async (name, content) => {
    const title = Buffer.from(`archive/${name}`);
    const fields = Buffer.alloc(22);
    fields.writeUInt32LE(crc32(content), 10);
    fields.writeUInt32LE(content.length, 14);
    fields.writeUInt32LE(content.length, 18);
    const lengths = Buffer.from([title.length, 0, 0, 0]);
    directory.push(Buffer.concat([Buffer.from("PK\x01\x02\0\0"), fields, lengths, Buffer.alloc(10), word(at), title]));
    for (const part of [Buffer.from("PK\x03\x04"), fields, lengths, title, content]) await write(part);
  };
  await add("data.pkl", pickle(params));
  for (const [i, param] of params.entries()) await add(`data/${i}`, values(param));
  await add("version", Buffer.from("3\n"));
  const start = at;
  for (const entry of directory) await write(entry);
  const count = Buffer.from([directory.length & 255, directory.length >> 8]);
  await write(Buffer.concat([Buffer.from("PK\x05\x06\0\0\0\0"), count, count, word(at - start), word(start), Buffer.alloc(2)]));
}

/** An OrderedDict of tensors in protocol 2, as `torch.save(model.state_dict())` writes it. */
function pickle(params) {
  const text = value => Buffer.concat([Buffer.from("X"), word(Buffer.byteLength(value)), Buffer.from(value)]);
  const integer = value => Buffer.concat([Buffer.from("J"), word(value)]);
  const tuple = values => Buffer.concat([Buffer.from("("), ...values.map(integer), Buffer.from("t")]);
  const tensor = ([name, dims], i) => {
    const strides = dims.map((_, axis) => product(dims.slice(axis + 1)));
    const storage = Buffer.concat([Buffer.from("("), text("storage"), Buffer.from("ctorch\nFloatStorage\n"), text(String(i)), text("cpu"), integer(product(dims)), Buffer.from("tQ")]);
    return Buffer.concat([text(name), Buffer.from("ctorch._utils\n_rebuild_tensor_v2\n("), storage, integer(0), tuple(dims), tuple(strides), Buffer.from([0x89]), Buffer.from("ccollections\nOrderedDict\n)RtR")]);
  };
  return Buffer.concat([Buffer.from([0x80, 2]), Buffer.from("ccollections\nOrderedDict\n)R("), ...params.map(tensor), Buffer.from("u.")]);
}

const product = dims => dims.reduce((count, side) => count * side, 1);

function word(value) {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
}

const CRC = Int32Array.from({ length: 256 }, (_, i) => {
  for (let bit = 0; bit < 8; bit += 1) i = i & 1 ? (i >>> 1) ^ 0xedb88320 : i >>> 1;
  return i;
});

function crc32(bytes) {
  let value = -1;
  for (const byte of bytes) value = CRC[(value ^ byte) & 255] ^ (value >>> 8);
  return ~value >>> 0;
}
