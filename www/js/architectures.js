// The layers of every network that somebody looks at: asked from the engine when the shelf opens, once. Knows no DOM.

/**
 * @param {import("./store").Store} store
 * @param {() => import("./engine").EngineClient} engineOf
 */
export function createArchitectures(store, engineOf) {
  let asking = false;
  return {
    /** Called after every change. */
    async wake() {
      const { view, models, architectures } = store.state;
      const missing = models.filter((model) => !architectures[model.id]);
      if (asking || view !== "networks" || missing.length === 0 || !engineOf().ready) return;
      asking = true;
      const { service } = engineOf();
      const found = await Promise.all(missing.map(async ({ id }) => [id, await service.architecture(id)])).catch(() => []);
        store.set({ architectures: { ...store.state.architectures, ...Object.fromEntries(found) } });
      asking = false;
    },
  };
}
