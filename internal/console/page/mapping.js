// How a file is to be read: what is found out by itself, and what a person chooses instead. For a file that is imported, and for feeds.

import { make } from "./dom.js";
import { texts } from "./texts/mapping.js";

/** @typedef {import("fullsync-api").components["schemas"]["FeedFields"]} Fields */

const presets = ["woocommerce", "shopify", "shopify-bulk", "medusa", "vendure", "google-merchant", "fullsync"];
const encodings = ["UTF-8", "UTF-16LE", "UTF-16BE", "windows-1252", "iso-8859-1", "iso-8859-15", "windows-1250", "windows-1251", "koi8-r", "macintosh", "shift_jis", "euc-jp", "gbk", "big5"];

/** A list whose first choice is what is found out by itself. @param {string[]} values @param {Record<string, string>} [names] */
export function choice(values, names = {}) {
  return make("select", {}, new Option("", ""), ...values.map((value) => new Option(names[value] ?? value, value)));
}

/**
 * Makes the fields that say how a file is to be read.
 * @template {HTMLInputElement | HTMLSelectElement} T
 * @param {() => T} newColumn makes the field that says in which column something is
 */
export function newMapping(newColumn) {
  const options = {
    preset: choice(presets),
    format: choice(["csv", "tsv", "json", "ndjson", "xml"]),
    encoding: choice(encodings),
    delimiter: choice([",", ";", "\t", "|"], { "\t": texts.tab }),
    decimal: choice([".", ","]),
    unit: choice(["major", "minor"], texts.units),
  };
  const currency = make("input", { maxLength: 3, autocapitalize: "characters", autocomplete: "off", spellcheck: false, placeholder: "EUR" });
  /** @type {Record<string, T>} */
  const columns = Object.fromEntries(Object.keys(texts.fields).map((name) => [name, newColumn()]));
  return {
    options,
    columns,
    currency,
    /** The fields, by their labels. @type {Record<string, HTMLElement>} */
    fields: {
      ...Object.fromEntries(Object.entries(columns).map(([name, field]) => [texts.fields[name], field])),
      ...Object.fromEntries(Object.entries({ ...options, default: currency }).map(([name, field]) => [texts.options[name], field])),
    },
    /** What the options are called, by their names. */
    labels: texts.options,
    /** What is chosen, without what is left to be found out. */
    chosen: () => ({
      options: written(options),
      columns: /** @type {Fields} */ (written(columns)),
      defaults: /** @type {Fields} */ (currency.value.trim() ? { currency: currency.value.trim().toUpperCase() } : {}),
    }),
  };
}

/** What is written in some fields, without the empty ones. @param {Record<string, HTMLInputElement | HTMLSelectElement>} fields */
export function written(fields) {
  // A delimiter may be a tab.
  return Object.fromEntries(Object.entries(fields).map(([name, field]) => [name, field instanceof HTMLSelectElement ? field.value : field.value.trim()]).filter(([, value]) => value));
}

/** A sentence of the node that names options as the command line writes them, in the words of this page. @param {string} sentence */
export function inWords(sentence) {
  return sentence.replaceAll(/--(\w+) (?:(\w+)=)?('[^']*'|[^\s;]+?)(?=[;.]?(?:\s|$))/g, (_, option, field, value) => {
    const label = (field && option === "map" && texts.fields[field]) || texts.options[option] || option;
    return `“${label}: ${value.replaceAll("'", "")}”`;
  });
}
