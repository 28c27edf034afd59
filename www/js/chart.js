// Lines in one small chart, with uPlot: their colours come from the page's style, and they are told apart by dashes too.

import uPlot from "../vendor/uplot.js";

const HEIGHT = 190;
/** What tells lines apart, in their order. @type {{ colour: string, dash: number[] }[]} */
const LINES = [
  { colour: "--cool-deep", dash: [] },
  { colour: "--warm", dash: [8, 4] },
  { colour: "--ink", dash: [2, 4] },
];

/**
 * @param {HTMLElement} plot @param {{ x: number[], labels?: string[], lines: { style: number, mean: (number | null)[], low?: (number | null)[], high?: (number | null)[] }[] }} chart
 *   accuracies, 0 to 1; between `low` and `high` the ground is tinted
 */
export function drawLines(plot, { x, labels, lines }) {
  const style = getComputedStyle(plot);
  const colourOf = (/** @type {string} */ name) => {
    // A canvas cannot read light-dark(): the browser resolves it on an element.
    plot.style.outlineColor = style.getPropertyValue(name);
    return getComputedStyle(plot).outlineColor;
  };
  const faint = (/** @type {string} */ colour) => colour.replace(/^rgb\((.*)\)$/, "rgba($1, 0.15)");
  const [ink, line] = [colourOf("--ink-soft"), colourOf("--line")];
  const axis = { stroke: ink, font: `13px ${style.fontFamily}`, grid: { stroke: line, width: 1 }, ticks: { show: false } };
  /** @type {uPlot.Series[]} */
  const series = [{}];
  /** @type {uPlot.Band[]} */
  const bands = [];
  const data = /** @type {(number | null)[][]} */ ([x]);
  for (const { style: kind, mean, low, high } of lines) {
    const { colour, dash } = /** @type {typeof LINES[number]} */ (LINES[kind]);
    const stroke = colourOf(colour);
    series.push({ stroke, dash, width: 2.5, points: { show: labels !== undefined } });
    data.push(mean);
    if (!low || !high) continue;
    series.push({ stroke: "transparent", points: { show: false } }, { stroke: "transparent", points: { show: false } });
    bands.push({ series: [series.length - 1, series.length - 2], fill: faint(stroke) });
    data.push(low, high);
  }
  plot.replaceChildren();
  return new uPlot(
    {
      width: Math.max(plot.clientWidth, 120),
      height: HEIGHT,
      legend: { show: false },
      cursor: { show: false },
      scales: { x: { time: false, range: [x[0] ?? 0, Math.max((x[0] ?? 0) + 1, x.at(-1) ?? 1)] }, y: { range: [0, 1.02] } },
      axes: [{ ...axis, size: 26, ...(labels ? { splits: () => x, values: () => labels } : { space: 60 }) }, { ...axis, size: 52, space: 34, values: (_plot, values) => values.map((value) => `${Math.round(value * 100)} %`) }],
      series,
      bands,
    },
    /** @type {uPlot.AlignedData} */ (data),
    plot,
  );
}
