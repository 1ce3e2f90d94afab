// The page of a catalog: its products, which can be searched.

import { call, readFile } from "./api.js";
import { make, timeAt } from "./dom.js";
import { saveFile } from "./file.js";
import { money } from "./format.js";
import { go, href } from "./route.js";
import { button, newList, newSection, newTable } from "./views.js";
import { texts as common } from "./texts/common.js";
import { texts } from "./texts/catalogs.js";

/** @typedef {import("fullsync-api").components["schemas"]} Schemas */

const { section, heading, problem } = newSection("catalogs/*", common.catalog, { text: common.catalogs, href: href("catalogs") });
const search = make("input", { name: "q", type: "search", maxLength: 200 });
const form = make("form", { className: "tools", ariaLabel: texts.searchProducts }, make("label", {}, texts.idSkuOrNameContains, search), make("button", {}, common.search));
const { table, body, row } = newTable(common.products, [texts.id, common.name, texts.sku, texts.price, texts.onSale, texts.changed]);
const list = newList(body, problem, read, show, texts.noProductFits);
const format = make("select", {}, ...["ndjson", "json", "csv"].map((name) => new Option(name.toUpperCase(), name)));
const save = button(texts.exportTheCatalog, () => exportAs(format.value), { problem });
const bring = make("a", { className: "button" }, common.importAFile);
bring.dataset.may = "operator";
const order = make("select", {}, ...Object.entries(texts.orders).map(([value, text]) => new Option(text, value)));
const searching = make("p", { className: "hint", role: "status" });
form.append(make("label", {}, texts.sortedBy, order), make("label", {}, texts.as, format), save, bring);
section.append(form, table, list.empty, searching, list.more);

let catalog = "";
let shown = "";

form.addEventListener("submit", (event) => {
  event.preventDefault();
  find();
});
order.addEventListener("change", find);

function find() {
  const query = new URLSearchParams();
  if (search.value) query.set("q", search.value);
  if (order.value !== "id") query.set("sort", order.value);
  go(`catalogs/${catalog}`, query);
}

/** @type {import("./route.js").View} */
export const products = {
  path: "catalogs/*",
  show([, name = ""], query) {
    catalog = name;
    heading.textContent = texts.catalog(catalog);
    bring.href = href("import", new URLSearchParams({ catalog }));
    search.value = query.get("q") ?? "";
    order.value = query.get("sort") ?? "id";
    if (!order.value) order.value = "id"; // somebody has typed another
    const address = `${catalog} ${search.value} ${order.value}`;
    if (address !== shown) {
      body.replaceChildren();
      searching.textContent = "";
    }
    shown = address;
    void list.reload();
    return texts.catalog(catalog);
  },
};

/** Reads a page. In a large catalog the node searches a part of it at a time, so there may be nothing on it. @param {string} pageToken */
async function read(pageToken) {
  const asked = shown;
  const query = new URLSearchParams({ pageSize: "50", pageToken, q: search.value, sort: order.value });
  const path = `/api/catalogs/${encodeURIComponent(catalog)}/products`;
  try {
    for (;;) {
      /** @type {Schemas["ProductListResponse"]} */
      const page = await call("GET", `${path}?${query}`);
      if (page.products.length || !page.nextPageToken || asked !== shown) return { items: page.products, next: page.nextPageToken };
      query.set("pageToken", page.nextPageToken);
      searching.textContent = common.stillSearching;
    }
  } finally {
    if (asked === shown) searching.textContent = "";
  }
}

/** @param {Schemas["Product"]} p */
function show(p) {
  return row(make("a", { href: href(`catalogs/${catalog}/${encodeURIComponent(p.id)}`) }, p.id), p.name, p.sku ?? "", money(p), p.active ? texts.yes : texts.no, timeAt(p.updatedAt));
}

/** Saves the whole catalog as a file that can be imported again. @param {string} kind */
async function exportAs(kind) {
  const name = catalog;
  saveFile(`${name}.${kind}`, await readFile(`/api/catalogs/${encodeURIComponent(name)}/export?format=${kind}`));
}
