// The few lines of DOM work every component shares: making elements, saying what happened, rendering only on change.
// Knows nothing about the page.

/** @typedef {import("./types").State} State */
/** @typedef {Node | string | number | null | undefined | false} Child */

/**
 * Makes an element. `on…` properties are listeners, `class`, `for`, `role`, `aria-…` and `data-…` become attributes,
 * anything else the element knows becomes a property.
 * @template {keyof HTMLElementTagNameMap} T
 * @param {T} tag
 * @param {Record<string, any>} [properties]
 * @param {...(Child | Child[])} children
 * @returns {HTMLElementTagNameMap[T]}
 */
export function h(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [key, value] of Object.entries(properties)) {
    if (value === undefined || value === null || value === false) continue;
    if (key.startsWith("on")) element.addEventListener(key.slice(2), value);
    else if (key in element && !key.includes("-") && typeof value !== "object" && key !== "list") /** @type {any} */ (element)[key] = value;
    else element.setAttribute(key, value === true ? "" : String(value));
  }
  append(element, children.flat());
  return element;
}

/** @param {Element} element @param {Child[]} children */
function append(element, children) {
  for (const child of children) if (child !== null && child !== undefined && child !== false) element.append(child instanceof Node ? child : String(child));
}

/**
 * Tells the page what a person did: an event named `type` that bubbles up to the actions.
 * @param {Element} element @param {string} type @param {any} [detail]
 */
export function emit(element, type, detail) {
  element.dispatchEvent(new CustomEvent(type, { bubbles: true, detail }));
}

/**
 * Gives every event that bubbles up to the document its action.
 * @param {Record<string, (detail: any) => unknown>} actions
 */
export function actOn(actions) {
  for (const [type, act] of Object.entries(actions)) document.addEventListener(type, (event) => void act(/** @type {CustomEvent} */ (event).detail));
}

/**
 * Renders only when one of the picked values is another one than last time.
 * @template {any[]} P
 * @param {(state: State) => [...P]} pick
 * @param {(...picked: P) => void} render
 * @returns {import("./types").Component}
 */
export function watch(pick, render) {
  /** @type {P | null} */
  let before = null;
  return (state) => {
    const now = pick(state);
    const last = before;
    if (last && now.every((value, index) => Object.is(value, last[index]))) return;
    before = now;
    render(...now);
  };
}

/**
 * Keeps the children of `parent` in step with `items`, one element per key, moving instead of remaking, so that
 * focus, pointers and scroll positions survive.
 * @template {{ id: string }} I
 * @param {Element} parent
 * @param {I[]} items
 * @param {(item: I) => HTMLElement} create
 * @param {(element: HTMLElement, item: I, index: number) => void} [update]
 */
export function keyed(parent, items, create, update) {
  const present = new Map([...parent.children].map((child) => [/** @type {HTMLElement} */ (child).dataset.key, /** @type {HTMLElement} */ (child)]));
  const wanted = new Set(items.map((item) => item.id));
  for (const [key, child] of present) if (!key || !wanted.has(key)) child.remove();
  items.forEach((item, index) => {
    let element = present.get(item.id);
    if (!element) {
      element = create(item);
      element.dataset.key = item.id;
    }
    if (parent.children[index] !== element) parent.insertBefore(element, parent.children[index] ?? null);
    update?.(element, item, index);
  });
}

/**
 * An icon from the page's sprite; always decoration, the button around it carries the words.
 * @param {string} name
 */
export function icon(name) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("class", "icon");
  svg.setAttribute("aria-hidden", "true");
  const use = document.createElementNS("http://www.w3.org/2000/svg", "use");
  use.setAttribute("href", `#icon-${name}`);
  svg.append(use);
  return svg;
}

/** Sets the text only when it differs, so that live regions do not repeat themselves. @param {Element} element @param {string} text */
export function say(element, text) {
  if (element.textContent !== text) element.textContent = text;
}
