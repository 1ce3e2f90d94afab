// The page of the webhooks: who is told what happens to syncs, and whether they take it.

import { call } from "./api.js";
import { make, timeAt } from "./dom.js";
import { say } from "./message.js";
import { href } from "./route.js";
import { newSecret } from "./secret.js";
import { button, newDetails, newList, newSection, newTable } from "./views.js";
import { nameOf, newWebhookForm, sendTest, stateOf, tells } from "./webhookform.js";
import { texts as common } from "./texts/common.js";
import { texts } from "./texts/webhooks.js";

/** @typedef {import("fullsync-api").components["schemas"]} Schemas */

const { section, problem } = newSection("webhooks", common.webhooks);
const table = newTable(common.webhooks, [common.name, common.address, texts.tells, common.state, texts.lastSuccess, common.actions]);
const list = newList(table.body, problem, read, show, texts.thereIsNoWebhook);
const secret = newSecret(texts.copySecret, texts.theSecret);
const add = newWebhookForm(texts.addAWebhook, texts.addWebhook, async (wanted) => {
  /** @type {Schemas["WebhookSecretResponse"]} */
  const added = await call("POST", "/api/admin/webhooks", wanted);
  add.fill();
  await list.reload();
  say("success", texts.isAdded(nameOf(added.webhook)));
  secret.show(texts.secretOf(nameOf(added.webhook)), added.secret);
});

section.dataset.may = "admin";
section.append(table.table, list.empty, secret.place, newDetails(texts.addAWebhook, "admin", add.form));

/** @type {import("./route.js").View} */
export const webhooks = {
  path: "webhooks",
  show() {
    secret.hide();
    if (document.body.dataset.role === "admin") void list.reload();
    return common.webhooks;
  },
};

async function read() {
  /** @type {Schemas["WebhookListResponse"]} */
  const all = await call("GET", "/api/admin/webhooks");
  return { items: all.webhooks, next: null };
}

/** @param {Schemas["Webhook"]} w @returns {HTMLElement} */
function show(w) {
  const about = nameOf(w);
  const path = `/api/admin/webhooks/${w.id}`;
  const actions = [
    button(texts.test, () => sendTest(w).then(list.reload), { about, problem }),
    button(w.enabled ? common.switchOff : common.switchOn, () => call("PATCH", path, { enabled: !w.enabled }).then(list.reload), { about, problem }),
  ];
  return table.row(
    make("a", { href: href(`webhooks/${w.id}`) }, about),
    w.url,
    tells(w),
    stateOf(w),
    timeAt(w.lastSuccessAt),
    make("div", { className: "tools" }, ...actions),
  );
}
