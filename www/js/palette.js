// Class colours: Okabe and Ito's palette, which people with any common form of colour blindness can tell apart
// (https://jfly.uni-koeln.de/color/). A class always shows its letter too, so colour never carries meaning alone.

/** `fill` for areas, `ink` for text that stands on the fill. */
export const PALETTE = [
  { name: "orange", fill: "#e69f00", ink: "#1c1400" },
  { name: "sky blue", fill: "#56b4e9", ink: "#06202f" },
  { name: "green", fill: "#009e73", ink: "#00150e" },
  { name: "pink", fill: "#cc79a7", ink: "#24091a" },
  { name: "blue", fill: "#0072b2", ink: "#ffffff" },
  { name: "yellow", fill: "#f0e442", ink: "#231f00" },
  { name: "vermilion", fill: "#d55e00", ink: "#1a0a00" },
  { name: "grey", fill: "#8c8c8c", ink: "#0a0a0a" },
];

/** @param {number} index */
export function swatch(index) {
  return PALETTE[index % PALETTE.length] ?? PALETTE[0];
}

/** A, B, … Z, A1, B1, …: the letter a class wears. @param {number} position */
export function letter(position) {
  const round = Math.floor(position / 26);
  return String.fromCharCode(65 + (position % 26)) + (round ? String(round) : "");
}

/** Paints the element's `--class` colours. @param {HTMLElement} element @param {number} index */
export function paint(element, index) {
  const { fill, ink } = swatch(index);
  element.style.setProperty("--class-fill", fill);
  element.style.setProperty("--class-ink", ink);
}

/** The first colour no class wears yet, else the least worn. @param {{ color: number }[]} classes */
export function freeColor(classes) {
  const worn = PALETTE.map((_, index) => classes.filter((entry) => entry.color === index).length);
  return worn.indexOf(Math.min(...worn));
}
