import js from "@eslint/js";
import globals from "globals";

const strict = {
  eqeqeq: "error",
  "no-var": "error",
  "prefer-const": "error",
  "no-shadow": "error",
  "no-implicit-globals": "error",
  "object-shorthand": "error",
  "no-unused-vars": ["error", { argsIgnorePattern: "^_", caughtErrors: "none" }],
};

export default [
  { ignores: ["dist/", "target/", "node_modules/", "www/vendor/", ".tools/", "tests/browser/artifacts/"] },
  js.configs.recommended,
  { rules: strict },
  { files: ["www/**/*.js"], languageOptions: { globals: { ...globals.browser, ...globals.worker } } },
  // A function handed to the browser through Playwright is written in a file of node's.
  { files: ["tests/**/*.{js,mjs}"], languageOptions: { globals: { ...globals.node, ...globals.browser } } },
  { files: ["www/**/*.test.mjs", "*.js", "xtask/**/*.mjs"], languageOptions: { globals: globals.node } },
  { files: ["bench/**/*.mjs"], languageOptions: { globals: { ...globals.node, ...globals.browser } } },
  { files: ["xtask/**/*.js"], languageOptions: { globals: globals.serviceworker } },
];
