// What only some visitors ask for is a module of its own, which shares memory with the first part of the engine. It is
// loaded before the first call that needs it.

/* global Engine, __wbg_get_imports, __wbg_load, wasm: writable */

let laterPart;

/** Loads it, once; a load that failed can be tried again. */
export function initLater(module_or_path = new URL("FILE", import.meta.url)) {
    laterPart ??= loadLater(module_or_path).catch((error) => {
        laterPart = undefined;
        throw new Error(`A part of the engine could not be loaded (${error.message}): check the connection and try again.`);
    });
    return laterPart;
}

async function loadLater(module_or_path) {
    const given = await module_or_path;
    const isAddress = typeof given === "string" || given instanceof URL;
    const { instance } = await __wbg_load(isAddress ? await fetch(given) : given, { ...__wbg_get_imports(), first: wasm });
    wasm = { ...wasm, ...instance.exports };
}

for (const name of ["BEGINNINGS"]) loadBefore(name, () => true);
loadBefore("load", async (_, weights) => !(await Promise.all([weights ?? []].flat().map(isSafetensors))).every(Boolean));

/** Has the part loaded before a method begins, if that needs it for what it is given. */
function loadBefore(name, isNeeded) {
    const method = Engine.prototype[name];
    Engine.prototype[name] = async function (...values) {
        if (await isNeeded(...values)) await initLater();
        return method.apply(this, values);
    };
}

/** Whether a file begins with the length of a header and its brace, and the first part reads it: `looks_like` in safetensors.rs. */
async function isSafetensors(file) {
    const start = file?.slice?.(0, 9);
    const bytes = new Uint8Array(start instanceof Blob ? await start.arrayBuffer().catch(() => 0) : start);
    if (bytes.length < 9 || bytes[8] !== "{".charCodeAt(0)) return false;
    const length = new DataView(bytes.buffer).getBigUint64(0, true);
    return length >= 2n && length <= 16n << 20n;
}
