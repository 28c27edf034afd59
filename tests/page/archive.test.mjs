// What is left of a project file when something in it is damaged: zips carry a checksum for every file.

import assert from "node:assert/strict";
import { test } from "node:test";
import { strToU8, zipSync } from "fflate";
import { readProject } from "../../www/js/archive.js";

const HEAD = strToU8("what a head has learned");
const DESCRIPTION = { format: "headstart-project", version: 1, name: "Cups", classes: [], samples: [], head: { file: "head.safetensors" } };

/** A project with this head, stored as it is. */
const project = () => zipSync({ "project.json": strToU8(JSON.stringify(DESCRIPTION)), "head.safetensors": [HEAD, { level: 0 }] });

test("a sound project has its head", async () => {
  const { project: read, headless } = await readProject(new Blob([project()]), "cups.zip");
  assert.deepEqual([read.name, read.head?.bytes, headless], ["Cups", HEAD, false]);
});

test("a head with one other byte is left out, and that is told", async () => {
  const bytes = project();
  const at = Buffer.from(bytes).indexOf(Buffer.from(HEAD));
  bytes[at + 3] ^= 1;
  const { project: read, headless } = await readProject(new Blob([bytes]), "cups.zip");
  assert.deepEqual([read.head, headless], [null, true]);
});
