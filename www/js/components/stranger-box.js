// A file of weights that fits no network, or not the one it was given to: the engine's sentence, the complete list on
// request, and the network it would fit as a button.

import { emit, h, say, watch } from "../dom.js";

/** @param {HTMLElement} element @returns {import("../types").Component} */
export function strangerBox(element) {
  const title = h("h3", {});
  const sentence = h("p", { class: "trouble", role: "alert" });
  const list = h("pre", { tabIndex: 0 });
  const details = h("details", {}, h("summary", {}, "Everything that differs"), list);
  const nearest = h("button", { type: "button" });
  const dismiss = h("button", { type: "button", class: "quiet", onclick: () => emit(element, "stranger-dismiss") }, "Dismiss");
  element.append(title, sentence, details, h("div", { class: "row" }, nearest, dismiss));
  return watch(
    (state) => [state.shelf.stranger, state.models],
    (stranger, models) => {
      element.hidden = stranger === null;
      if (!stranger) return;
      say(title, `${stranger.file.name} was not used`);
      say(sentence, stranger.sentence);
      say(list, stranger.details);
      details.hidden = stranger.details === "";
      details.open = false;
      const fitting = stranger.nearest?.differences === 0 ? models.find((model) => model.id === stranger.nearest?.id) : undefined;
      nearest.hidden = !fitting;
      say(nearest, `Use it as ${fitting?.title}`);
      nearest.onclick = () => emit(element, "weights-file", { file: stranger.file, id: fitting?.id ?? null });
    },
  );
}
