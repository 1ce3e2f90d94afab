// The form of a feed, and its first products as they would come in.

import { make } from "./dom.js";
import { newMapping, written } from "./mapping.js";
import { newSample } from "./sample.js";
import { newForm } from "./views.js";
import { texts as common } from "./texts/common.js";
import { texts } from "./texts/feed.js";
import { texts as shared } from "./texts/pages.js";

/** @typedef {import("fullsync-api").components["schemas"]} Schemas */

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
  const keepFields = input({ placeholder: shared.noneSeparateSeveralByCommas, maxLength: 2048 });
  const mapping = newMapping(() => input({ placeholder: texts.foundOut }));
  for (const { options } of Object.values(mapping.options)) if (options[0]) options[0].text = texts.foundOut;
  const kinds = Object.keys(texts.auths).filter((kind) => kind || !isNew);
  const auth = make("select", {}, ...kinds.map((kind) => new Option(texts.auths[kind], kind)));
  const secrets = Object.fromEntries(
    Object.keys(texts.secrets).map((name) => [name, input({ type: name === "username" || name === "name" ? "text" : "password", maxLength: name === "name" ? 255 : 8192 })]),
  );
  const secretFields = make("div", { className: "fields" }, ...Object.entries(secrets).map(([name, field]) => make("label", {}, texts.secrets[name] ?? "", field)));

  /** @type {Record<string, HTMLElement>} */
  const first = { ...(isNew ? { [texts.id]: nodeId } : {}), [common.name]: nodeName, [common.address]: url, [texts.catalog]: catalog };
  const form = newForm(label, go, { ...first, ...mapping.fields, [shared.fieldsThatItsPullsLeave]: keepFields, [texts.auth]: auth }, work, secretFields, ...below);
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

  /** What is written in the form, but for its id and what a new feed may lack. */
  function read() {
    const { columns, defaults } = mapping.chosen();
    const kind = auth.value;
    return {
      nodeName: nodeName.value.trim(),
      url: url.value.trim(),
      catalog: catalog.value.trim(),
      keepFields: keepFields.value.split(",").map((f) => f.trim()).filter(Boolean),
      mapping: columns,
      defaults,
      ...(kind && !(isNew && kind === "none") ? { auth: { kind, ...(parts[kind] ? written(Object.fromEntries((parts[kind] ?? []).map((p) => [p, /** @type {HTMLInputElement} */ (secrets[p])]))) : {}) } } : {}),
    };
  }

  return {
    form,
    /** What the form calls the members of a feed. @type {Record<string, string>} */
    labels: { ...mapping.labels, catalog: texts.catalog },
    /** The feed in the form, which is not there yet. @returns {Schemas["NewPeer"]} */
    added() {
      const { nodeName: called, ...rest } = read();
      return { kind: "feed", nodeId: nodeId.value.trim(), ...(called ? { nodeName: called } : {}), ...rest, ...mapping.chosen().options };
    },
    /** What the form changes. @returns {Schemas["PeerChange"]} */
    changed() {
      return { ...read(), ...Object.fromEntries(Object.entries(mapping.options).map(([name, { value }]) => [name, value])) };
    },
    /** Fills the form in. @param {Schemas["Peer"]} p */
    fill(p) {
      nodeName.value = p.nodeName;
      url.value = p.url;
      catalog.value = p.catalog ?? "main";
      keepFields.value = p.keepFields.join(", ");
      for (const [name, list] of Object.entries(mapping.options)) {
        const value = String(Object.entries(p).find(([member]) => member === name)?.[1] ?? "");
        if (![...list.options].some((option) => option.value === value)) list.append(new Option(value, value));
        list.value = value;
      }
      for (const [name, field] of Object.entries(mapping.columns)) field.value = Object.entries(p.mapping ?? {}).find(([member]) => member === name)?.[1] ?? "";
      mapping.currency.value = p.defaults?.currency ?? "";
      for (const field of Object.values(secrets)) field.value = "";
      auth.value = "";
      if (auth.options[0]) auth.options[0].text = texts.authNow(texts.auths[p.authKind ?? "none"] ?? "");
      showSecrets();
    },
  };
}

/** Makes the place for what a feed is, and its first products. */
export function newPreview() {
  const found = make("p", { role: "status" });
  const sample = newSample();
  const place = make("div", { hidden: true }, found, sample.hints, sample.place);
  return {
    place,
    /** @param {Schemas["FeedPreview"]} [preview] */
    show(preview) {
      place.hidden = !preview;
      if (!preview) return;
      found.textContent = preview.products.length ? preview.found : `${preview.found} ${texts.noProducts}`;
      sample.show(preview.hints, preview.products);
    },
  };
}
