// What a person does with networks: choose one, measure it, compare several, bring weights or delete them.

import { showInAddress } from "../address.js";
import { sentenceOf } from "../engine.js";
import { movedTo } from "../dial.js";
import { comparable, keyOf, partOf, sameChoice, untrained, usually } from "../networks.js";
import { NO_TRAINING } from "../store.js";

/** @typedef {import("../types").Choice} Choice */
/** @typedef {import("../types").Head} Head */
/** @typedef {import("../types").Page} Page */

/** @param {Page} page */
export function networkActions(page) {
  const { store, notices } = page;
  const titleOf = (/** @type {string} */ id) => store.state.models.find((model) => model.id === id)?.title ?? id;

  /**
   * Changes the network and keeps the samples; their features are computed anew, or remembered.
   * @param {Choice} choice @param {Head | null} head what was learned with it before
   * @param {boolean} [changed] whether a choice of the same name stands for other weights now
   * @returns {Promise<boolean>} whether it is in use now
   */
  async function use(choice, head, changed = false) {
    const { state } = store;
    if (sameChoice(choice, state.choice) && !changed) return true;
    if (state.engine.phase !== "ready" || state.training.running || state.runs.running) {
      notices.show({ text: "The network is busy: try again in a moment." });
      return false;
    }
    try {
      await page.engine.choose(choice, () => {
        store.set({ head, changed: false, cell: null, diagram: { stage: null, layer: null } });
        store.set({ training: { ...NO_TRAINING, history: head?.history ?? [], split: head?.split ?? null }, settings: movedTo(store.state.settings, { cut: head?.settings.cut ?? "features", fresh: head?.settings.fresh ?? false }) });
        store.patch("predicting", { result: null, sentence: "" });
        store.patch("known", { guesses: [], sentence: "" });
        store.patch("look", { maps: [] });
        page.prediction.again();
      });
      page.persistence.addFeatures(page.examples.featuresOf(store.state.samples));
      return true;
    } catch (error) {
      notices.trouble(sentenceOf(error));
      return false;
    }
  }

  /** @param {Choice} choice @param {boolean} [changed] */
  async function useUndoably(choice, changed = false) {
    const { choice: before, head, samples } = store.state;
    show("network");
    if ((sameChoice(choice, before) && !changed) || !(await use(choice, null, changed))) return;
    const said = samples.length > 0 ? ` Your ${samples.length} pictures stay; the head has to be trained again.` : "";
    notices.undoable(`${titleOf(choice.id)} is in use${choice.weights === "random" ? ", starting from random numbers" : ""}.${said}`, () => use(before, head));
  }

  /** @param {import("../types").View} view */
  function show(view) {
    store.set({ view });
    showInAddress(view);
  }

  return {
    use,
    events: {
      "network-use": (/** @type {Choice} */ choice) => void useUndoably(choice),
      "network-whole": () => void useUndoably({ ...store.state.choice, part: "whole" }),
      "network-cancel": () => page.engine.cancel(),
      "pace-measure": (/** @type {string[]} */ ids) => page.paces.measure(ids),
      "pace-stop": () => page.paces.stop(),
      "compare-pick": (/** @type {string[]} */ picked) => store.patch("compare", { picked }),
      "compare-start": (/** @type {string[]} */ keys) => {
        const choices = comparable(store.state);
        void page.comparison.start(keys.flatMap((key) => choices.get(key) ?? []));
      },
      "compare-with": (/** @type {string} */ id) => {
        const { models, weights, choice } = store.state;
        const model = models.find((entry) => entry.id === id);
        if (model) store.patch("compare", { picked: [...new Set([keyOf(choice), keyOf(usually(model, weights)), ...(id === choice.id ? [keyOf(untrained(model))] : [])])] });
        show("compare");
      },
      "compare-stop": () => page.comparison.stop(),
      "weights-remove": (/** @type {string} */ key) => void page.weights.remove(key),
      "weights-keep": () => void page.weights.keep(),
      "weights-file": (/** @type {{ file: File, id: string | null }} */ { file, id }) => void useFile(file, id),
      "stranger-dismiss": () => store.patch("shelf", { stranger: null }),
      "stage-open": (/** @type {string | null} */ stage) => store.set({ diagram: { stage, layer: null } }),
    },
  };

  /**
   * Uses a file of weights for the network it was given to, or for the one that it turns out to be of. Where it does not
   * fit, nothing changes and the shelf says what differs.
   * @param {File} file @param {string | null} id
   */
  async function useFile(file, id) {
    store.patch("shelf", { stranger: null });
    if (store.state.engine.phase !== "ready") return void notices.show({ text: "The engine is busy with a network: drop the file again in a moment." });
    try {
      const { fits, part, sentence, details, nearest } = await page.engine.service.inspect(file, id);
      const model = store.state.models.find((entry) => entry.id === fits);
      if (!model || !part) {
        store.patch("shelf", { stranger: { file, sentence, details, nearest } });
        return show("networks");
      }
      await page.weights.give(file);
      // A file of the same name may hold other weights than the one before.
      await useUndoably({ id: model.id, weights: "file", file: file.name, part: part === "trunk" ? part : partOf(model), trunkOnly: part === "trunk" }, true);
    } catch (error) {
      notices.trouble(`${file.name}: ${sentenceOf(error)}`);
    }
  }
}
