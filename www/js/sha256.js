// SHA-256 of bytes that arrive in pieces: the browser's own digest takes only what lies in memory as a whole, and
// weights may be half a gigabyte. FIPS 180-4, section 6.2.

/** The first 32 bits of the fractional parts of roots of the first primes. @param {number} count @param {number} root */
function fractions(count, root) {
  const words = [];
  for (let candidate = 2; words.length < count; candidate += 1) {
    let prime = true;
    for (let divisor = 2; divisor * divisor <= candidate; divisor += 1) prime &&= candidate % divisor > 0;
    if (prime) words.push((candidate ** (1 / root) % 1) * 2 ** 32);
  }
  return words.map((word) => word | 0);
}
const ROUNDS = Int32Array.from(fractions(64, 3));
const START = Int32Array.from(fractions(8, 2));
const BLOCK = 64;

export function sha256() {
  const state = START.slice();
  const words = new Int32Array(64);
  const rest = new Uint8Array(BLOCK);
  let filled = 0;
  let total = 0;

  /** @param {Uint8Array} bytes @param {number} at */
  function block(bytes, at) {
    for (let i = 0; i < 16; i += 1, at += 4) words[i] = (bytes[at] << 24) | (bytes[at + 1] << 16) | (bytes[at + 2] << 8) | bytes[at + 3];
    for (let i = 16; i < 64; i += 1) {
      const early = words[i - 15];
      const late = words[i - 2];
      const s0 = ((early >>> 7) | (early << 25)) ^ ((early >>> 18) | (early << 14)) ^ (early >>> 3);
      const s1 = ((late >>> 17) | (late << 15)) ^ ((late >>> 19) | (late << 13)) ^ (late >>> 10);
      words[i] = (((words[i - 16] + s0) | 0) + ((words[i - 7] + s1) | 0)) | 0;
    }
    let a = state[0];
    let b = state[1];
    let c = state[2];
    let d = state[3];
    let e = state[4];
    let f = state[5];
    let g = state[6];
    let h = state[7];
    for (let i = 0; i < 64; i += 1) {
      const s1 = ((e >>> 6) | (e << 26)) ^ ((e >>> 11) | (e << 21)) ^ ((e >>> 25) | (e << 7));
      const first = (((((h + s1) | 0) + ((e & f) ^ (~e & g))) | 0) + ((ROUNDS[i] + words[i]) | 0)) | 0;
      const s0 = ((a >>> 2) | (a << 30)) ^ ((a >>> 13) | (a << 19)) ^ ((a >>> 22) | (a << 10));
      const second = (s0 + ((a & b) ^ (a & c) ^ (b & c))) | 0;
      h = g;
      g = f;
      f = e;
      e = (d + first) | 0;
      d = c;
      c = b;
      b = a;
      a = (first + second) | 0;
    }
    state[0] += a;
    state[1] += b;
    state[2] += c;
    state[3] += d;
    state[4] += e;
    state[5] += f;
    state[6] += g;
    state[7] += h;
  }

  return {
    /** @param {Uint8Array} bytes */
    update(bytes) {
      total += bytes.length;
      let at = 0;
      if (filled > 0) {
        at = Math.min(BLOCK - filled, bytes.length);
        rest.set(bytes.subarray(0, at), filled);
        filled += at;
        if (filled < BLOCK) return;
        block(rest, 0);
      }
      for (; at + BLOCK <= bytes.length; at += BLOCK) block(bytes, at);
      rest.set(bytes.subarray(at));
      filled = bytes.length - at;
    },
    /** The digest in hexadecimal digits; nothing can be added afterwards. */
    digest() {
      rest.fill(0, filled);
      rest[filled] = 0x80;
      if (filled >= BLOCK - 8) {
        block(rest, 0);
        rest.fill(0);
      }
      const view = new DataView(rest.buffer);
      view.setUint32(BLOCK - 8, Math.floor(total / 2 ** 29));
      view.setUint32(BLOCK - 4, total * 8);
      block(rest, 0);
      return Array.from(state, (word) => (word >>> 0).toString(16).padStart(8, "0")).join("");
    },
  };
}
