// A static server for the tests: one folder, or the sources with the stand-in engine; closes with the test.

import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import { extname, join, normalize } from "node:path";
import { fileURLToPath } from "node:url";

const TYPES = { ".html": "text/html; charset=utf-8", ".js": "text/javascript", ".css": "text/css", ".json": "application/json", ".wasm": "application/wasm", ".webp": "image/webp", ".woff2": "font/woff2", ".svg": "image/svg+xml" };
const STAND_INS = { "/headstart.js": "fake-engine.js", "/fake-networks.js": "fake-networks.js", "/fake-tuning.js": "fake-tuning.js", "/models/catalog.json": "fake-catalog.json" };
const HERE = fileURLToPath(new URL(".", import.meta.url));

/**
 * @param {string} folder what to serve
 * @param {{ fake?: boolean, base?: string, port?: number, answer?: (path: string) => Promise<Buffer | null> | Buffer | null | ((request: import("node:http").IncomingMessage, response: import("node:http").ServerResponse) => unknown) }} [options]
 *   `fake` puts the stand-in engine in the place of headstart.js; `answer` replaces single files, or answers by itself; `base` is the path
 *   of the site on its host, outside which there is nothing
 */
export async function serve(folder, { fake = false, base = "/", port = 0, answer = () => null } = {}) {
  const server = createServer(async (request, response) => {
    const path = decodeURIComponent(new URL(request.url ?? "/", "http://localhost").pathname);
    const inside = path.startsWith(base) ? path.slice(base.length - 1) : "/outside";
    const file = inside.endsWith("/") ? `${inside}index.html` : inside;
    try {
      const special = await answer(file);
      if (typeof special === "function") return special(request, response);
      const body = special ?? (await readFile(fake && STAND_INS[file] ? join(HERE, STAND_INS[file]) : join(folder, normalize(file))));
      response.writeHead(200, { "content-type": TYPES[extname(file)] ?? "application/octet-stream", "content-length": body.length, "cache-control": "no-store" });
      response.end(body);
    } catch {
      response.writeHead(404).end("not found");
    }
  });
  await new Promise((resolve) => server.listen(port, "127.0.0.1", () => resolve(undefined)));
  const address = server.address();
  const taken = typeof address === "object" && address ? address.port : port;
  return { address: `http://localhost:${taken}${base}`, port: taken, close: () => new Promise((resolve) => { server.close(resolve); server.closeAllConnections(); }) };
}
