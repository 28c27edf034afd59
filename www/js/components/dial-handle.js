// The cut as a line across the stages, with a handle to drag: a slider for the keyboard and the ear, from the head at the
// bottom to the picture at the top. What it stands between is measured on the page.

import { emit, h, say, watch } from "../dom.js";
import { nameOf, placeOf, positions, startsFresh } from "../dial.js";
import { roughly } from "../networks.js";

/** @param {HTMLElement} column @param {HTMLElement} list of the stages @returns {import("../types").Component} */
export function dialHandle(column, list) {
  const grip = h("span", { class: "grip" });
  const handle = h("div", { class: "dial", role: "slider", tabindex: "0", "aria-label": "Where training begins", "aria-orientation": "vertical", "aria-valuemin": "0" }, h("span", { class: "dial-line" }), grip);
  column.append(handle);
  /** @type {import("../dial.js").Position[]} */
  let places = [];
  let at = 0;

  const rows = () => /** @type {HTMLElement[]} */ ([...list.children]);
  /** The height of the gap before the stage that a position trains first. @param {number} place */
  function heightOf(place) {
    const after = places[place]?.after ?? 0;
    const row = rows()[after];
    const top = row ? row.offsetTop : list.offsetTop + list.offsetHeight;
    return place === at ? top - handle.offsetHeight / 2 : top;
  }

  function put() {
    if (places.length > 0) handle.style.top = `${heightOf(at)}px`;
  }

  /** @param {number} to */
  function move(to) {
    const wanted = Math.min(places.length - 1, Math.max(0, to));
    const cut = places[wanted]?.cut;
    if (wanted !== at && cut) emit(column, "dial-move", { cut });
  }

  handle.addEventListener("keydown", (event) => {
    const to = { ArrowUp: at + 1, ArrowRight: at + 1, ArrowDown: at - 1, ArrowLeft: at - 1, PageUp: at + 3, PageDown: at - 3, Home: 0, End: places.length - 1 }[event.key];
    if (to === undefined) return;
    event.preventDefault();
    move(to);
  });
  handle.addEventListener("pointerdown", (event) => {
    handle.setPointerCapture(event.pointerId);
    handle.classList.add("dragged");
  });
  handle.addEventListener("pointermove", (event) => {
    if (!handle.hasPointerCapture(event.pointerId)) return;
    const y = event.clientY - column.getBoundingClientRect().top;
    const distances = places.map((_, place) => Math.abs(heightOf(place) - y));
    move(distances.indexOf(Math.min(...distances)));
  });
  handle.addEventListener("lostpointercapture", () => handle.classList.remove("dragged"));
  new ResizeObserver(put).observe(column);

  return watch(
    (state) => [state.engine.network, state.settings, state.choice, state.training.running, state.dial.cost],
    (network, settings, choice, running, cost) => {
      handle.hidden = !network;
      if (!network) return;
      places = positions(network);
      at = placeOf(places, settings);
      const fresh = startsFresh({ settings, choice });
      handle.setAttribute("aria-valuemax", String(places.length - 1));
      handle.setAttribute("aria-valuenow", String(at));
      const weights = cost ? `, ${roughly(cost.trained)} weights learn` : "";
      handle.setAttribute("aria-valuetext", `${nameOf(places, at, fresh)}${weights}`);
      handle.setAttribute("aria-disabled", String(running));
      say(grip, at === 0 ? "drag up to train more" : "trained below");
      const after = places[at]?.after ?? rows().length;
      for (const [index, row] of rows().entries()) {
        row.classList.toggle("trained", index >= after);
        row.classList.toggle("begins", index === after);
      }
      list.classList.toggle("all-frozen", after === rows().length);
      put();
    },
  );
}
