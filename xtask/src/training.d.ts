/**
 * Loads the part of the engine that trains from a cut and tests itself, `headstart_training.wasm`. The methods that need it
 * do so by themselves, from beside `headstart.js`; who gives the engine's bytes to `init` gives its bytes to this function.
 */
export function initTraining(module_or_path?: InitInput | Promise<InitInput>): Promise<void>;
