// What the place of the dial means: its name, what it trains from, and what that costs in weights, memory and time.

import { emit, h, say, watch } from "../dom.js";
import { duration, epochMs, headAlone, looks, meaningOf, nameOf, pictureCounts, placeOf, positions, startsFresh } from "../dial.js";
import { megabytes, roughly } from "../networks.js";
import { explain } from "./popover.js";

/** @param {HTMLElement} element @returns {import("../types").Component} */
export function dialPanel(element) {
  const name = h("h3", { class: "dial-name", "aria-live": "polite" });
  const meaning = h("p", { class: "hint" });
  const starts = [start("Pretrained", false), start("From scratch", true)];
  const weights = h("dd", {});
  const memory = h("dd", {});
  const time = h("span", {});
  const measure = h("button", { type: "button", class: "measure", onclick: () => emit(element, "dial-probe") }, "Measure");
  const whole = h("p", { class: "hint" });
  const trouble = h("p", { class: "trouble", role: "alert" });
  element.append(
    name,
    meaning,
    h("div", { class: "dial-start", role: "group", "aria-label": "Training starts" }, ...starts.map(({ button }) => button), explain("the starting point", "Pretrained: the weights that were learned before from very many pictures, most networks' from more than a million photos. From scratch: random numbers of the right size, the same for the same seed. The same pictures, the same network: the difference is what transfer learning is worth.")),
    h("dl", { class: "dial-facts" }, fact("Weights that learn", weights), fact("Memory", memory), fact("Time per epoch", h("dd", {}, time, measure))),
    whole,
    trouble,
  );

  /** @param {string} label @param {boolean} fresh */
  function start(label, fresh) {
    const button = h("button", { type: "button", class: "small", "aria-pressed": "false", onclick: () => emit(element, "dial-move", fresh ? { fresh, cut: "image" } : { fresh, cut: "features" }) }, label);
    return { button, fresh };
  }

  /** @param {string} label @param {...Node} value */
  function fact(label, ...value) {
    return h("div", {}, h("dt", {}, label), ...value);
  }

  return watch(
    (state) => [state.engine.network, state.settings, state.choice, state.dial, state.classes, state.samples, state.training.running],
    (network, settings, choice, dial, classes, samples, running) => {
      element.hidden = !network;
      if (!network) return;
      const places = positions(network);
      const at = placeOf(places, settings);
      const place = /** @type {import("../dial.js").Position} */ (places[at]);
      const fresh = startsFresh({ settings, choice });
      const alone = headAlone({ settings, engine: /** @type {import("../types").State["engine"]} */ ({ network }) });
      const counts = pictureCounts({ classes, samples, settings });
      say(name, nameOf(places, at, fresh));
      say(meaning, meaningOf(places, at, fresh));
      for (const { button, fresh: mine } of starts) {
        button.setAttribute("aria-pressed", String(mine === fresh));
        // A network of random numbers has nothing else to start from.
        button.disabled = running || (choice.weights === "random" && !mine);
      }
      const { cost, pace } = dial;
      say(weights, cost ? `${roughly(cost.trained)} of ${roughly(cost.parameters)}` : "…");
      say(memory, alone ? "next to nothing" : cost ? megabytes(cost.bytes + cost.pictureBytes * looks(settings, counts)) : "…");
      const ms = pace && epochMs(pace, place, settings.batchSize, counts);
      say(time, alone ? "a moment" : dial.measuring ? "measuring…" : ms === null ? "" : counts.training === 0 ? `${duration((ms ?? 0) || pace?.stepMs || 0)}` : `${pace?.cut === place.cut || (ms ?? 0) < 950 ? "" : "about "}${duration(ms ?? 0)}`);
      measure.hidden = alone || dial.measuring || running || pace?.cut === place.cut || cost?.fits === false;
      const shown = pace && place.cut !== "image" ? pace.frozenMs * looks(settings, counts) : 0;
      say(whole, alone || ms === null || counts.training === 0 ? "" : `${settings.epochs} epochs on ${counts.training} pictures: ${duration(ms * settings.epochs + shown)}, if this computer does nothing else.`);
      whole.hidden = whole.textContent === "";
      say(trouble, dial.sentence || cost?.sentence || "");
      trouble.hidden = trouble.textContent === "";
    },
  );
}
