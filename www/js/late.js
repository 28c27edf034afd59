// Parts of the page whose scripts arrive when somebody asks for them.

import { sentenceOf } from "./engine.js";

/** What an `import()` brings, or a sentence for whoever waits for it. @template T @param {Promise<T>} part @returns {Promise<T>} */
function arrived(part) {
  return part.catch((cause) => {
    throw new Error("This part of the page did not arrive: check the connection and reload the page.", { cause });
  });
}

/** What packs and unpacks projects and classes. */
export const archive = () => arrived(import("./archive.js"));

/**
 * The digits, which nobody waits for who never opens their view.
 * @param {import("./types").Page} page @param {import("./types").Component[]} rendered where their component joins
 * @returns {(state: import("./types").State) => void} what hears of every change
 */
export function lateDigits(page, rendered) {
  let asked = false;
  /** @type {ReturnType<typeof import("./digits/index.js").openDigits> | null} */
  let digits = null;

  async function open() {
    const element = /** @type {HTMLElement} */ (document.getElementById("digits"));
    try {
      const { openDigits } = await arrived(import("./digits/index.js"));
      digits = openDigits(page, element);
      rendered.push(digits.update);
      page.store.set({});
    } catch (error) {
      page.notices.trouble(sentenceOf(error));
    }
  }

  return (state) => {
    digits?.follow(state);
    if (state.view === "digits" && !asked) {
      asked = true;
      void open();
    }
  };
}
