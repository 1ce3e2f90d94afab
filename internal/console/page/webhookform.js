// What the page of the webhooks and the page of one webhook share.

import { call } from "./api.js";
import { make } from "./dom.js";
import { say } from "./message.js";
import { newForm } from "./views.js";
import { texts as common } from "./texts/common.js";
import { texts } from "./texts/webhooks.js";

/** @typedef {import("fullsync-api").components["schemas"]} Schemas */
/** @typedef {Schemas["Webhook"]} Webhook */
/** @typedef {Schemas["WebhookType"]} Type */

/** What to call a webhook. @param {Webhook} w */
export function nameOf(w) {
  return w.name || w.url;
}

/** What it is told, always in the same order. @param {Webhook} w */
export function tells(w) {
  return Object.entries(texts.types).filter(([type]) => w.types.some((told) => told === type)).map(([, text]) => text).join(", ");
}

/** @param {Webhook} w */
export function stateOf(w) {
  if (!w.enabled) return w.disabledReason ? texts.switchedOffBecause(w.disabledReason) : common.switchedOff;
  return w.lastError ? texts.failing : texts.switchedOn;
}

/** Sends a test message, and says how that went. @param {Webhook} w */
export async function sendTest(w) {
  /** @type {Schemas["WebhookDeliveryResponse"]} */
  const { delivery } = await call("POST", `/api/admin/webhooks/${w.id}/test`);
  const last = delivery.attempts.at(-1);
  if (delivery.state === "delivered") say("success", texts.tookTheTest(nameOf(w), last?.durationMs ?? 0));
  else say("failure", texts.didNotTakeTheTest(nameOf(w), last?.problem ?? texts.notTaken));
}

/**
 * Makes the form of a webhook.
 * @param {string} label @param {string} go
 * @param {(wanted: {name: string, url: string, types: Type[]}) => Promise<void>} work
 */
export function newWebhookForm(label, go, work) {
  const name = make("input", { maxLength: 100, autocomplete: "off", spellcheck: false });
  const url = make("input", { type: "url", required: true, maxLength: 2048, autocomplete: "off", placeholder: "https://hooks.example.com/fullsync" });
  const types = Object.keys(texts.types).map((type) => make("input", { type: "checkbox", value: type, checked: true }));
  const choices = types.map((box) => make("label", { className: "check" }, box, " ", texts.types[box.value] ?? box.value));
  const form = newForm(
    label,
    go,
    { [common.name]: name, [common.address]: url },
    async () => {
      const chosen = /** @type {Type[]} */ (types.filter((box) => box.checked).map((box) => box.value));
      if (chosen.length === 0) throw new Error(texts.chooseAType);
      await work({ name: name.value.trim(), url: url.value.trim(), types: chosen });
    },
    make("fieldset", {}, make("legend", {}, texts.tells), ...choices),
  );
  return {
    form,
    /** Fills the form in, as for a new one without a webhook. @param {Webhook} [w] */
    fill(w) {
      name.value = w?.name ?? "";
      url.value = w?.url ?? "";
      for (const box of types) box.checked = !w || w.types.some((type) => type === box.value);
    },
  };
}
