// How a file that is imported is read: beside each choice it says what was found out by itself.

import { choice, newMapping } from "./mapping.js";
import { texts } from "./texts/mapping.js";

/** @typedef {import("fullsync-api").components["schemas"]["ImportPreview"]} Preview */
/** @typedef {import("fullsync-api").components["schemas"]["ImportUnclear"]} Unclear */

const { options, columns, currency, chosen, fields } = newMapping(() => choice([]));

/** The fields, by their labels. */
export const mappingFields = fields;

/** Whether what is proposed has been chosen already, which happens once for each file. */
let proposed = false;

/** Forgets what was chosen for the last file. */
export function forgetMapping() {
  proposed = false;
  for (const field of [...Object.values(options), currency]) field.value = "";
  for (const field of Object.values(columns)) field.replaceChildren(new Option("", ""));
}

/** What was chosen, as the API takes it. */
export function mappingQuery() {
  const { options, columns, defaults } = chosen();
  const query = new URLSearchParams(options);
  for (const [field, column] of Object.entries(columns)) query.append("map", `${field}=${column}`);
  for (const [field, value] of Object.entries(defaults)) query.append("default", `${field}=${value}`);
  return query;
}

/** Shows what was found out about a file. @param {Preview} p */
export function showFound(p) {
  offerColumns(p.columns);
  say(options.preset, p.preset);
  say(options.format, p.format);
  say(options.encoding, p.encoding);
  say(options.delimiter, p.delimiter === "\t" ? texts.tab : p.delimiter);
  say(options.decimal, p.decimal, texts.eachPrice);
  say(options.unit, p.unit && texts.units[p.unit]);
  for (const [field, input] of Object.entries(columns)) say(input, p.fields[field]);
}

/**
 * Chooses the likely columns of a file that does not say which is which.
 * @param {Unclear} found
 * @returns {boolean} whether something was chosen; it is not done twice, because somebody may have chosen otherwise
 */
export function propose({ columns: names, proposed: likely }) {
  if (!names) return false;
  offerColumns(names);
  const first = !proposed;
  proposed = true;
  for (const [field, column] of Object.entries((first && likely) || {})) {
    const input = columns[field];
    if (input && !input.value) input.value = column;
  }
  return first && Object.keys(likely ?? {}).length > 0;
}

/** Offers the columns of a file for each field. @param {string[]} names */
function offerColumns(names) {
  for (const input of Object.values(columns)) {
    const { value } = input;
    const first = input.options[0]?.text ?? "";
    input.replaceChildren(new Option(first, ""), ...[...new Set(names)].filter(Boolean).map((name) => new Option(name, name)));
    if (names.includes(value)) input.value = value;
  }
}

/** Says what was found by itself, unless something else was chosen. @param {HTMLSelectElement} input @param {string | null | undefined} found @param {string} [nothing] */
function say(input, found, nothing = texts.none) {
  const first = input.options[0];
  if (first && !input.value) first.text = found ? `${found} (${texts.found})` : nothing;
}
