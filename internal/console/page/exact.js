// JSON whose numbers stay as they are written: 12.50 does not become 12.5, and large ones stay whole.

import { texts } from "./texts/common.js";

const { rawJSON } = /** @type {any} */ (JSON);

/** Whether this browser can do that. One that cannot must not save anything that it has read. */
export const isExact = Boolean(rawJSON);

/** Reads JSON. @param {string} text */
export function exactly(text) {
  /** @type {(key: string, value: unknown, context: {source: string}) => unknown} */
  const keep = (_, value, context) => (typeof value === "number" && isExact ? rawJSON(context.source) : value);
  return JSON.parse(text, /** @type {any} */ (keep));
}

/** Writes a value of such JSON for people. @param {unknown} value */
export function exactText(value) {
  if (value === null || value === undefined) return texts.nothing;
  return typeof value === "string" ? value : JSON.stringify(value);
}
