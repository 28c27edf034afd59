// What happens in this view, in words for a class.

import { h, watch } from "../dom.js";

/** @type {[string, (count: string, held: string, batch: number) => string][]} */
const STORY = [
  ["It starts with noise.", () => "The network is 61,706 numbers and a recipe for multiplying and adding them. At first they are random, so its answers are too: of ten digits it hits the right one about one time in ten."],
  ["It looks, guesses, and is told.", (_count, _held, batch) => `One step: it reads ${batch} digits and compares what it said with what the writers meant. For every one of its numbers it works out whether a little more or a little less would have been less wrong, and moves it that way.`],
  ["One pass is all digits once.", (count) => `There are ${count} digits to learn from. After a pass it goes through them again in another order. The first few thousand teach it most; later passes polish.`],
  ["The test is fair.", (_count, held) => `${held} other digits are kept apart. It never learns from them: the curves count only those. Your own on the board are a harder test, because nobody in the collection writes like you.`],
];

/** @param {HTMLElement} element @returns {import("../types").Component} */
export function digitsStory(element) {
  const list = h("ol", { class: "story" });
  element.append(list, h("p", { class: "hint" }, "The digits are from MNIST, by LeCun, Cortes and Burges: written by clerks and pupils in the United States. LeNet-5: LeCun, Bottou, Bengio and Haffner, 1998."));
  return watch(
    (state) => [state.digits.data, state.digits.settings.batchSize],
    (data, batch) => {
      const amount = (/** @type {number | undefined} */ count) => (count ?? 0).toLocaleString("en");
      list.replaceChildren(...STORY.map(([title, words]) => h("li", {}, h("strong", {}, title), " ", words(amount(data?.count), amount(data?.held.labels.length), batch))));
    },
  );
}
