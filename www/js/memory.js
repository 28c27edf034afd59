// Small things the browser remembers between visits: the theme, and which kernels were measured to be fastest. A browser
// that remembers nothing (cookies blocked, a sandboxed frame) throws when asked; here it merely has nothing to tell.

/** @param {string} key @returns {string | null} */
export function recall(key) {
  try {
    return localStorage.getItem(key);
  } catch {
    return null;
  }
}

/** @param {string} key @param {string} value */
export function memorise(key, value) {
  try {
    localStorage.setItem(key, value);
  } catch {
    // The next visit starts without it.
  }
}
