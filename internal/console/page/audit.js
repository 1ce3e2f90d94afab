// The page of who did what: the audit log, with filters in the page's address.

import { call } from "./api.js";
import { changedFields } from "./changes.js";
import { field, make, timeAt } from "./dom.js";
import { local } from "./filters.js";
import { go } from "./route.js";
import { newList, newSection, newTable } from "./views.js";
import { texts as common } from "./texts/common.js";
import { texts } from "./texts/audit.js";
import { texts as shared } from "./texts/pages.js";

/** @typedef {import("fullsync-api").components["schemas"]} Schemas */

const { section, problem } = newSection("audit", common.audit);
const names = ["actor", "action", "target"];
const times = ["after", "before"];
const labels = { actor: common.who, action: texts.actionSuchAsPeerOr, target: texts.whatItWasDoneTo, after: texts.after, before: texts.before };

const form = make(
  "form",
  { className: "fields", ariaLabel: common.filters },
  ...Object.entries(labels).map(([name, text]) =>
    make("label", {}, text, make("input", { name, type: times.includes(name) ? "datetime-local" : "text", maxLength: 255, autocapitalize: "none", spellcheck: false })),
  ),
  make("p", { className: "actions" }, make("button", { type: "reset", className: "quiet" }, common.clearFilters)),
);
const { table, body, row } = newTable(common.audit, [shared.when, common.who, texts.from, texts.action, shared.what, common.change]);
const list = newList(body, problem, read, show, common.nothingFits);
section.dataset.may = "admin";
section.append(form, table, list.empty, list.more);

let query = new URLSearchParams();

form.addEventListener("change", () => go("audit", chosen()));
form.addEventListener("reset", () => go("audit"));
form.addEventListener("submit", (event) => event.preventDefault());

/** @type {import("./route.js").View} */
export const audit = {
  path: "audit",
  show(_, asked) {
    query = new URLSearchParams([...asked].filter(([name, value]) => name in labels && value));
    for (const name of names) field(form, name).value = query.get(name) ?? "";
    for (const name of times) field(form, name).value = local(query.get(name));
    if (document.body.dataset.role === "admin") void list.reload();
    return common.audit;
  },
};

/** What is chosen in the form. */
function chosen() {
  const wanted = new URLSearchParams();
  for (const name of [...names, ...times]) {
    const value = field(form, name).value.trim();
    if (value) wanted.set(name, times.includes(name) ? new Date(value).toISOString() : value);
  }
  return wanted;
}

/** @param {string} pageToken */
async function read(pageToken) {
  const page = new URLSearchParams([...query, ["pageSize", "50"]]);
  if (pageToken) page.set("pageToken", pageToken);
  /** @type {Schemas["AuditResponse"]} */
  const { entries, nextPageToken } = await call("GET", `/api/admin/audit?${page}`);
  return { items: entries, next: nextPageToken };
}

/** @param {Schemas["AuditEntry"]} entry */
function show({ at, actor, kind, address, action, target, before, after }) {
  const names = [...new Set([...Object.keys(before ?? {}), ...Object.keys(after ?? {})])];
  /** @type {any[]} */
  const changes = names.map((name) => ({ field: name, before: before?.[name] ?? null, after: after?.[name] ?? null }));
  const who = actor ? `${actor} (${kind})` : texts.nobodyKnown;
  return row(timeAt(at), who, address ?? "", action, target ?? "", changedFields(changes));
}
