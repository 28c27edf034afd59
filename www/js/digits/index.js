// Everything of the digits at once: the lesson, its view and its actions. The page fetches this file when the view is
// opened for the first time.

import { digitActions } from "../actions/digits.js";
import { digitsView } from "../components/digits-view.js";
import { actOn } from "../dom.js";
import { createLesson } from "./lesson.js";

/**
 * @param {import("../types").Page} page @param {HTMLElement} element the view's
 * @returns {{ follow: (state: import("../types").State) => void, update: import("../types").Component }} what hears of every change, and what draws it
 */
export function openDigits(page, element) {
  const lesson = createLesson(page.store);
  actOn(digitActions(page, lesson).events);
  return { follow: lesson.follow, update: digitsView(element) };
}
