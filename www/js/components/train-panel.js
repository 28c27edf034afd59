// The Train button, how far training is, and Stop.

import { emit, h, icon, say, watch } from "../dom.js";
import { milliseconds } from "../networks.js";
import { obstacle } from "../training.js";
import { explain } from "./popover.js";

/** @param {HTMLElement} element @returns {import("../types").Component} */
export function trainPanel(element) {
  const label = h("span", {}, "Train");
  const train = h("button", { type: "button", class: "train", onclick: () => emit(element, "train-start") }, icon("train"), label);
  const stop = h("button", { type: "button", class: "stop", onclick: () => emit(element, "train-stop") }, icon("stop"), "Stop");
  const bar = h("progress", { max: 1, "aria-label": "Preparing and training" });
  const text = h("span", { role: "status" });
  const note = h("p", { class: "hint" });
  const trouble = h("p", { class: "trouble", role: "alert" });
  const epoch = explain("an epoch", "One pass over all your examples. After each pass the curves below grow by one point.");
  const unfinished = h("p", { class: "unfinished", role: "status" });
  element.append(unfinished, h("div", { class: "train-row" }, train, stop, h("p", { class: "train-text" }, text, epoch)), bar, note, trouble);
  const offer = watch((state) => [state.training.unfinished], (left) => {
    unfinished.hidden = !left;
    unfinished.replaceChildren(...(left ? [`Training was interrupted after epoch ${left.epoch} of ${left.settings.epochs}.`, h("button", { type: "button", class: "small", onclick: () => emit(element, "train-go-on") }, "Go on"), h("button", { type: "button", class: "small quiet", onclick: () => emit(element, "train-discard") }, "Discard")] : []));
  });

  const show = watch(
    (state) => [state.training, state.classes, state.samples, state.engine.phase, state.pending, state.head, state.changed, state.dial, state.settings],
    (training, classes, samples, phase, pending, head, changed, dial, settings) => {
      const missing = obstacle({ classes, samples, dial, engine: { phase } });
      const busy = training.running || training.waiting;
      train.hidden = busy;
      stop.hidden = !busy;
      train.disabled = missing !== "";
      train.classList.toggle("ready", missing === "" && (head === null || changed));
      say(label, head ? "Train again" : "Train");
      const last = training.history.at(-1);
      const split = training.split;
      bar.hidden = !busy && pending === 0;
      if (training.shown !== null) bar.value = training.shown;
      else if (training.running && training.step) bar.value = (training.step.epoch - 1 + training.step.step / training.step.steps) / settings.epochs;
      else if (training.running && last) bar.value = last.epoch / last.epochs;
      else if (pending > 0 && phase === "ready") bar.value = (samples.length - pending) / samples.length;
      else bar.removeAttribute("value");
      epoch.hidden = !(training.running || head);
      say(text, words());
      say(note, split && (head || busy) ? [head && !busy && `Learned from ${split.training} pictures, tested on ${split.validation}.`, split.note].filter(Boolean).join(" ") : "");
      note.hidden = note.textContent === "";
      say(trouble, training.sentence || (last?.note ?? ""));
      trouble.hidden = trouble.textContent === "";

      function words() {
        if (training.shown !== null) return `Showing the network your pictures: ${Math.round(training.shown * 100)} %`;
        if (training.running && training.step) return `Epoch ${training.step.epoch} of ${settings.epochs}, batch ${training.step.step} of ${training.step.steps}`;
        if (training.running) return last ? `Epoch ${last.epoch} of ${last.epochs}` : "Starting…";
        if (pending > 0 && phase === "ready") return pending === samples.length || pending < 4 ? `Preparing ${pending} ${pending === 1 ? "picture" : "pictures"}…` : `Preparing pictures: ${samples.length - pending} of ${samples.length}`;
        if (pending > 0) return `Waiting for the network: ${pending} ${pending === 1 ? "picture" : "pictures"}…`;
        if (training.waiting) return "Waiting for the network…";
        if (missing) return missing;
        if (changed) return "The examples changed since the last training.";
        if (!head) return `Ready: ${samples.length} examples.`;
        const { epoch: epochs = 0, note: early = null } = head.history.at(-1) ?? {};
        return `${head.stopped || early ? "Stopped after" : "Trained for"} ${epochs} ${epochs === 1 ? "epoch" : "epochs"} in ${milliseconds(head.ms)}.`;
      }
    },
  );
  return (state) => {
    offer(state);
    show(state);
  };
}
