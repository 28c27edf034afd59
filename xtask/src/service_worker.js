// Keeps the site on the visitor's machine, so that it opens without a network.
//
// `cargo xtask dist` writes two constants before this text: VERSION, a hash of all files, and FILES, which maps each path
// (relative to the site) to the hash of its content. A file is kept under its path and hash: a new version downloads
// only what changed, and the old version's files stay until no tab runs it.

/* global VERSION, FILES */

// One origin may host several sites in its folders; each keeps to its own cache.
const CACHE = `headstart ${self.registration.scope}`;
const site = new URL("./", self.location.href);
const keyOf = path => `${new URL(path, site)}?${FILES[path]}`;

self.addEventListener("install", event => event.waitUntil(fetchMissingFiles()));

self.addEventListener("activate", event => event.waitUntil(
  deleteOldFiles().then(() => self.clients.claim())));

self.addEventListener("fetch", event => {
  const path = pathOf(event.request);
  if (path !== null) event.respondWith(answer(path, event.request));
});

self.addEventListener("message", event => {
  if (event.data === "activate") self.skipWaiting();
  if (event.data === "version") event.source.postMessage({ version: VERSION });
});

/** The file that a request asks for, or null if it is not one of the site's. */
function pathOf(request) {
  const url = new URL(request.url);
  if (request.method !== "GET" || url.origin !== site.origin || !url.pathname.startsWith(site.pathname)) return null;
  const path = decodeURIComponent(url.pathname.slice(site.pathname.length)) || "index.html";
  return path in FILES ? path : null;
}

async function answer(path, request) {
  const cache = await caches.open(CACHE);
  const kept = await cache.match(keyOf(path));
  if (kept) return kept;
  // The browser may have taken the file away to save space.
  const response = await fetch(request);
  if (response.ok) await cache.put(keyOf(path), response.clone()).catch(() => {});
  return response;
}

async function fetchMissingFiles() {
  const cache = await caches.open(CACHE);
  // FILES is ordered by size: the page's own fetch of the large files comes first and fills the browser's cache.
  for (const path of Object.keys(FILES)) {
    if (!(await cache.match(keyOf(path)))) await cache.put(keyOf(path), await fetchChecked(path));
  }
}

/** A file of exactly this version: a host in the middle of an update may still serve the old one. */
async function fetchChecked(path) {
  const response = await fetch(new URL(path, site), { cache: "no-cache" });
  if (!response.ok) throw new Error(`${path}: the server answered ${response.status}`);
  const bytes = await response.arrayBuffer();
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
  const hash = Array.from(digest.slice(0, 8), byte => byte.toString(16).padStart(2, "0")).join("");
  // Some hosts add a script of their own to every page, which does no harm here.
  if (hash !== FILES[path] && !path.endsWith(".html")) throw new Error(`${path}: the server has another version`);
  // Made anew, because a redirected response may not answer a navigation and the bytes are no longer compressed.
  const type = response.headers.get("content-type") ?? "application/octet-stream";
  return new Response(bytes, { headers: { "content-type": type, "content-length": String(bytes.byteLength) } });
}

async function deleteOldFiles() {
  const cache = await caches.open(CACHE);
  const current = new Set(Object.keys(FILES).map(keyOf));
  for (const request of await cache.keys()) {
    if (!current.has(request.url)) await cache.delete(request);
  }
}
