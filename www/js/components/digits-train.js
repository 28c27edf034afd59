// Train, pause, start over; how far it is; and the settings, each explained where it stands.

import { NETWORK } from "../digits/lesson.js";
import { emit, h, icon, say, watch } from "../dom.js";
import { sourceOf } from "../weights.js";
import { digitsMore } from "./digits-more.js";
import { fieldGrid } from "./fields.js";

/** @type {import("./fields.js").Field[]} */
const FIELDS = [
  { key: "learningRate", label: "Learning rate", why: "How far each number is moved after a mistake. Too far, and it forgets what it knew; not far enough, and it takes for ever.", options: [["0.001", "0.001, tiny steps"], ["0.005", "0.005"], ["0.02", "0.02, usual"], ["0.05", "0.05"], ["0.2", "0.2, too large?"]] },
  { key: "batchSize", label: "Batch size", why: "How many digits it looks at before its numbers are moved once. Few: many hasty steps. Many: fewer, surer ones.", options: [["8", "8"], ["32", "32, usual"], ["128", "128"]] },
];

/** @param {HTMLElement} element @returns {import("../types").Component} */
export function digitsTrain(element) {
  const label = h("span", {}, "Train");
  const train = h("button", { type: "button", class: "train ready", onclick: () => emit(element, "digits-learn") }, icon("train"), label);
  const pause = h("button", { type: "button", class: "stop", onclick: () => emit(element, "digits-pause") }, icon("pause"), "Pause");
  const restart = h("button", { type: "button", class: "small", onclick: () => emit(element, "digits-restart") }, "Start over");
  const reseed = h("button", { type: "button", class: "small", onclick: () => emit(element, "digits-reseed") }, icon("seed"), "Start over with other random numbers");
  const trained = h("button", { type: "button", class: "small", onclick: () => emit(element, "digits-trained") }, "Use the one we trained earlier");
  const words = h("p", { class: "digits-now" });
  const bar = h("progress", { max: 1, "aria-label": "This pass" });
  const spoken = h("p", { class: "visually-hidden", role: "status" });
  const values = ["Digits seen", "Pass", "Digits a second"].map((term) => [term, h("dd", { class: "figures" }, "–")]);
  const fields = fieldGrid("digits", FIELDS, (change) => emit(element, "digits-settings", change));
  const more = h("details", { class: "settings more-settings" });
  const device = h("p", { class: "hint" });
  element.append(
    h("div", { class: "row" }, train, pause, restart, trained),
    words,
    bar,
    h("dl", { class: "digits-figures" }, ...values.map(([term, value]) => h("div", {}, h("dt", {}, term), value))),
    h("details", { class: "settings" }, h("summary", {}, "Settings"), fields.grid, more, h("div", { class: "row" }, reseed), device),
    spoken,
  );

  const offer = watch(
    (state) => [state.models, state.weights, state.digits.start],
    (models, weights, start) => {
      const model = models.find((entry) => entry.id === NETWORK);
      trained.hidden = !model || start === "trained" || !["bundled", "kept"].includes(sourceOf(model, weights, "whole").where);
    },
  );
  let heard = 0;
  const draw = watch(
    (state) => [state.digits],
    ({ phase, running, seen, rate, settings, start, data, checks, backend }) => {
      const count = data?.count ?? 1;
      const accuracy = checks.at(-1)?.accuracy;
      train.hidden = running;
      pause.hidden = !running;
      train.disabled = restart.disabled = reseed.disabled = trained.disabled = phase !== "ready";
      restart.hidden = seen === 0 && start === "random";
      say(label, seen > 0 ? "Train on" : "Train");
      bar.hidden = phase !== "starting" && seen === 0;
      if (phase === "starting") bar.removeAttribute("value");
      else bar.value = (seen % count) / count;
      say(words, now());
      const texts = [seen.toLocaleString("en"), seen === 0 ? "–" : String(Math.floor((seen - 1) / count) + 1), running && rate > 0 ? Math.round(rate).toLocaleString("en") : "–"];
      values.forEach(([, value], at) => say(/** @type {Element} */ (value), texts[at] ?? ""));
      fields.update(settings, () => running);
      say(device, backend && `It runs on: ${backend}. Its first numbers come from seed ${settings.seed}: the same seed learns the same way.`);
      // A screen reader hears how it goes, but not at every check.
      if (accuracy !== undefined && performance.now() - heard > 8000) {
        heard = performance.now();
        say(spoken, `${percent(accuracy)} right after ${seen.toLocaleString("en")} digits`);
      }

      function now() {
        if (phase === "starting" || phase === "closed") return "Getting the network and the digits ready…";
        if (phase === "failed") return "";
        if (accuracy === undefined) return "Looking at the digits for the first time…";
        if (seen === 0 && start === "random") return `It has learned nothing yet, so it guesses. There are ten digits: about one guess in ten is right.`;
        if (seen === 0) return "This one was trained earlier, on 60,000 digits. It reads nearly everything.";
        const learned = seen < count ? `It has looked at ${seen.toLocaleString("en")} of ${count.toLocaleString("en")} digits` : `It has looked at every digit ${times(Math.floor(seen / count))}`;
        return `${learned}, and reads ${percent(accuracy)} of those that it has never seen.`;
      }
    },
  );
  const drawMore = digitsMore(more);
  return (state) => {
    offer(state);
    draw(state);
    drawMore(state);
  };
}

/** @param {number} count */
function times(count) {
  return ["", "once", "twice"][count] ?? `${count} times`;
}

/** @param {number} share */
export function percent(share) {
  return `${(100 * share).toFixed(share < 0.9 || share === 1 ? 0 : 1)} %`;
}
