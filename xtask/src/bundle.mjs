// node bundle.mjs FOLDER: makes a few small scripts of the page's many in FOLDER, and takes comments and spaces out of what
// is left. The page and its worker stay js/main.js and js/worker.js; what only some visitors ask for, and what both share,
// becomes files of their own beside them. The engine's headstart.js keeps its name and its place: other pages import it.

import { mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { build } from "esbuild";

const folder = process.argv[2];
const js = join(folder, "js");
/** The types of tsconfig.json mean nothing here; the licences of the packages are kept in full in vendor/LICENSES.txt. */
const common = { minify: true, format: "esm", tsconfigRaw: "{}", legalComments: "none", logLevel: "warning" };

const { outputFiles, metafile } = await build({
  ...common,
  entryPoints: ["main.js", "worker.js"].map(name => join(js, name)),
  bundle: true,
  splitting: true,
  // All in one folder: `site.js` and the worker find the site's other files from where they lie.
  outdir: js,
  chunkNames: "[name]-[hash]",
  write: false,
  metafile: true,
});
for (const part of ["js", "vendor"]) {
  for (const name of readdirSync(join(folder, part), { recursive: true }).filter(file => /\.(js|d\.ts)$/.test(file))) rmSync(join(folder, part, name));
}
rmSync(js, { recursive: true });
mkdirSync(js);
for (const { path, contents } of outputFiles) writeFileSync(path, contents);

// What the page's script imports at once is fetched together with it, not after it.
const [, { imports }] = Object.entries(metafile.outputs).find(([path]) => basename(path) === "main.js");
const links = imports.filter(({ kind }) => kind === "import-statement").map(({ path }) => `<link rel="modulepreload" href="js/${basename(path)}">\n`);
const index = join(folder, "index.html");
const page = readFileSync(index, "utf8");
const script = '<script type="module" src="js/main.js">';
if (!page.includes(script)) throw new Error(`${index} has no ${script}: expects the page's script there to put its parts before it.`);
writeFileSync(index, page.replace(script, links.join("") + script));

const others = readdirSync(folder, { recursive: true }).filter(name => /^[^/\\]+\.js$|\.css$/.test(name));
await build({ ...common, entryPoints: others.map(name => join(folder, name)), outbase: folder, outdir: folder, allowOverwrite: true });
