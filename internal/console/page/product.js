// The page of one product, which can be changed and deleted here.

import { call, readText } from "./api.js";
import { busy } from "./busy.js";
import { changedFields } from "./changes.js";
import { confirm } from "./confirm.js";
import { make, timeAt } from "./dom.js";
import { exactly, isExact } from "./exact.js";
import { time } from "./format.js";
import { focusMessage, say, sentenceOf } from "./message.js";
import { go, href } from "./route.js";
import { newList, newSection, newTable } from "./views.js";
import { texts as common } from "./texts/common.js";
import { texts as shared } from "./texts/pages.js";
import { texts } from "./texts/catalogs.js";

/** @typedef {import("fullsync-api").components["schemas"]} Schemas */

const { section, heading, problem } = newSection("catalogs/*/*", common.product, { text: common.catalog, href: "" });
const above = /** @type {HTMLAnchorElement} */ (section.querySelector(".crumb a"));
const name = make("input", { required: true, maxLength: 4096 });
const sku = make("input", { maxLength: 255 });
const price = make("input", { maxLength: 40, inputMode: "decimal" });
const currency = make("input", { maxLength: 3 });
const active = make("input", { type: "checkbox" });
const attributes = make("textarea", { spellcheck: false });
const origin = make("p", { className: "hint" });
const save = make("button", { className: "main" }, shared.save);
const remove = make("button", { type: "button", className: "danger" }, texts.delete);
const actions = make("p", { className: "actions" }, remove, save);
actions.dataset.may = "operator";
const form = make(
  "form",
  { ariaLabel: common.product },
  make("div", { className: "fields" }, ...Object.entries({ [common.name]: name, [texts.sku]: sku, [texts.price]: price, [texts.currency]: currency }).map(([text, input]) => make("label", {}, text, input))),
  make("label", { className: "check" }, active, texts.onSale),
  make("label", {}, texts.attributesAsJson, attributes),
  origin,
  actions,
);
const { table, body, row } = newTable(texts.whatSyncsDidToIt, [shared.when, common.sync, common.who, common.change, common.fields]);
const past = newList(body, problem, readPast, showPast, texts.noSyncHasChangedIt);
section.append(form, make("h3", {}, texts.whatSyncsDidToIt), table, past.empty, past.more);

let path = "";
let list = "";
let etag = "";
let shownId = "";

/** @type {import("./route.js").View} */
export const product = {
  path: "catalogs/*/*",
  show([, catalog = "", id = ""]) {
    shownId = id;
    heading.textContent = texts.product(id);
    list = `catalogs/${encodeURIComponent(catalog)}`;
    above.href = href(list);
    above.textContent = texts.catalog(catalog);
    const asked = `/api/${list}/products/${encodeURIComponent(id)}`;
    if (asked !== path || form.hidden) {
      path = asked;
      form.hidden = true;
      body.replaceChildren();
      void load();
      void past.reload();
    }
    return texts.product(id);
  },
};

form.addEventListener("submit", (event) => {
  event.preventDefault();
  void busy(save, problem, async () => {
    const body = { name: name.value, sku: sku.value || null, price: price.value || null, currency: currency.value || null, active: active.checked, attributes: exactly(attributes.value) };
    await call("PUT", path, body, { "If-Match": etag });
    await load();
    say("success", texts.productIsSaved(shownId));
  });
});
remove.addEventListener("click", () =>
  confirm({
    title: texts.deleteProduct(shownId),
    text: texts.theNextSyncFromA,
    safe: common.keepIt,
    go: texts.deleteProductNow,
    async work() {
      /** @type {Schemas["MessageResponse"]} */
      const done = await call("DELETE", path, undefined, { "If-Match": etag });
      path = "";
      go(list);
      focusMessage(say("success", done.message));
    },
  }),
);

async function load() {
  const asked = path;
  problem.textContent = "";
  try {
    const answer = await readText(asked);
    if (asked !== path) return;
    show(exactly(answer.text).product, answer.etag);
  } catch (failure) {
    if (asked === path) problem.textContent = sentenceOf(failure);
  }
}

/** @param {string} pageToken */
async function readPast(pageToken) {
  const { text } = await readText(`${path}/history?${new URLSearchParams({ pageToken })}`);
  /** @type {Schemas["ProductHistoryResponse"]} */
  const page = exactly(text);
  return { items: page.history, next: page.nextPageToken };
}

/** @param {Schemas["ProductChange"]} change */
function showPast({ sessionId, startedAt, startedBy, direction, peer, kind, fields }) {
  const sync = make("a", { href: href(`sessions/${sessionId}`) }, direction === "push" ? texts.pushBy(peer) : texts.pullFrom(peer));
  return row(timeAt(startedAt), sync, startedBy, kind, changedFields(fields));
}

/** @param {Schemas["Product"]} p @param {string} tag */
function show(p, tag) {
  etag = tag;
  name.value = p.name;
  sku.value = p.sku ?? "";
  price.value = p.price ?? "";
  currency.value = p.currency ?? "";
  active.checked = p.active;
  attributes.value = JSON.stringify(p.attributes, null, 2);
  const may = ["operator", "admin"].includes(document.body.dataset.role ?? "") && isExact;
  for (const field of [name, sku, price, currency, attributes]) field.readOnly = !may;
  active.disabled = !may;
  save.hidden = !may;
  origin.textContent = texts.cameFromFirstOnLast(p.originNodeId, time(p.createdAt), time(p.updatedAt));
  form.hidden = false;
}
