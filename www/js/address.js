// The part of the state that the address carries: which view is open and what was asked for by hand.
// `?backend=cpu|webgpu` chooses the engine's backend, `?demo=n` how many pictures the demo records per class.

/** @typedef {import("./types").View} View */

const VIEWS = ["examples", "network", "predictions", "networks", "compare", "digits", "self-test"];

/** @returns {View} */
export function viewInAddress() {
  const name = location.hash.replace(/^#\/?/, "");
  return VIEWS.includes(name) ? /** @type {View} */ (name) : "examples";
}

/** @param {View} view */
export function showInAddress(view) {
  const hash = view === "examples" ? "" : `#/${view}`;
  if (location.hash !== hash) history.pushState(null, "", hash || location.pathname + location.search);
}

/** @returns {"auto" | "webgpu" | "cpu"} */
export function backendInAddress() {
  const asked = new URLSearchParams(location.search).get("backend");
  return asked === "cpu" || asked === "webgpu" ? asked : "auto";
}

export function demoCountInAddress() {
  const asked = Number(new URLSearchParams(location.search).get("demo"));
  return Number.isInteger(asked) && asked > 0 && asked <= 200 ? asked : 24;
}
