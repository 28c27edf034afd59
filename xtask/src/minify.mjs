// node minify.mjs FOLDER: takes comments and spaces out of every script and style below FOLDER, and out of the packages in
// FOLDER/vendor what no script imports by name. Each file stays a file.

import { readFileSync, readdirSync } from "node:fs";
import { basename, join } from "node:path";
import { build } from "esbuild";

const folder = process.argv[2];
const scripts = readdirSync(join(folder, "js"), { recursive: true }).filter(name => name.endsWith(".js")).map(name => readFileSync(join(folder, "js", name), "utf8"));
/** What the page imports from a package, or null if that may be all of it. */
function imported(name) {
  const imports = scripts.flatMap(text => [...text.matchAll(/import (.+?) from "[./]*vendor\/([\w.]+)"/g)].filter(([, , file]) => file === name).map(([, what]) => what));
  const names = imports.map(what => /^\{(.+)\}$/.exec(what)?.[1]);
  return names.length > 0 && names.every(Boolean) ? [...new Set(names.flatMap(list => list.split(",").map(word => word.trim())))].join(",") : null;
}
for (const name of readdirSync(join(folder, "vendor")).filter(file => file.endsWith(".js"))) {
  const names = imported(basename(name));
  if (names === null) continue;
  const contents = `export { ${names} } from "./${name}";`;
  await build({ stdin: { contents, resolveDir: join(folder, "vendor") }, bundle: true, format: "esm", outfile: join(folder, "vendor", name), allowOverwrite: true, tsconfigRaw: "{}", legalComments: "none", logLevel: "warning" });
}

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
