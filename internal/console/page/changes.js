// What a session did to each product, before and after.

import { readText } from "./api.js";
import { busy } from "./busy.js";
import { byId, make } from "./dom.js";
import { exactly, exactText } from "./exact.js";
import { saveFile } from "./file.js";
import { href } from "./route.js";
import { newList, newTable } from "./views.js";
import { texts } from "./texts/common.js";

/** @typedef {import("fullsync-api").components["schemas"]} Schemas */

const details = byId("changes", HTMLDetailsElement);
const kind = make("select", {}, ...["", "created", "updated", "deleted"].map((k) => new Option(k || "all", k)));
const search = make("input", { type: "search", maxLength: 200 });
const find = make("button", {}, texts.search);
const download = make("button", { type: "button" }, texts.downloadAll);
const form = make("form", { className: "tools", ariaLabel: texts.searchChanges }, make("label", {}, texts.kind, kind), make("label", {}, texts.productContains, search), find, download);
const problem = make("p", { className: "problem", role: "alert" });
const { table, body, row } = newTable(texts.changes, [texts.product, texts.change, texts.fields]);
const list = newList(body, problem, read, show, texts.nothingFits);
const searching = make("p", { className: "hint", role: "status" });
details.append(form, searching, table, list.empty, problem, list.more);

/** @type {Schemas["Session"] | undefined} */
let session;
/** What the list shows the answer to. */
let asked = "";

details.addEventListener("toggle", () => details.open && void list.reload());
form.addEventListener("submit", (event) => {
  event.preventDefault();
  void busy(find, problem, list.reload);
});
kind.addEventListener("change", () => void list.reload());
download.addEventListener("click", () =>
  busy(download, problem, async () => {
    const { text } = await readText(address({ format: "csv" }));
    saveFile(`changes-${session?.sessionId}.csv`, text);
  }),
);

/** Offers to show what a session changed here, while that is kept. @param {Schemas["Session"]} s */
export function offerChanges(s) {
  if (session?.sessionId !== s.sessionId) {
    details.open = false;
    body.replaceChildren();
    search.value = kind.value = "";
  }
  session = s;
  details.hidden = !s.changesKept;
  byId("changes-title", HTMLElement).textContent = texts.whatItProductByProduct(s.options.dryRun ? texts.wouldChange : texts.changed);
}

/** @param {Record<string, string>} more */
function address(more) {
  const query = new URLSearchParams(more);
  if (kind.value) query.set("kind", kind.value);
  if (search.value) query.set("q", search.value);
  return `/api/admin/sync/full-sync/${session?.sessionId}/changes?${query}`;
}

/** Reads a page. In a long list the node searches a part of it at a time, so there may be nothing on it. @param {string} pageToken */
async function read(pageToken) {
  if (!pageToken) asked = address({ pageSize: "50" }); // a token continues what was asked for then, whatever stands in the form by now
  const mine = asked;
  try {
    for (;;) {
      const { text } = await readText(`${mine}&pageToken=${pageToken}`);
      /** @type {Schemas["ChangeListResponse"]} */
      const page = exactly(text);
      if (page.changes.length || !page.nextPageToken || mine !== asked) return { items: page.changes, next: page.nextPageToken };
      pageToken = page.nextPageToken;
      searching.textContent = texts.stillSearching;
    }
  } finally {
    if (mine === asked) searching.textContent = "";
  }
}

/** @param {Schemas["Change"]} change */
function show({ productId, kind, fields }) {
  const product = make("a", { href: href(`catalogs/${session?.catalog}/${encodeURIComponent(productId)}`) }, productId);
  return row(product, kind, changedFields(fields));
}

/** Fields before and after. @param {Schemas["FieldChange"][]} fields */
export function changedFields(fields) {
  const lines = fields.map(({ field, before, after }) => make("li", {}, `${field}: `, make("del", {}, exactText(before)), " ", make("ins", {}, exactText(after))));
  return make("ul", { className: "fields-changed" }, ...lines);
}
