// The first products of a file or feed, as they would come in.

import { make } from "./dom.js";
import { exactText } from "./exact.js";
import { money } from "./format.js";
import { inWords } from "./mapping.js";
import { newTable } from "./views.js";
import { texts } from "./texts/mapping.js";

/** @typedef {import("fullsync-api").components["schemas"]["FeedProduct"]} Product */

const longest = 300; // letters of a line or of a product's attributes

/** Makes the place for them. */
export function newSample() {
  const hints = make("ul", { className: "hint" });
  const { table, body, row } = newTable(texts.products, texts.columns);
  const place = make("div", {}, make("h3", {}, texts.products), table);

  /** @param {{line: number, product?: Product | null, refused?: string | null}} record */
  function show({ line, product: p, refused }) {
    if (p) return row(exactText(line), p.id, p.name, p.sku ?? "", money(p), p.active ? texts.yes : texts.no, make("code", {}, short(JSON.stringify(p.attributes))));
    const refusal = row(exactText(line), inWords(refused ?? ""));
    const [, why] = refusal.cells;
    if (why) Object.assign(why, { colSpan: texts.columns.length - 1, className: "why" }).dataset.label = texts.refused;
    refusal.dataset.tone = "FAILED";
    return refusal;
  }

  return {
    hints,
    place,
    /** @param {string[]} said what may be wrong, as the node says it @param {Parameters<typeof show>[0][]} records */
    show(said, records) {
      hints.replaceChildren(...said.map((hint) => make("li", {}, inWords(hint))));
      body.replaceChildren(...records.map(show));
      place.hidden = records.length === 0;
    },
  };
}

/** @param {string} text */
export function short(text) {
  return text.length > longest ? text.slice(0, longest) + "…" : text;
}
