/**
 * Offline use: registers the service worker of a published site and tells the page when a new version is there.
 *
 * Only `cargo xtask dist` writes `sw.js` and the version into the page; while developing there is neither, and this does
 * nothing. The worker itself is `xtask/src/service_worker.js`.
 */

/**
 * @param {object} events
 * @param {() => void} [events.onReady] the site opens without a network from now on; called once, after the first visit's download
 * @param {(reload: () => void) => void} [events.onNewVersion] a new version is downloaded; `reload` changes to it.
 *   Until then this tab goes on with the version it has.
 * @returns {Promise<void>}
 */
export async function keepOffline({ onReady, onNewVersion }) {
  if (!siteVersion() || !("serviceWorker" in navigator)) return;
  const { serviceWorker } = navigator;
  let wantsReload = false;
  serviceWorker.addEventListener("controllerchange", () => {
    if (wantsReload) location.reload();
  });
  const registration = await serviceWorker.register("sw.js").catch(() => null);
  // A private window may forbid it: the page works all the same, only not offline.
  if (!registration) return;

  const offer = (/** @type {ServiceWorker} */ worker) => onNewVersion?.(() => {
    wantsReload = true;
    worker.postMessage("activate");
  });
  const watch = () => {
    const worker = registration.installing;
    const isUpdate = registration.active !== null;
    worker?.addEventListener("statechange", () => {
      if (isUpdate && worker.state === "installed") offer(worker);
      if (!isUpdate && worker.state === "activated") onReady?.();
    });
  };
  if (registration.waiting && registration.active) offer(registration.waiting);
  watch();
  registration.addEventListener("updatefound", watch);
}

/** @returns {string} the published version's hash, or "" while developing */
export function siteVersion() {
  return document.querySelector("meta[name='headstart-version']")?.getAttribute("content") ?? "";
}
