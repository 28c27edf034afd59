// A server of weights with bad habits, and of a blank page that loads the page's own modules: what the tests of the
// download need. It answers ranges, counts what it is asked for, and breaks off where it is told to.

import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const SOURCES = fileURLToPath(new URL("../../www", import.meta.url));

/** Ten megabytes of nothing in particular. */
export const FILE = Buffer.from(Uint32Array.from({ length: 2_500_000 }, (_, at) => Math.imul(at, 2654435761)).buffer);
export const DIGEST = createHash("sha256").update(FILE).digest("hex");

export async function serveWeights() {
  /** What was asked for: the range, or "all". @type {string[]} */
  const asked = [];
  /** `cut`: bytes of an answer after which the line breaks, as soon as the page has `heard` of them, for so many answers; `status`: answered instead. */
  const mood = { cut: Infinity, cuts: 0, status: 200, ranges: true, tag: '"one"', heard: 0 };
  const server = createServer(async (request, response) => {
    const { pathname } = new URL(request.url ?? "/", "http://localhost");
    if (pathname === "/blank.html") return void response.writeHead(200, { "content-type": "text/html" }).end("<!doctype html><title>blank</title>");
    if (pathname === "/favicon.ico") return void response.writeHead(204).end();
    if (pathname.startsWith("/js/")) return void response.writeHead(200, { "content-type": "text/javascript" }).end(await readFile(join(SOURCES, pathname)));
    if (!pathname.startsWith("/weights") || mood.status !== 200) return void response.writeHead(mood.status === 200 ? 404 : mood.status).end();
    asked.push(request.headers.range ?? "all");
    const same = (request.headers["if-range"] ?? mood.tag) === mood.tag;
    const from = mood.ranges && same ? Number(/^bytes=(\d+)-$/.exec(request.headers.range ?? "")?.[1] ?? 0) : 0;
    const range = { "content-range": `bytes ${from}-${FILE.length - 1}/${FILE.length}` };
    response.writeHead(from > 0 ? 206 : 200, { "content-length": FILE.length - from, etag: mood.tag, "accept-ranges": "bytes", ...(from > 0 ? range : {}) });
    if (mood.cuts === 0) return void response.end(FILE.subarray(from));
    Object.assign(mood, { cuts: mood.cuts - 1, heard: 0 });
    // A browser throws away what has arrived and was not read yet when the line breaks.
    response.write(FILE.subarray(from, from + mood.cut));
    while (mood.heard < from + mood.cut && !response.destroyed) await new Promise((resolve) => setTimeout(resolve, 20));
    response.destroy();
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", () => resolve(undefined)));
  const address = server.address();
  const origin = `http://localhost:${typeof address === "object" ? address?.port : ""}`;
  return { origin, asked, mood, close: () => new Promise((resolve) => { server.close(resolve); server.closeAllConnections(); }) };
}
