// What the network says right now: the picture going in, and one bar per class. A file dropped on the picture is
// classified instead of the live one.

import { emit, h, icon, keyed, say, watch } from "../dom.js";
import { letter, paint } from "../palette.js";
import { drawSquare } from "../source.js";

/** @param {HTMLElement} element @param {import("../source").Source} source @returns {import("../types").Component} */
export function predictions(element, source) {
  const live = h("canvas", { width: 480, height: 480, role: "img", "aria-label": "The live picture" });
  const still = h("canvas", { width: 480, height: 480, role: "img" });
  source.attach(live);
  const invite = h("div", { class: "invite" });
  const camera = h("button", { type: "button", class: "small", onclick: () => emit(element, "source-camera") }, icon("camera"), "Camera");
  const demo = h("button", { type: "button", class: "small", onclick: () => emit(element, "source-demo") }, icon("demo"), "Demo object");
  const file = h("input", { type: "file", accept: "image/*", hidden: true, "aria-label": "Picture to classify", onchange: () => { const chosen = file.files?.[0]; if (chosen) emit(element, "predict-file", chosen); file.value = ""; } });
  const choose = h("button", { type: "button", class: "small", onclick: () => file.click() }, icon("files"), "A picture");
  invite.append(h("p", {}, "Show the network something: turn on a source, or drop a picture here."));
  const verdict = h("p", { class: "verdict" });
  const preview = h("div", { class: "preview large" }, live, still, invite);
  const seen = h("div", { class: "seen" }, preview, verdict);
  const pause = h("button", { type: "button", class: "small icon-only", onclick: () => emit(element, "predict-toggle", pause.dataset.on !== "true") });
  const back = h("button", { type: "button", class: "small", onclick: () => emit(element, "predict-live") }, "Back to live");
  const next = h("button", { type: "button", class: "small", onclick: () => emit(element, "source-skip") }, "Next");
  const bars = h("ul", { class: "bars", "aria-label": "Shares of the classes" });
  const spoken = h("p", { class: "visually-hidden", role: "status" });
  const pace = h("p", { class: "figures pace" });
  const hint = h("p", { class: "hint" });
  const trouble = h("p", { class: "trouble", role: "alert" });
  element.append(seen, h("div", { class: "row" }, camera, demo, choose, file, pause, next, back), bars, pace, hint, trouble, spoken);

  preview.addEventListener("dragover", (event) => {
    event.preventDefault();
    preview.classList.add("drop-here");
  });
  preview.addEventListener("dragleave", () => preview.classList.remove("drop-here"));
  preview.addEventListener("drop", (event) => {
    event.preventDefault();
    preview.classList.remove("drop-here");
    const dropped = event.dataTransfer?.files[0];
    if (dropped) emit(element, "predict-file", dropped);
  });

  const updateSource = watch(
    (state) => [state.source, state.predicting.still, state.predicting.on, state.head],
    ({ kind, mirrored, starting }, picture, on, head) => {
      live.hidden = kind === "none" || picture !== null;
      live.classList.toggle("mirrored", kind === "camera" && mirrored);
      live.classList.toggle("paused", !on);
      still.hidden = picture === null;
      if (picture) {
        still.setAttribute("aria-label", picture.name);
        requestAnimationFrame(() => drawSquare(still, picture.bitmap, picture.bitmap.width, picture.bitmap.height));
      }
      invite.hidden = kind !== "none" || picture !== null;
      camera.hidden = kind === "camera";
      camera.disabled = starting;
      demo.hidden = kind === "demo";
      back.hidden = picture === null || kind === "none";
      next.hidden = kind !== "demo" || picture !== null;
      pause.hidden = kind === "none" || picture !== null;
      pause.dataset.on = String(on);
      pause.replaceChildren(icon(on ? "pause" : "play"));
      pause.title = on ? "Pause the predictions" : "Go on predicting";
      pause.setAttribute("aria-label", pause.title);
      hint.hidden = head !== null;
      say(hint, "Bars appear here once the head is trained.");
    },
  );
  let heard = 0;
  const updateBars = watch(
    (state) => [state.predicting, state.classes, state.head],
    ({ result, ms, fps, sentence, still: picture }, classes, head) => {
      const known = head?.classes ?? [];
      const rows = known.map((entry, index) => ({ ...(classes.find((other) => other.id === entry.id) ?? entry), index, share: share(result, entry.id) }));
      const best = rows.reduce((top, row) => (row.share > (top?.share ?? -1) ? row : top), /** @type {typeof rows[number] | null} */ (null));
      const shown = result !== null && best !== null;
      keyed(bars, head ? rows : [], () => h("li", {}, h("span", { class: "badge" }), h("span", { class: "bar-name" }), h("span", { class: "figures" }), h("span", { class: "meter" }, h("span", {}))), (item, row) => {
        paint(item, row.color);
        item.style.setProperty("--share", String(row.share));
        item.classList.toggle("best", shown && row.id === best.id);
        const [badge, name, figure] = item.children;
        say(/** @type {Element} */ (badge), letter(Math.max(0, classes.findIndex((entry) => entry.id === row.id))));
        say(/** @type {Element} */ (name), row.name);
        say(/** @type {Element} */ (figure), result ? `${Math.round(row.share * 100)} %` : "–");
      });
      verdict.hidden = !shown;
      if (shown) {
        paint(verdict, best.color);
        say(verdict, best.name);
      }
      say(pace, result ? (picture ? `${Math.round(ms)} ms` : `${Math.round(ms)} ms per picture · ${fps.toFixed(fps < 10 ? 1 : 0)} pictures a second`) : "");
      say(trouble, sentence);
      trouble.hidden = sentence === "";
      // A screen reader hears the verdict, but not thirty times a second.
      if (shown && performance.now() - heard > 4000) {
        heard = performance.now();
        say(spoken, `${best.name}, ${Math.round(best.share * 100)} percent`);
      }
    },
  );
  return (state) => {
    updateSource(state);
    updateBars(state);
  };
}

/** @param {import("../types").Prediction | null} result @param {string} id */
function share(result, id) {
  const at = result?.classes.indexOf(id) ?? -1;
  return at < 0 ? 0 : (result?.probabilities[at] ?? 0);
}
