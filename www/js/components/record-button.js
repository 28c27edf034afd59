// The button that records while it is held: by mouse, finger or pen, by space or enter; a tap takes one picture.

import { emit, h, icon, say, watch } from "../dom.js";

/** @param {string} id the class it records */
export function recordButton(id) {
  const text = h("span", {}, "Hold to record");
  const element = h("button", { type: "button", class: "record" }, icon("record"), text);
  let held = false;

  function begin() {
    if (held) return;
    held = true;
    emit(element, "record-start", { class: id });
  }
  function end() {
    if (!held) return;
    held = false;
    emit(element, "record-end");
  }

  element.addEventListener("pointerdown", (event) => {
    if (event.button !== 0) return;
    element.setPointerCapture(event.pointerId);
    begin();
  });
  for (const type of ["pointerup", "pointercancel", "lostpointercapture", "blur"]) element.addEventListener(type, end);
  element.addEventListener("keydown", (event) => {
    if (event.key !== " " && event.key !== "Enter") return;
    event.preventDefault();
    if (!event.repeat) begin();
  });
  element.addEventListener("keyup", (event) => {
    if (event.key !== " " && event.key !== "Enter") return;
    event.preventDefault();
    end();
  });
  // A screen reader presses without pointer or key: one picture per press.
  element.addEventListener("click", (event) => {
    if (event.detail !== 0) return;
    begin();
    end();
  });
  // A long press must not open the browser's menu.
  element.addEventListener("contextmenu", (event) => event.preventDefault());

  const update = watch(
    (state) => [state.recording, state.source.starting, state.classes],
    (recording, starting, classes) => {
      const mine = recording?.class === id;
      element.classList.toggle("active", mine);
      say(text, mine ? `Recording ${recording.count}` : starting ? "Waiting…" : "Hold to record");
      element.setAttribute("aria-description", `Takes pictures for ${classes.find((entry) => entry.id === id)?.name ?? "this class"} while held; a tap takes one.`);
    },
  );
  return { element, update };
}
