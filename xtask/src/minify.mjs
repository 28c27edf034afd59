// node minify.mjs FOLDER: takes comments and spaces out of every script and style below FOLDER. Each file stays a file.

import { readdirSync } from "node:fs";
import { join } from "node:path";
import { build } from "esbuild";

const folder = process.argv[2];
const isSource = name => name.endsWith(".js") || name.endsWith(".css");
await build({
  entryPoints: readdirSync(folder, { recursive: true }).filter(isSource).map(name => join(folder, name)),
  outbase: folder,
  outdir: folder,
  allowOverwrite: true,
  minify: true,
  format: "esm",
  // The types of tsconfig.json mean nothing here.
  tsconfigRaw: "{}",
  // The licences of the packages are kept in full in vendor/LICENSES.txt.
  legalComments: "none",
  logLevel: "warning",
});
