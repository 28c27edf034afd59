// How far the network has come: bytes and rate while downloading, kernels while compiling, and what to do on failure. A
// download towards another network can be stopped; the one in use stays then.

import { emit, h, say, watch } from "../dom.js";

const STEPS = /** @type {Record<string, string>} */ ({ starting: "Starting the engine", verify: "Checking the weights", read: "Reading the weights", kernels: "Compiling kernels", tune: "Measuring which kernel is fastest here", upload: "Putting the weights in place" });
/** The steps that consist of many alike. */
const COUNTED = ["kernels", "tune"];

/** @param {HTMLElement} element @returns {import("../types").Component} */
export function loading(element) {
  const text = h("p", { class: "loading-text", role: "status" });
  const bar = h("progress", { max: 1, "aria-label": "Loading the network" });
  const retry = h("button", { type: "button", class: "small", onclick: () => emit(element, "engine-retry") }, "Try again");
  const cancel = h("button", { type: "button", class: "small", onclick: () => emit(element, "network-cancel") }, "Stop the download");
  element.append(text, bar, retry, cancel);

  return watch(
    (state) => [state.engine],
    ({ phase, done, total, rate, sentence, model, network }) => {
      element.hidden = phase === "ready";
      element.classList.toggle("trouble", phase === "failed");
      retry.hidden = phase !== "failed";
      bar.hidden = phase === "failed";
      cancel.hidden = phase !== "download" || network === null;
      if (total > 0) bar.value = done / total;
      else bar.removeAttribute("value");
      if (phase === "failed") return say(text, sentence);
      if (phase === "download") return say(text, `Downloading ${model?.title ?? "the network"}: ${megabytes(done)}${total > 0 ? ` of ${megabytes(total)}` : ""} MB${rate ? ` · ${megabytes(rate)} MB/s` : ""}`);
      say(text, `${phase === "starting" && network ? `Getting ${model?.title} ready` : (STEPS[phase] ?? "Loading")}${total > 1 && COUNTED.includes(phase) ? `${phase === "tune" ? "," : ""} ${Math.min(done + 1, total)} of ${total}` : ""}…`);
    },
  );
}

/** @param {number} bytes */
function megabytes(bytes) {
  return (bytes / 1e6).toFixed(1);
}
