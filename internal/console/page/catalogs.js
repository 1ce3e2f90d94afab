// The page of the catalogs.

import { call } from "./api.js";
import { confirm } from "./confirm.js";
import { make } from "./dom.js";
import { number, time } from "./format.js";
import { focusMessage, say } from "./message.js";
import { href } from "./route.js";
import { newList, newSection, newTable } from "./views.js";
import { texts as common } from "./texts/common.js";
import { texts } from "./texts/catalogs.js";

/** @typedef {import("fullsync-api").components["schemas"]} Schemas */

const { section, problem } = newSection("catalogs", common.catalogs);
const { table, body, row } = newTable(common.catalogs, [common.catalog, common.products, texts.lastSync, common.actions]);
const list = newList(body, problem, read, show, texts.thereIsNoCatalogYet);
const importLink = make("a", { href: href("import") }, common.importAFile);
importLink.dataset.may = "operator";
section.append(table, list.empty, importLink);

/** @type {import("./route.js").View} */
export const catalogs = {
  path: "catalogs",
  label: common.catalogs,
  show() {
    void list.reload();
    return common.catalogs;
  },
};

async function read() {
  /** @type {Schemas["CatalogListResponse"]} */
  const all = await call("GET", "/api/catalogs?digest=false");
  return { items: all.catalogs, next: null };
}

/** @param {Schemas["CatalogSummary"]} c */
function show({ catalog, products, countedAt, lastSync }) {
  const last = lastSync
    ? make("a", { href: href(`sessions/${lastSync.sessionId}`) }, `${lastSync.status}, ${time(lastSync.completedAt)}`)
    : texts.noneHasEndedYet;
  const remove = make("button", { type: "button", className: "danger" }, texts.delete);
  remove.dataset.may = "operator";
  remove.addEventListener("click", () =>
    confirm({
      title: texts.deleteCatalog(catalog),
      text: texts.itsAreDeletedHereA(common.countProducts(products)),
      safe: common.keepIt,
      go: common.delete(common.countProducts(products)),
      async work() {
        /** @type {Schemas["CatalogDeletedResponse"]} */
        const done = await call("DELETE", `/api/catalogs/${catalog}?products=${products}`).catch((refused) => {
          void list.reload(); // it holds another number of products than the list says
          throw refused;
        });
        const told = say("success", done.message);
        await list.reload();
        focusMessage(told);
      },
    }),
  );
  const size = countedAt ? texts.countedAt(number(products), time(countedAt)) : number(products);
  return row(make("a", { href: href(`catalogs/${catalog}`) }, catalog), size, last, remove);
}
