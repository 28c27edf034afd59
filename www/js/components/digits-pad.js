// A board to draw a digit on, with a finger, a pen, a mouse or the keyboard: what the network makes of it is read after
// every stroke. Beside it the 28 x 28 pixels that the network sees.

import { asDigit } from "../digits/ink.js";
import { SIDE } from "../digits/idx.js";
import { emit, h, icon, say, watch } from "../dom.js";
import { digitsBars } from "./digits-bars.js";
import { drawDigit } from "./digits-picture.js";

const SIZE = 280;
/** MNIST's writers used pens a tenth as wide as their digits are high. */
const PEN = 22;

/** @param {HTMLElement} element @returns {import("../types").Component} */
export function digitsPad(element) {
  const board = h("canvas", { width: SIZE, height: SIZE, class: "board", tabIndex: 0, role: "application", "aria-roledescription": "drawing board", "aria-label": "Board to draw a digit on. Press a digit key for an example, Delete to wipe it." });
  const pen = /** @type {CanvasRenderingContext2D} */ (board.getContext("2d", { willReadFrequently: true }));
  const seen = h("canvas", { width: SIDE, height: SIDE, class: "digit", role: "img", "aria-label": "What the network sees" });
  const wipe = h("button", { type: "button", class: "small", onclick: clear }, icon("clear"), "Wipe");
  const example = h("button", { type: "button", class: "small", onclick: () => emit(element, "digits-example-of", Math.floor(Math.random() * 10)) }, "Example");
  const verdict = h("p", { class: "digits-verdict", role: "status" });
  const bars = h("ol", { class: "digits-bars", "aria-label": "What the network takes it for" });
  const hint = h("p", { class: "hint" }, "Draw with a finger, a pen or the mouse. With the keyboard: go to the board and press 0 to 9 for a digit that somebody wrote, Delete to wipe.");
  element.append(h("div", { class: "pad" }, h("div", { class: "pad-left" }, board, h("div", { class: "row" }, wipe, example)), h("div", { class: "pad-right" }, h("div", { class: "pad-head" }, verdict, h("figure", { class: "seen-small" }, seen, h("figcaption", {}, "it sees"))), bars)), hint);
  const updateBars = digitsBars(bars);
  /** The last picture that the board itself made or showed. @type {Uint8Array | null} */
  let shown = null;
  /** @type {{ x: number, y: number } | null} */
  let last = null;

  pen.strokeStyle = pen.fillStyle = "#fff";
  pen.lineCap = pen.lineJoin = "round";
  pen.lineWidth = PEN;

  function clear() {
    pen.clearRect(0, 0, SIZE, SIZE);
    tell();
  }

  function tell() {
    const { data } = pen.getImageData(0, 0, SIZE, SIZE);
    shown = asDigit(Uint8Array.from({ length: SIZE * SIZE }, (_, at) => data[4 * at + 3] ?? 0), SIZE);
    emit(element, "digits-show", { pixels: shown });
  }

  /** @param {PointerEvent} event */
  function stroke(event) {
    const box = board.getBoundingClientRect();
    // The browser bundles several movements into one event.
    const moves = event.getCoalescedEvents?.() ?? [];
    for (const { clientX, clientY } of moves.length > 0 ? moves : [event]) {
      const to = { x: ((clientX - box.left) * SIZE) / box.width, y: ((clientY - box.top) * SIZE) / box.height };
      const from = last ?? to;
      pen.beginPath();
      pen.moveTo(from.x, from.y);
      // A dot is a line that goes nowhere, nearly.
      pen.lineTo(to.x + (last ? 0 : 0.1), to.y);
      pen.stroke();
      last = to;
    }
    tell();
  }
  board.addEventListener("pointerdown", (event) => {
    if (event.button !== 0) return;
    board.setPointerCapture(event.pointerId);
    last = null;
    stroke(event);
  });
  board.addEventListener("pointermove", (event) => board.hasPointerCapture(event.pointerId) && stroke(event));
  board.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (/^[0-9]$/.test(event.key)) emit(element, "digits-example-of", Number(event.key));
    else if (["Delete", "Backspace"].includes(event.key)) clear();
    else return;
    event.preventDefault();
  });

  const draw = watch(
    (state) => [state.digits.pad],
    ({ pixels, truth, shares }) => {
      if (pixels !== shown) {
        pen.clearRect(0, 0, SIZE, SIZE);
        if (pixels) copy(pixels);
        shown = pixels;
      }
      drawDigit(seen, pixels);
      const best = shares ? shares.indexOf(Math.max(...shares)) : -1;
            const sure = shares?.[best] ?? 0;
      say(verdict, best < 0 ? "" : `${sure > 0.8 ? "It reads" : sure > 0.4 ? "Perhaps" : "Unsure:"} ${best}`);
      verdict.classList.toggle("unsure", sure <= 0.4);
      verdict.title = truth === null ? "" : `Its writer meant ${truth}.`;
      wipe.disabled = pixels === null;
    },
  );
  return (state) => {
    draw(state);
    updateBars(state);
  };

  /** An example, large enough to draw on. @param {Uint8Array} pixels */
  function copy(pixels) {
    const small = h("canvas", { width: SIDE, height: SIDE });
    drawDigit(small, pixels, true);
    pen.drawImage(small, 0, 0, SIZE, SIZE);
  }
}
