/**
 * Loads the part of the engine that trains from a cut, tests itself, and reads other files of weights than safetensors,
 * `headstart_later.wasm`. The methods that need it do so by themselves, from beside `headstart.js`; who gives the engine's bytes
 * to `init` gives its bytes to this function.
 */
export function initLater(module_or_path?: InitInput | Promise<InitInput>): Promise<void>;
