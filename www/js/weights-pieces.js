// Where downloaded weights are kept: folders of small pieces, each complete or absent, so that a download that broke off
// goes on where it was and no file of half a gigabyte is ever copied. In the origin's private file system, else in the
// browser's cache, else in memory for as long as the page is open. Knows nothing of what is in the pieces.

/**
 * @typedef {object} Folder
 * @property {(name: string) => Promise<Blob | null>} read
 * @property {(name: string, content: Blob | Uint8Array<ArrayBuffer>) => Promise<void>} write fails with a
 *   QuotaExceededError where there is no room
 * @property {() => Promise<void>} remove
 */
/** @typedef {{ lasting: boolean, open: (name: string) => Promise<Folder>, list: () => Promise<string[]> }} Shelf */

const PLACE = "weights";

/** The best there is here. @returns {Promise<Shelf>} */
export async function bestShelf() {
  return (await fileShelf().catch(() => null)) ?? (await cacheShelf().catch(() => null)) ?? memoryShelf();
}

/** @returns {Promise<Shelf | null>} */
async function fileShelf() {
  // Older Safari has the file system but writes to it in another way.
  if (!("createWritable" in (globalThis.FileSystemFileHandle?.prototype ?? {}))) return null;
  const place = await (await navigator.storage.getDirectory()).getDirectoryHandle(PLACE, { create: true });
  return {
    lasting: true,
    async open(name) {
      const folder = await place.getDirectoryHandle(name, { create: true });
      return {
        read: async (piece) => (await folder.getFileHandle(piece).catch(() => null))?.getFile() ?? null,
        async write(piece, content) {
          const file = await folder.getFileHandle(piece, { create: true });
          const stream = await file.createWritable();
          try {
            await stream.write(content);
            await stream.close();
          } catch (error) {
            // What is half written must not pass for a piece.
            await stream.abort().catch(() => undefined);
            await folder.removeEntry(piece).catch(() => undefined);
            throw error;
          }
        },
        remove: () => place.removeEntry(name, { recursive: true }),
      };
    },
    async list() {
      const names = [];
      for await (const name of place.keys()) names.push(name);
      return names;
    },
  };
}

/** @returns {Promise<Shelf | null>} */
async function cacheShelf() {
  const cache = await caches.open(`headstart ${PLACE}`);
  const address = (/** @type {string[]} */ ...path) => new URL(`/${PLACE}/${path.map(encodeURIComponent).join("/")}`, location.origin).href;
  const names = async () => (await cache.keys()).map((request) => decodeURIComponent(new URL(request.url).pathname.split("/")[2]));
  return {
    lasting: true,
    open: async (name) => ({
      read: async (piece) => (await cache.match(address(name, piece)))?.blob() ?? null,
      write: (piece, content) => cache.put(address(name, piece), new Response(content)),
      async remove() {
        for (const request of await cache.keys()) if (request.url.startsWith(`${address(name)}/`)) await cache.delete(request);
      },
    }),
    list: async () => [...new Set(await names())],
  };
}

/** @type {Map<string, Map<string, Blob>>} */
const inMemory = new Map();

/** @returns {Shelf} */
export function memoryShelf() {
  return {
    lasting: false,
    async open(name) {
      const pieces = inMemory.get(name) ?? new Map();
      inMemory.set(name, pieces);
      return {
        read: async (piece) => pieces.get(piece) ?? null,
        // A browser keeps a large Blob outside of the page's memory.
        write: async (piece, content) => void pieces.set(piece, content instanceof Blob ? content : new Blob([content])),
        remove: async () => void inMemory.delete(name),
      };
    },
    list: async () => [...inMemory.keys()],
  };
}
