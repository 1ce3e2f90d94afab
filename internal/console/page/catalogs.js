// The page of the catalogs.

import { call } from "./api.js";
import { confirm } from "./confirm.js";
import { make } from "./dom.js";
import { count, number, time } from "./format.js";
import { focusMessage, say } from "./message.js";
import { href } from "./route.js";
import { newList, newSection, newTable } from "./views.js";

/** @typedef {import("fullsync-api").components["schemas"]} Schemas */

const { section, problem } = newSection("catalogs", "Catalogs");
const { table, body, row } = newTable("Catalogs", ["Catalog", "Products", "Last sync", "Actions"]);
const list = newList(body, problem, read, show, "There is no catalog yet. A catalog exists as long as it holds a product.");
const importLink = make("a", { href: href("import") }, "Import a file");
importLink.dataset.may = "operator";
section.append(table, list.empty, importLink);

/** @type {import("./route.js").View} */
export const catalogs = {
  path: "catalogs",
  label: "Catalogs",
  show() {
    void list.reload();
    return "Catalogs";
  },
};

async function read() {
  /** @type {Schemas["CatalogListResponse"]} */
  const all = await call("GET", "/api/catalogs");
  return { items: all.catalogs, next: null };
}

/** @param {Schemas["CatalogSummary"]} c */
function show({ catalog, products, lastSync }) {
  const last = lastSync
    ? make("a", { href: href(`sessions/${lastSync.sessionId}`) }, `${lastSync.status}, ${time(lastSync.completedAt)}`)
    : "none has ended yet";
  const remove = make("button", { type: "button", className: "danger" }, "Delete…");
  remove.dataset.may = "operator";
  remove.addEventListener("click", () =>
    confirm({
      title: `Delete catalog ${catalog}?`,
      text: `Its ${count(products, "product")} are deleted here. A sync from a source that has them brings them back.`,
      safe: "Keep it",
      go: `Delete ${count(products, "product")}`,
      async work() {
        /** @type {Schemas["CatalogDeletedResponse"]} */
        const done = await call("DELETE", `/api/catalogs/${catalog}?products=${products}`);
        const told = say("success", done.message);
        await list.reload();
        focusMessage(told);
      },
    }),
  );
  return row(make("a", { href: href(`catalogs/${catalog}`) }, catalog), number(products), last, remove);
}
