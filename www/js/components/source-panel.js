// What the camera (or the demo) sees, and how to choose it. Nothing asks for the camera until its button is pressed.

import { emit, h, icon, say, watch } from "../dom.js";

/** @param {HTMLElement} element @param {import("../source").Source} source @returns {import("../types").Component} */
export function sourcePanel(element, source) {
  const canvas = h("canvas", { width: 320, height: 320, role: "img", "aria-label": "What the camera sees" });
  source.attach(canvas);
  const badge = h("span", { class: "preview-badge" });
  const figures = h("span", { class: "preview-badge rate" });
  const preview = h("div", { class: "preview small" }, canvas, badge, figures);

  const device = h("select", { onchange: () => emit(element, "source-camera", device.value) });
  const deviceField = h("label", { class: "field" }, h("span", {}, "Camera"), device);
  const rate = h("select", { onchange: () => emit(element, "record-rate", Number(rate.value)) }, ...[2, 5, 10, 20].map((value) => h("option", { value: String(value) }, `${value} per second`)));
  const mirror = h("input", { type: "checkbox", onchange: () => emit(element, "source-mirror", mirror.checked) });
  const mirrorField = h("label", { class: "check" }, mirror, "Mirrored");
  const stop = h("button", { type: "button", class: "small", onclick: () => emit(element, "source-stop") }, "Turn off");
  const swap = h("button", { type: "button", class: "small", onclick: () => emit(element, "source-camera") }, "Camera");
  let empty = true;
  const toDemo = h("button", { type: "button", class: "small", onclick: () => emit(element, empty ? "demo-start" : "source-demo") }, "Demo");
  const controls = h("div", { class: "source-controls" }, deviceField, h("label", { class: "field" }, h("span", {}, "Recording speed"), rate), mirrorField, h("div", { class: "row" }, stop, swap, toDemo));
  const running = h("div", { class: "source-running" }, preview, controls);

  const camera = h("button", { type: "button", class: "big", onclick: () => emit(element, "source-camera") }, icon("camera"), h("span", {}, "Turn on the camera"));
  const demo = h("button", { type: "button", class: "big", onclick: () => emit(element, "demo-start") }, icon("demo"), h("span", {}, "Try the demo"));
  const choices = h("div", { class: "source-choices" }, h("div", { class: "choice-row" }, camera, demo), h("p", { class: "hint" }, "Or drop picture files and folders on a class below. A folder of folders becomes classes by itself."));
  const trouble = h("p", { class: "trouble", role: "alert" });
  element.append(choices, running, trouble);

  // Apart from the rest, which changes every second: a list that somebody holds open must not be made anew.
  const listCameras = watch(
    (state) => [state.source.devices, state.source.device],
    (devices, chosen) => device.replaceChildren(...devices.map(({ id, label }) => h("option", { value: id, selected: id === chosen }, label))),
  );
  const update = watch(
    (state) => [state.source, state.recordRate, state.recording, state.samples.length],
    (state, recordRate, recording, samples) => {
      const live = state.kind !== "none";
      choices.hidden = live;
      running.hidden = !live;
      camera.disabled = state.starting;
      demo.hidden = samples > 0;
      say(/** @type {Element} */ (camera.lastElementChild), state.starting ? "Waiting for the camera…" : "Turn on the camera");
      deviceField.hidden = state.kind !== "camera";
      mirrorField.hidden = state.kind !== "camera";
      swap.hidden = state.kind === "camera";
      toDemo.hidden = state.kind === "demo";
      empty = samples === 0;
      canvas.classList.toggle("mirrored", state.kind === "camera" && state.mirrored);
      canvas.setAttribute("aria-label", state.kind === "demo" ? "A moving demo object" : "What the camera sees");
      mirror.checked = state.mirrored;
      rate.value = String(recordRate);
      say(figures, `${state.fps} frames/s`);
      figures.hidden = state.fps === 0;
      preview.classList.toggle("recording", recording !== null);
      say(badge, recording ? `Recording · ${recording.count}` : state.kind === "demo" ? "Demo object" : "");
      badge.hidden = badge.textContent === "";
      say(trouble, state.sentence);
      trouble.hidden = state.sentence === "";
    },
  );
  return (state) => {
    listCameras(state);
    update(state);
  };
}
