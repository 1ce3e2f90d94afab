// The form of a feed, and its first products as they would come in.

import { make } from "./dom.js";
import { choice, encodings, inWords, presets } from "./mapping.js";
import { newForm, newTable } from "./views.js";
import { texts as common } from "./texts/common.js";
import { texts } from "./texts/feed.js";
import { texts as reading } from "./texts/mapping.js";

/** @typedef {import("fullsync-api").components["schemas"]} Schemas */
/** @typedef {Schemas["FeedFields"]} Fields */

/** What the server of a feed may want to see, by how it is sent. @type {Record<string, string[]>} */
const parts = { bearer: ["token"], basic: ["username", "password"], header: ["name", "value"], query: ["name", "value"] };

/** @param {Partial<HTMLInputElement>} [more] */
const input = (more) => make("input", { maxLength: 255, autocomplete: "off", autocapitalize: "none", spellcheck: false, ...more });

/**
 * Makes the form of a feed.
 * @param {string} label @param {string} go
 * @param {() => Promise<void>} work
 * @param {boolean} isNew whether it is one that is not there yet
 * @param {...Node} below what stands above its button
 */
export function newFeedForm(label, go, work, isNew, ...below) {
  const nodeId = input({ required: isNew, maxLength: 64 });
  const nodeName = input({ maxLength: 200 });
  const url = input({ type: "url", required: true, maxLength: 2048, placeholder: "https://shop.example.com/products.csv" });
  const catalog = input({ value: "main", required: true, maxLength: 63 });
  const keepFields = input({ placeholder: texts.separate, maxLength: 2048 });
  /** @type {Record<string, HTMLSelectElement>} */
  const how = {
    preset: choice(presets),
    format: choice(["csv", "tsv", "json", "ndjson", "xml"]),
    encoding: choice(encodings),
    delimiter: choice([",", ";", "\t", "|"], { "\t": reading.tab }),
    decimal: choice([".", ","]),
    unit: choice(["major", "minor"], reading.units),
  };
  for (const list of Object.values(how)) if (list.options[0]) list.options[0].text = texts.columnHint;
  const columns = Object.fromEntries(Object.keys(reading.fields).map((name) => [name, input({ placeholder: texts.columnHint })]));
  const currency = input({ maxLength: 3, placeholder: "EUR" });
  const kinds = Object.keys(texts.auths).filter((kind) => kind !== (isNew ? "" : undefined));
  const auth = make("select", {}, ...kinds.map((kind) => new Option(texts.auths[kind], kind)));
  const secrets = Object.fromEntries(
    Object.keys(texts.secrets).map((name) => [name, input({ type: name === "username" || name === "name" ? "text" : "password", maxLength: name === "name" ? 255 : 8192 })]),
  );
  const secretFields = make("div", { className: "fields" }, ...Object.entries(secrets).map(([name, field]) => make("label", {}, texts.secrets[name] ?? "", field)));

  /** @type {Record<string, HTMLElement>} */
  const all = { ...(isNew ? { [texts.id]: nodeId } : {}), [common.name]: nodeName, [common.address]: url, [texts.catalog]: catalog };
  for (const [name, list] of Object.entries(how)) all[reading.options[name] ?? name] = list;
  for (const [name, field] of Object.entries(columns)) all[reading.fields[name] ?? name] = field;
  const more = { [reading.options.default ?? ""]: currency, [texts.keepFields]: keepFields, [texts.auth]: auth };
  const form = newForm(label, go, { ...all, ...more }, work, secretFields, ...below);
  auth.addEventListener("change", showSecrets);
  showSecrets();

  /** Shows the fields for what the server wants to see. */
  function showSecrets() {
    const wanted = parts[auth.value] ?? [];
    for (const [name, field] of Object.entries(secrets)) {
      field.required = wanted.includes(name);
      if (field.parentElement) field.parentElement.hidden = !field.required;
    }
  }

  /** What is written in some fields, without the empty ones. @param {Record<string, HTMLInputElement | HTMLSelectElement>} fields @returns {Record<string, string>} */
  function written(fields) {
    return Object.fromEntries(Object.entries(fields).map(([name, { value }]) => [name, name === "delimiter" ? value : value.trim()]).filter(([, value]) => value));
  }

  /** What is written in the form, but for its id and what a new feed may lack. */
  function read() {
    const defaults = currency.value.trim() ? { currency: currency.value.trim().toUpperCase() } : {};
    const kind = auth.value;
    return {
      nodeName: nodeName.value.trim(),
      url: url.value.trim(),
      catalog: catalog.value.trim(),
      keepFields: keepFields.value.split(",").map((f) => f.trim()).filter(Boolean),
      mapping: /** @type {Fields} */ (written(columns)),
      defaults: /** @type {Fields} */ (defaults),
      ...(kind && !(isNew && kind === "none") ? { auth: { kind, ...(parts[kind] ? written(Object.fromEntries((parts[kind] ?? []).map((p) => [p, /** @type {HTMLInputElement} */ (secrets[p])]))) : {}) } } : {}),
    };
  }

  return {
    form,
    /** The feed in the form, which is not there yet. @returns {Schemas["NewPeer"]} */
    added() {
      const { nodeName: called, ...rest } = read();
      return { kind: "feed", nodeId: nodeId.value.trim(), ...(called ? { nodeName: called } : {}), ...rest, ...written(how) };
    },
    /** What the form changes. @returns {Schemas["PeerChange"]} */
    changed() {
      return { ...read(), ...Object.fromEntries(Object.entries(how).map(([name, { value }]) => [name, value])) };
    },
    /** Fills the form in. @param {Schemas["Peer"]} p */
    fill(p) {
      nodeName.value = p.nodeName;
      url.value = p.url;
      catalog.value = p.catalog ?? "main";
      keepFields.value = p.keepFields.join(", ");
      for (const [name, list] of Object.entries(how)) {
        const value = String(Object.entries(p).find(([member]) => member === name)?.[1] ?? "");
        if (![...list.options].some((option) => option.value === value)) list.append(new Option(value, value));
        list.value = value;
      }
      for (const [name, field] of Object.entries(columns)) field.value = Object.entries(p.mapping ?? {}).find(([member]) => member === name)?.[1] ?? "";
      currency.value = p.defaults?.currency ?? "";
      for (const field of Object.values(secrets)) field.value = "";
      auth.value = "";
      if (auth.options[0]) auth.options[0].text = texts.authNow(texts.auths[p.authKind ?? "none"] ?? "");
      showSecrets();
    },
  };
}

/** Makes the place for the first products of a feed. */
export function newPreview() {
  const found = make("p", { role: "status" });
  const hints = make("ul", { className: "hint" });
  const { table, body, row } = newTable(texts.products, texts.columns);
  const place = make("div", { hidden: true }, found, hints, make("h3", {}, texts.products), table);

  /** @param {Schemas["FeedSample"]} sample */
  function showSample({ line, product: p, refused }) {
    if (p) {
      const price = p.price ? `${p.price} ${p.currency ?? ""}` : "";
      return row(String(line), p.id, p.name ?? "", p.sku ?? "", price, p.active ? texts.yes : texts.no, make("code", {}, JSON.stringify(p.attributes ?? {}).slice(0, 300)));
    }
    const refusal = row(String(line), inWords(refused ?? ""));
    const [, why] = refusal.cells;
    if (why) Object.assign(why, { colSpan: texts.columns.length - 1, className: "why" }).dataset.label = texts.refused;
    refusal.dataset.tone = "FAILED";
    return refusal;
  }

  return {
    place,
    /** @param {Schemas["FeedPreview"]} [preview] */
    show(preview) {
      place.hidden = !preview;
      if (!preview) return;
      found.textContent = preview.products.length ? preview.found : `${preview.found} ${texts.noProducts}`;
      hints.replaceChildren(...preview.hints.map((hint) => make("li", {}, inWords(hint))));
      body.replaceChildren(...preview.products.map(showSample));
    },
  };
}
