// The head: the one block that learns, drawn as what it is, features in and one output per class.

import { h, keyed, say, watch } from "../dom.js";
import { letter, paint } from "../palette.js";
import { explain } from "./popover.js";

/** @param {HTMLElement} element @returns {import("../types").Component} */
export function headBlock(element) {
  const text = h("span", { class: "shape" });
  const outputs = h("ul", { class: "outputs", "aria-label": "Outputs of the head" });
  element.append(
    h("div", { class: "head-title" }, h("h3", {}, "The head"), explain("the head", "The small last part of the network. It weighs the features and gives each of your classes a share of 100 %. It is always trained; as long as the line is right above it, it is all that is, which takes seconds."), text),
    outputs,
  );
  return watch(
    (state) => [state.classes, state.engine.network, state.settings.hidden, state.training.running, state.predicting.result],
    (classes, network, hidden, running, result) => {
      const enabled = classes.filter((entry) => entry.enabled);
      say(text, `${network ? network.featureLength.toLocaleString("en") : "…"} features ${hidden ? `→ ${hidden} ` : ""}→ ${enabled.length} ${enabled.length === 1 ? "class" : "classes"}`);
      element.classList.toggle("learning", running);
      keyed(
        outputs,
        enabled,
        () => h("li", {}, h("span", { class: "badge" }), h("span", { class: "output-name" })),
        (item, entry) => {
          paint(item, entry.color);
          const at = result?.classes.indexOf(entry.id) ?? -1;
          item.style.setProperty("--share", at < 0 ? "0" : String(result?.probabilities[at]));
          say(/** @type {Element} */ (item.firstElementChild), letter(classes.indexOf(entry)));
          say(/** @type {Element} */ (item.lastElementChild), entry.name);
        },
      );
    },
  );
}
