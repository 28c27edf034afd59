// The thin bar at the top: the project's name, where it is kept, what the engine runs on, the other views and the theme.
// On a phone everything but the name is behind one button.

import { emit, h, icon, say, watch } from "../dom.js";
import { entry, opener } from "./popover.js";

const VIEWS = /** @type {const} */ ([["networks", "Networks"], ["digits", "Digits"], ["self-test", "Self-test"]]);
const ICONS = { networks: "networks", digits: "digits", "self-test": "check" };
const THEMES = /** @type {const} */ ([["system", "As the system"], ["light", "Light"], ["dark", "Dark"]]);

/** @param {HTMLElement} element @returns {import("../types").Component} */
export function topBar(element) {
  const name = h("input", { type: "text", class: "project-name", "aria-label": "Project name", maxLength: 60, spellcheck: false, onchange: () => emit(name, "project-rename", name.value.trim() || "My project") });
  const saved = h("span", { class: "saved", role: "status" });
  const file = h("input", {
    type: "file",
    accept: ".zip,application/zip",
    hidden: true,
    "aria-label": "Project file",
    onchange: () => {
      const chosen = file.files?.[0];
      if (chosen) emit(element, "project-open", chosen);
      file.value = "";
    },
  });
  // Every menu has entries of its own, because an element stands in one place only.
  const ofProject = () => [
    entry("Save project as a file", () => emit(element, "project-save"), icon("save")),
    entry("Open a project file", () => file.click(), icon("open")),
    entry("New project", () => emit(element, "project-new"), icon("plus")),
  ];
  const ofTheme = () => THEMES.map(([theme, label]) => entry(label, () => emit(element, "theme-choose", theme)));
  const toggle = (/** @type {typeof VIEWS[number][0]} */ view) => emit(element, "view-show", element.dataset.view === view ? "examples" : view);

  const project = opener({ class: "quiet", label: "Project: save, open, new", face: ["Project", icon("down")], panelClass: "menu" }, ...ofProject());
  project.button.removeAttribute("aria-label");
  const theme = opener({ class: "quiet icon-only", label: "Light or dark", face: [icon("theme")], panelClass: "menu" }, ...ofTheme());
  const [backendText, backendWords] = [h("span", { class: "backend-text" }), h("p", { class: "menu-words" })];
  const backend = h("span", { class: "backend", role: "status" }, icon("chip"), backendText);
  const views = VIEWS.map(([view, label]) => h("button", { type: "button", class: "quiet", "data-view": view, onclick: () => toggle(view) }, icon(ICONS[view]), label));

  const all = opener(
    { class: "quiet", label: "Menu: networks, digits, project, light or dark", face: [icon("menu"), "Menu"], panelClass: "menu" },
    ...VIEWS.map(([view, label]) => entry(label, () => emit(element, "view-show", view), icon(ICONS[view]))),
    h("div", { class: "menu-part" }, ...ofProject()),
    h("div", { class: "menu-part menu-row" }, ...ofTheme()),
    h("div", { class: "menu-part" }, backendWords),
  );
  all.button.removeAttribute("aria-label");

  element.append(
    h("div", { class: "brand" }, icon("mark"), h("h1", {}, "Headstart")),
    h("div", { class: "project" }, name, saved, file),
    h("div", { class: "bar-end" }, project.button, project.panel, backend, ...views, theme.button, theme.panel),
    h("div", { class: "bar-menu" }, all.button, all.panel),
  );

  const words = { saved: "Saved in this browser", saving: "Saving…", memory: "Not stored" };
  const updateProject = watch(
    (state) => [state.project],
    (state) => {
      if (document.activeElement !== name) name.value = state.name;
      say(saved, words[state.saved]);
      saved.classList.toggle("trouble", state.saved === "memory");
      saved.title = state.saved === "memory" ? "Kept only as long as this tab is open: save the project as a file." : "";
    },
  );
  const updateBackend = watch(
    (state) => [state.engine.info, state.engine.phase, state.view],
    (info, phase, view) => {
      for (const text of [backendText, backendWords]) say(text, info ? info.label : phase === "failed" ? "Engine stopped" : "Starting the engine…");
      backend.title = info ? `${info.label}. ${info.reason}` : "";
      element.dataset.view = view;
      for (const button of views) button.setAttribute("aria-pressed", String(button.dataset.view === view));
    },
  );
  return (state) => {
    updateProject(state);
    updateBackend(state);
  };
}
