// The page's SHA-256 is the one everybody else computes, however the bytes are cut into pieces.

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";
import { sha256 } from "../../www/js/sha256.js";

const bytes = Uint8Array.from({ length: 1000 }, (_, at) => (at * 2654435761) >>> 24);

test("bytes of every length have the digest that node gives them", () => {
  for (let length = 0; length <= 200; length += 1) {
    const hash = sha256();
    hash.update(bytes.subarray(0, length));
    assert.equal(hash.digest(), createHash("sha256").update(bytes.subarray(0, length)).digest("hex"), `${length} bytes`);
  }
});

test("pieces of any size have the digest of the whole", () => {
  const expected = createHash("sha256").update(bytes).digest("hex");
  for (const size of [1, 7, 63, 64, 65, 999]) {
    const hash = sha256();
    for (let at = 0; at < bytes.length; at += size) hash.update(bytes.subarray(at, at + size));
    assert.equal(hash.digest(), expected, `pieces of ${size}`);
  }
});
