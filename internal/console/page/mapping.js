// How a file is to be read: what was found out by itself, and what a person chooses instead.

import { make } from "./dom.js";
import { texts } from "./texts/mapping.js";

/** @typedef {import("fullsync-api").components["schemas"]["ImportPreview"]} Preview */
/** @typedef {import("fullsync-api").components["schemas"]["ImportUnclear"]} Unclear */

export const presets = ["woocommerce", "shopify", "shopify-bulk", "medusa", "vendure", "google-merchant", "fullsync"];
export const encodings = ["UTF-8", "UTF-16LE", "UTF-16BE", "windows-1252", "iso-8859-1", "iso-8859-15", "windows-1250", "windows-1251", "koi8-r", "macintosh", "shift_jis", "euc-jp", "gbk", "big5"];

/** A list whose first choice is what is found out by itself. @param {string[]} values @param {Record<string, string>} [names] */
export function choice(values, names = {}) {
  return make("select", {}, new Option("", ""), ...values.map((value) => new Option(names[value] ?? value, value)));
}

const preset = choice(presets);
const format = choice(["csv", "tsv", "json", "ndjson", "xml"]);
const encoding = choice(encodings);
const delimiter = choice([",", ";", "\t", "|"], { "\t": texts.tab });
const decimal = choice([".", ","]);
const unit = choice(["major", "minor"], texts.units);
const currency = make("input", { maxLength: 3, autocapitalize: "characters", autocomplete: "off", spellcheck: false, placeholder: "EUR" });
/** @type {Record<string, HTMLSelectElement>} */
const columns = Object.fromEntries(Object.keys(texts.fields).map((name) => [name, choice([])]));

/** Whether what is proposed has been chosen already, which happens once for each file. */
let proposed = false;

/** The fields, by their labels. */
export function mappingFields() {
  const all = { preset, format, encoding, delimiter, decimal, unit, default: currency };
  return {
    ...Object.fromEntries(Object.entries(columns).map(([name, input]) => [texts.fields[name], input])),
    ...Object.fromEntries(Object.entries(all).map(([name, input]) => [texts.options[name], input])),
  };
}

/** Forgets what was chosen for the last file. */
export function forgetMapping() {
  proposed = false;
  for (const input of [preset, format, encoding, delimiter, decimal, unit, currency]) input.value = "";
  for (const input of Object.values(columns)) input.replaceChildren(new Option("", ""));
}

/** What was chosen, as the API takes it. */
export function mappingQuery() {
  const query = new URLSearchParams();
  for (const [name, input] of Object.entries({ preset, format, encoding, delimiter, decimal, unit })) if (input.value) query.set(name, input.value);
  for (const [field, { value }] of Object.entries(columns)) if (value) query.append("map", `${field}=${value}`);
  if (currency.value.trim()) query.append("default", `currency=${currency.value.trim().toUpperCase()}`);
  return query;
}

/** Shows what was found out about a file. @param {Preview} p */
export function showFound(p) {
  offerColumns(p.columns);
  say(preset, p.preset);
  say(format, p.format);
  say(encoding, p.encoding);
  say(delimiter, p.delimiter === "\t" ? texts.tab : p.delimiter);
  say(decimal, p.decimal, texts.eachPrice);
  say(unit, p.unit && texts.units[p.unit]);
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

/** A sentence of the node that names options as the command line writes them, in the words of this page. @param {string} sentence */
export function inWords(sentence) {
  return sentence.replaceAll(/--(\w+) (?:(\w+)=)?('[^']*'|[^\s;]+?)(?=[;.]?(?:\s|$))/g, (_, option, field, value) => {
    const label = (field && option === "map" && texts.fields[field]) || texts.options[option] || option;
    return `“${label}: ${value.replaceAll("'", "")}”`;
  });
}
