// What a person does with the digits: train, pause, start over, bring other digits, draw.

import { NETWORK } from "../digits/lesson.js";
import { picture } from "../digits/school.js";
import { sentenceOf } from "../engine.js";

/** @typedef {import("../digits/types").Settings} Settings */

/** @param {import("../types").Page} page @param {import("../digits/lesson.js").Lesson} lesson */
export function digitActions({ store, notices, weights }, lesson) {
  let turn = 0;

  /** What is given up can be had back. @param {string} text @param {import("../types").Supply} [supply] */
  async function startOver(text, supply) {
    const before = store.state.digits.seen > 0 ? await lesson.run() : null;
    await lesson.startOver(null, supply);
    if (before) notices.show({ text, action: { label: "Undo", run: () => void lesson.startOver(before) } });
  }

  /** Weights that were trained before the page was published. */
  async function useTrained() {
    const model = store.state.models.find((entry) => entry.id === NETWORK);
    if (!model) return;
    try {
      const choice = /** @type {const} */ ({ id: NETWORK, weights: "published", file: "", part: "whole" });
      const supply = await weights.obtain(choice, model, { part: "whole", mayDownload: true, onProgress: () => undefined });
      await startOver("This is LeNet-5 as it was trained earlier.", supply);
    } catch (error) {
      notices.trouble(sentenceOf(error));
    }
  }

  return {
    events: {
      "digits-learn": () => void lesson.learn(),
      "digits-pause": () => void lesson.pause(),
      "digits-settings": (/** @type {Partial<Settings>} */ fields) => store.patch("digits", { settings: { ...store.state.digits.settings, ...fields } }),
      "digits-restart": () => void startOver("Everything that it had learned is forgotten."),
      "digits-reseed": () => {
        const { settings } = store.state.digits;
        store.patch("digits", { settings: { ...settings, seed: settings.seed + 1 } });
        void startOver("It starts again from other random numbers.");
      },
      "digits-trained": () => void useTrained(),
      "digits-give": (/** @type {File[]} */ files) => void lesson.give(files),
      "digits-ask": (/** @type {number | null} */ asked) => store.patch("digits", { asked }),
      "digits-show": (/** @type {{ pixels: Uint8Array | null }} */ { pixels }) => lesson.show(pixels, null),
      "digits-vary": (/** @type {number} */ count) => {
        const { data } = store.state.digits;
        if (data) void lesson.vary(picture(data.held.pixels, 0), count);
      },
      /** One of the digits kept apart. */
      "digits-example": (/** @type {number} */ index) => {
        const { data } = store.state.digits;
        if (data) lesson.show(picture(data.held.pixels, index), data.held.labels[index] ?? null);
      },
      /** Another one of those that show this digit. */
      "digits-example-of": (/** @type {number} */ digit) => {
        const { data } = store.state.digits;
        if (!data) return;
        const { pixels, labels } = data.held;
        const places = [...labels.keys()].filter((index) => labels[index] === digit);
        const index = places[turn++ % Math.max(1, places.length)];
        if (index !== undefined) lesson.show(picture(pixels, index), digit);
      },
    },
  };
}
