// Visitors of the page with the stand-in engine, and what they do again and again.

import { engineReady, launch, open, serveFake, until } from "./browser.mjs";

/** One browser and one server for all tests of a file. @param {Parameters<typeof serveFake>[0]} [options] */
export async function visitors(options) {
  const browser = await launch();
  const site = await serveFake(options);
  return {
    address: site.address,
    /** @param {Parameters<typeof open>[2]} [about] @param {string} [query] */
    async visit(about, query = "?demo=6") {
      const visitor = await open(browser, site.address + query, about);
      await engineReady(visitor.page);
      return visitor;
    },
    async close() {
      await browser.close();
      await site.close();
    },
  };
}

/** @typedef {import("playwright-core").Page} Tab */

/** Every class's name and number of pictures. @param {Tab} page @returns {Promise<[string, number][]>} */
export const counts = (page) => page.evaluate(() => { const { state } = globalThis.headstart.store; return state.classes.map((entry) => [entry.name, state.samples.filter((sample) => sample.class === entry.id).length]); });

/** Waits until everything is stored. @param {Tab} page */
export const settled = (page) => page.evaluate(() => globalThis.headstart.persistence.settled());

/** @param {Tab} page @param {number} card @param {{ name: string, mimeType: string, buffer: Buffer }[]} files */
export const upload = (page, card, files) => page.locator(".class-card").nth(card).locator('input[type="file"][accept]').setInputFiles(files);

/** @param {Tab} page */
export async function withDemo(page) {
  await page.getByRole("button", { name: "Try the demo" }).click();
  await until(page, (state) => state.samples.length === 18 && state.pending === 0);
}

/** Begins a training that goes on until it is stopped. @param {Tab} page */
export async function trainOnAndOn(page) {
  await page.locator("#settings-form > summary").click();
  await page.getByLabel("Epochs", { exact: true }).fill("1000");
  await page.keyboard.press("Tab");
  await page.locator("button.train").first().click();
}

/** @param {Tab} page */
export async function train(page) {
  await page.locator("button.train").first().click();
  await until(page, (state) => state.head !== null && !state.training.running);
}
