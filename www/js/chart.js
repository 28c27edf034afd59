// The one chart of the page: lines over epochs, pictures or digits, from nothing at the foot to the best or worst at the
// top. It draws SVG, whose colours and dashes are the style sheet's, and follows the width of its element. Knows nothing
// of training.

import { path, s } from "./svg.js";

/**
 * A line: `name` is its class in the style sheet; where there is no value the line has a gap; between `low` and `high`
 * the ground is tinted.
 * @typedef {{ name: string, y: (number | null)[], low?: (number | null)[], high?: (number | null)[] }} Line
 * `end` is where the axis ends if not at the last x, and `unit` what is counted on it; `labels` stand at every x instead
 * of numbers. A level is a value that is worth knowing.
 * @typedef {{ x: number[], end?: number, unit?: string, labels?: string[], top: number, format: (value: number) => string, lines: Line[], level?: { at: number, words: string } }} Chart
 */

const MARGIN = { left: 50, right: 12, top: 10, bottom: 24 };
/** Pixels that a label needs at least, along each axis, and the last one with its unit. */
const ROOM = { x: 60, y: 34, end: 130 };

/**
 * @param {HTMLElement} plot @param {number} height in pixels
 * @returns {(chart: Chart) => void} draws a chart in the place of the last one
 */
export function chart(plot, height) {
  /** @type {Chart | null} */
  let shown = null;
  new ResizeObserver(() => shown && draw(shown)).observe(plot);
  return draw;

  /** @param {Chart} now */
  function draw(now) {
    shown = now;
    // Nothing that is hidden has a width; it is drawn when it gets one.
    if (plot.clientWidth > 0) plot.replaceChildren(drawing(now, plot.clientWidth, height));
  }
}

/** @param {Chart} chart @param {number} width @param {number} height */
function drawing({ x, end, unit, labels, top, format, lines, level }, width, height) {
  const [first, last] = [x[0] ?? 0, Math.max(end ?? x.at(-1) ?? 1, (x[0] ?? 0) + 1)];
  const [right, foot] = [width - MARGIN.right, height - MARGIN.bottom];
  const across = (/** @type {number} */ value) => MARGIN.left + ((value - first) / (last - first)) * (right - MARGIN.left);
  const up = (/** @type {number} */ value) => foot - (Math.min(value, top) / top) * (foot - MARGIN.top);
  const rule = (/** @type {string} */ name, /** @type {number} */ at) => s("line", { class: name, x1: MARGIN.left, x2: right, y1: up(at), y2: up(at) });
  /** @param {number} at @param {string} text @param {"start" | "middle" | "end"} anchor */
  const below = (at, text, anchor) => s("text", { x: at, y: height - 6, "text-anchor": anchor }, text);

  const counted = ticks(first, last, (right - MARGIN.left) / ROOM.x, 1).filter((at) => !unit || across(at) < right - ROOM.end);
  const axis = labels ? x.map((at, index) => below(across(at), labels[index] ?? "", index === x.length - 1 ? "end" : "middle")) : counted.map((at) => below(across(at), at.toLocaleString("en"), "middle"));

  return s("svg", { class: "chart", width, height, viewBox: `0 0 ${width} ${height}`, "aria-hidden": "true" },
    ...ticks(0, top, (foot - MARGIN.top) / ROOM.y, 0).flatMap((at) => [rule("grid", at), s("text", { x: MARGIN.left - 6, y: up(at) + 4, "text-anchor": "end" }, format(at))]),
    ...axis,
    ...(unit ? [below(right, `${last.toLocaleString("en")} ${unit}`, "end")] : []),
    ...(level ? [rule("level", level.at), s("text", { x: right, y: up(level.at) - 5, "text-anchor": "end" }, level.words)] : []),
    ...lines.map(({ name, y, low, high }) => {
      const points = y.flatMap((value, at) => (isNumber(value) ? [{ at, x: across(x[at] ?? 0), y: up(value) }] : []));
      const runs = points.map((point, index) => [points[index - 1]?.at === point.at - 1 ? "L" : "M", point.x, point.y]);
      const marked = labels ? points : points.slice(-1);
      return s("g", { class: `line ${name}` }, ...(low && high ? [band(low, high)] : []), s("path", { d: path(...runs) }), ...marked.map((point) => s("circle", { r: labels ? 3.5 : 4, cx: point.x, cy: point.y })));
    }),
  );

  /** @param {(number | null)[]} low @param {(number | null)[]} high */
  function band(low, high) {
    const known = low.flatMap((value, at) => (isNumber(value) && isNumber(high[at]) ? [{ x: across(x[at] ?? 0), low: up(value), high: up(high[at]) }] : []));
    const corners = [...known.map((point) => [point.x, point.high]), ...known.toReversed().map((point) => [point.x, point.low])];
    return s("path", { class: "band", d: path(...corners.map((corner, index) => [index === 0 ? "M" : "L", ...corner])) });
  }
}

/** @param {number | null | undefined} value @returns {value is number} */
function isNumber(value) {
  return typeof value === "number" && Number.isFinite(value);
}

/** Round numbers from `first` to `last`, about `count` of them and not closer than `least`. @param {number} first @param {number} last @param {number} count @param {number} least */
export function ticks(first, last, count, least) {
  const rough = Math.max((last - first) / Math.max(1, count), least, 1e-9);
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = Math.max(least, /** @type {number} */ ([1, 2, 2.5, 5, 10].find((size) => size * power >= rough * 0.999)) * power);
  const even = least >= 1 ? Math.ceil(step) : step;
  const places = Array.from({ length: Math.floor(last / even + 1e-9) + 1 }, (_, at) => at * even).filter((at) => at > first);
  return [first, ...places];
}
