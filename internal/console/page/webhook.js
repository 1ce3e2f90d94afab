// The page of one webhook: what it is told, what became of its messages, and everything that can be done to it.

import { call } from "./api.js";
import { confirm } from "./confirm.js";
import { make, timeAt } from "./dom.js";
import { time } from "./format.js";
import { say, sentenceOf } from "./message.js";
import { entitle, go, href } from "./route.js";
import { newSecret } from "./secret.js";
import { button, newDetails, newFacts, newList, newSection, newTable } from "./views.js";
import { nameOf, newWebhookForm, sendTest, stateOf, tells } from "./webhookform.js";
import { texts as common } from "./texts/common.js";
import { texts as shared } from "./texts/pages.js";
import { texts } from "./texts/webhooks.js";

/** @typedef {import("fullsync-api").components["schemas"]} Schemas */
/** @typedef {Schemas["Webhook"]} Webhook */

const { section, heading, problem } = newSection("webhooks/*", texts.webhook, { text: common.webhooks, href: href("webhooks") });
const facts = newFacts();
const secret = newSecret(texts.copySecret, texts.theSecret);
const test = button(texts.test, () => withShown(sendTest), { problem });
const onOff = button(common.switchOff, () => withShown((w) => call("PATCH", address(), { enabled: !w.enabled })), { problem });
const rotate = button(texts.rotate, async () => shown && askToRotate(shown));
const remove = button(shared.remove, async () => shown && askToRemove(shown));
remove.classList.add("danger");
const table = newTable(texts.deliveries, [shared.when, shared.what, common.state, texts.attempts]);
const deliveries = newList(table.body, problem, readDeliveries, showDelivery, texts.noDeliveries);
const change = newWebhookForm(texts.changeTheWebhook, shared.save, async (wanted) => {
  await call("PATCH", address(), wanted);
  await reload();
  say("success", texts.isSaved(wanted.name || wanted.url));
});

section.dataset.may = "admin";
section.append(
  facts.list,
  make("p", { className: "actions" }, test, onOff, rotate, remove),
  secret.place,
  newDetails(texts.changeIt, "admin", change.form),
  make("h3", {}, texts.deliveries),
  table.table,
  deliveries.empty,
);

let shownId = "";
/** @type {Webhook | undefined} */
let shown;

/** @type {import("./route.js").View} */
export const webhookPage = {
  path: "webhooks/*",
  show([, id = ""]) {
    shownId = id;
    shown = undefined;
    secret.hide();
    facts.show({});
    heading.textContent = texts.webhook;
    if (document.body.dataset.role === "admin") void reload();
    return texts.webhook;
  },
};

function address() {
  return `/api/admin/webhooks/${encodeURIComponent(shownId)}`;
}

/** Does something with the webhook that is shown, and shows what became of it. @param {(w: Webhook) => Promise<unknown>} work */
async function withShown(work) {
  if (!shown) return;
  await work(shown);
  await reload();
}

async function reload() {
  const asked = shownId;
  try {
    /** @type {Schemas["WebhookResponse"]} */
    const { webhook } = await call("GET", address());
    if (asked !== shownId) return;
    show(webhook);
    await deliveries.reload();
  } catch (failure) {
    if (asked === shownId) problem.textContent = sentenceOf(failure);
  }
}

/** @param {Webhook} w */
function show(w) {
  shown = w;
  heading.textContent = nameOf(w);
  entitle(nameOf(w));
  onOff.textContent = w.enabled ? common.switchOff : common.switchOn;
  change.fill(w);
  facts.show({
    [common.address]: w.url,
    [texts.tells]: tells(w),
    [common.state]: stateOf(w),
    [texts.lastError]: w.lastError,
    [texts.lastSuccess]: timeAt(w.lastSuccessAt),
    [texts.bothSecretsUntil]: w.previousSecretUntil && timeAt(w.previousSecretUntil),
    [texts.added]: texts.addedBy(time(w.createdAt), w.createdBy),
  });
}

async function readDeliveries() {
  /** @type {Schemas["WebhookDeliveriesResponse"]} */
  const page = await call("GET", `${address()}/deliveries?pageSize=50`);
  return { items: page.deliveries, next: null };
}

/** @param {Schemas["WebhookDelivery"]} d */
function showDelivery(d) {
  const what = texts.types[d.type] ?? texts.testMessage;
  const state = texts.states[d.state] ?? d.state;
  const attempts = d.attempts.map((a) => {
    const answer = a.problem ?? (a.status === null ? texts.notTaken : texts.answered(a.status));
    return make("li", {}, texts.attempt(time(a.at), answer, a.durationMs));
  });
  return table.row(
    timeAt(d.createdAt),
    d.sessionId ? make("a", { href: href(`sessions/${d.sessionId}`) }, what) : what,
    d.nextAttemptAt ? texts.nextAttempt(state, time(d.nextAttemptAt)) : state,
    make("ol", {}, ...attempts),
  );
}

/** @param {Webhook} w */
function askToRotate(w) {
  confirm({
    title: texts.rotateQuestion(nameOf(w)),
    text: texts.rotateText,
    safe: common.keepIt,
    go: texts.rotateGo,
    async work() {
      /** @type {Schemas["WebhookSecretResponse"]} */
      const rotated = await call("POST", `${address()}/rotate-secret`);
      await reload();
      setTimeout(() => secret.show(texts.secretOf(nameOf(w)), rotated.secret)); // once the dialog has given back the focus
    },
  });
}

/** @param {Webhook} w */
function askToRemove(w) {
  confirm({
    title: texts.removeQuestion(nameOf(w)),
    text: texts.removeText,
    safe: common.keepIt,
    go: texts.removeGo,
    async work() {
      /** @type {Schemas["MessageResponse"]} */
      const done = await call("DELETE", address());
      go("webhooks");
      say("success", done.message);
    },
  });
}
