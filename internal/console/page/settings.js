// The page of the settings: what this node runs with. It changes nothing.

import { call } from "./api.js";
import { make } from "./dom.js";
import { newList, newSection, newTable } from "./views.js";
import { texts as common } from "./texts/common.js";
import { texts } from "./texts/settings.js";

/** @typedef {import("fullsync-api").components["schemas"]} Schemas */

const { section, problem } = newSection("settings", common.settings);
const table = newTable(common.settings, [texts.variable, texts.value, texts.default, texts.meaning]);
const onlyChanged = make("input", { type: "checkbox" });
const list = newList(table.body, problem, read, show, texts.none);

onlyChanged.addEventListener("change", () => void list.reload());
section.dataset.may = "admin";
section.append(
  make("p", { className: "hint" }, texts.explanation),
  make("label", { className: "check" }, onlyChanged, " ", texts.onlyChanged),
  table.table,
  list.empty,
);

/** @type {import("./route.js").View} */
export const settings = {
  path: "settings",
  show() {
    if (document.body.dataset.role === "admin") void list.reload();
    return common.settings;
  },
};

async function read() {
  /** @type {Schemas["SettingListResponse"]} */
  const all = await call("GET", "/api/admin/settings");
  return { items: all.settings.filter((s) => !onlyChanged.checked || !s.isDefault), next: null };
}

/** @param {Schemas["Setting"]} s */
function show(s) {
  const value = s.value === null ? (s.isSet ? texts.isSecret : texts.notSet) : make("code", {}, s.value);
  const meaning = make("div", {}, s.meaning);
  if (s.perReplica) meaning.append(make("p", { className: "hint" }, texts.perReplica));
  return table.row(make("code", {}, s.name), value, s.isDefault ? texts.isDefault : s.default ?? "", meaning);
}
