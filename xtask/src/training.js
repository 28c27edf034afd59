// The part of the engine that trains from a cut and tests itself is a module of its own, which shares memory with the
// first. It is loaded before the first call that needs it.

/* global Engine, __wbg_get_imports, __wbg_load, wasm: writable */

let trainingPart;

/** Loads it, once; a load that failed can be tried again. */
export function initTraining(module_or_path = new URL("FILE", import.meta.url)) {
    trainingPart ??= loadTraining(module_or_path).catch((error) => {
        trainingPart = undefined;
        throw new Error(`The part of the engine that trains could not be loaded (${error.message}): check the connection and try again.`);
    });
    return trainingPart;
}

async function loadTraining(module_or_path) {
    const given = await module_or_path;
    const isAddress = typeof given === "string" || given instanceof URL;
    const { instance } = await __wbg_load(isAddress ? await fetch(given) : given, { ...__wbg_get_imports(), first: wasm });
    wasm = { ...wasm, ...instance.exports };
}

for (const name of ["BEGINNINGS"]) {
    const method = Engine.prototype[name];
    Engine.prototype[name] = async function (...values) {
        await initTraining();
        return method.apply(this, values);
    };
}
