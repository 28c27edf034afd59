// What is dropped beside every place meant for it: a project is opened; anything else would make the browser leave the
// page and show the file, so the page says where it belongs instead.

import { emit } from "../dom.js";
import { fromDrop, projectAmong } from "../files.js";

/** @param {HTMLElement} element @returns {import("../types").Component} */
export function dropAstray(element) {
  element.addEventListener("dragover", (event) => {
    if (event.dataTransfer?.types.includes("Files")) event.preventDefault();
  });
  element.addEventListener("drop", (event) => {
    if (event.defaultPrevented || !event.dataTransfer?.types.includes("Files")) return;
    event.preventDefault();
    void fromDrop(event.dataTransfer).then((arrivals) => {
      const project = projectAmong(arrivals);
      if (project) emit(element, "project-open", project);
      else emit(element, "drop-astray");
    });
  });
  return () => undefined;
}
