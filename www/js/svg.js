// Making SVG elements, in the manner of `h`. Knows nothing about the page.

const SPACE = "http://www.w3.org/2000/svg";

/**
 * @param {string} tag @param {Record<string, string | number | null>} [attributes] null leaves one out
 * @param {...(Node | string)} children
 * @returns {SVGElement}
 */
export function s(tag, attributes = {}, ...children) {
  const element = document.createElementNS(SPACE, tag);
  for (const [name, value] of Object.entries(attributes)) if (value !== null) element.setAttribute(name, String(value));
  element.append(...children);
  return element;
}

/** A path from numbers: every array is a command and its coordinates. @param {...(string | number)[]} commands */
export function path(...commands) {
  return commands.map(([letter, ...at]) => `${letter}${at.map((value) => Math.round(Number(value) * 10) / 10).join(" ")}`).join("");
}
