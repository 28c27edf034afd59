// Every component and the element it owns; those of the digits come with them, when somebody opens that view.

import { classList } from "./class-list.js";
import { compareView } from "./compare-view.js";
import { curves } from "./curves.js";
import { dialPanel } from "./dial-panel.js";
import { dropAstray } from "./drop-astray.js";
import { headBlock } from "./head-block.js";
import { knownAlready } from "./known-already.js";
import { loading } from "./loading.js";
import { networkShelf } from "./network-shelf.js";
import { noticeList } from "./notice-list.js";
import { predictions } from "./predictions.js";
import { results } from "./results.js";
import { runsPanel } from "./runs-panel.js";
import { selfTest } from "./self-test.js";
import { settingsForm } from "./settings-form.js";
import { sourcePanel } from "./source-panel.js";
import { stageColumn } from "./stage-column.js";
import { tabs } from "./tabs.js";
import { topBar } from "./top-bar.js";
import { trainPanel } from "./train-panel.js";

/**
 * @param {Document} page @param {import("../source").Source} source
 * @returns {import("../types").Component[]}
 */
export function components(page, source) {
  /** @param {string} id */
  const at = (id) => {
    const element = page.getElementById(id);
    if (!element) throw new Error(`index.html has no element #${id}`);
    return element;
  };
  return [
    topBar(at("top-bar")),
    tabs(at("tabs")),
    sourcePanel(at("source-panel"), source),
    classList(at("class-list")),
    loading(at("loading")),
    stageColumn(at("stage-column"), source),
    dialPanel(at("dial-panel")),
    headBlock(at("head-block")),
    settingsForm(at("settings-form")),
    trainPanel(at("train-panel")),
    curves(at("curves")),
    results(at("results")),
    runsPanel(at("runs")),
    predictions(at("live-predictions"), source),
    knownAlready(at("known-already")),
    networkShelf(at("networks")),
    compareView(at("compare")),
    selfTest(at("self-test")),
    noticeList(at("notices")),
    dropAstray(page.documentElement),
  ];
}
