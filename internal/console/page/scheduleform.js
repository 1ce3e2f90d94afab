// The form of a schedule, to add one or to change it.

import { call } from "./api.js";
import { make } from "./dom.js";
import { newForm } from "./views.js";
import { texts as common } from "./texts/common.js";
import { texts } from "./texts/schedules.js";
import { texts as shared } from "./texts/pages.js";

/** @typedef {import("fullsync-api").components["schemas"]} Schemas */

const switches = /** @type {const} */ ({
  verifyAfterSync: common.compareEveryProductAfterwards,
  deleteMissing: common.atTheEndDeleteProducts,
});

/**
 * Makes the form.
 * @param {string} label @param {string} go the button's text
 * @param {(wanted: Schemas["NewSchedule"]) => Promise<void>} send
 */
export function newScheduleForm(label, go, send) {
  /** @type {Partial<HTMLInputElement>} */
  const text = { autocomplete: "off", spellcheck: false };
  const name = make("input", { required: true, maxLength: 100, ...text });
  const cron = make("input", { required: true, maxLength: 200, placeholder: "15 3 * * *", ...text });
  const timezone = make("input", { required: true, maxLength: 64, ...text });
  const action = make("select", {}, new Option(common.pullFromAPeer, "pull"), new Option(texts.pushToPeers, "push"));
  const peers = make("select", { required: true });
  const catalog = make("input", { required: true, maxLength: 63, ...text });
  const ifRunning = make("select", {}, new Option(texts.leavesTheRunOut, "skip"), new Option(texts.waitsForItsEnd, "queue"));
  const jitter = make("input", { type: "number", min: "0", max: "3600", inputMode: "numeric", required: true });
  const ticks = Object.entries(switches).map(([option, says]) => ({ option, says, tick: make("input", { type: "checkbox" }) }));
  const hint = make("p", { className: "hint" }, texts.whenMinuteHourDayOf);
  const inputs = { name, cron, timezone, action, targetPeers: peers, catalog, ifRunning, jitterSeconds: jitter };
  const labels = {
    name: common.name,
    cron: shared.when,
    timezone: texts.timeZone,
    action: common.direction,
    targetPeers: texts.withThePeer,
    catalog: common.catalog,
    ifRunning: texts.ifASyncIsRunning,
    jitterSeconds: texts.randomDelayOfAtMost,
    options: common.options,
  };
  const fields = Object.fromEntries(Object.entries(inputs).map(([member, input]) => [labels[/** @type {keyof typeof inputs} */ (member)], input]));
  const form = newForm(label, go, fields, () => send(wanted()), ...ticks.map(({ says, tick }) => make("label", { className: "check" }, tick, says)), hint);
  /** Options that this form does not show; they stay as they are. @type {Schemas["StartOptions"]} */
  let others = {};
  /** The peers that there are, and those of the schedule. @type {string[]} */
  let known = [];
  /** @type {string[]} */
  let chosen = [];

  const one = () => {
    peers.multiple = action.value === "push";
    peers.size = peers.multiple ? 4 : 1;
  };
  action.addEventListener("change", one);
  fillIn();
  return { form, fillIn, offerPeers, wanted, labels };

  /** What the form says. @returns {Schemas["NewSchedule"]} */
  function wanted() {
    return {
      name: name.value.trim(),
      cron: cron.value.trim(),
      timezone: timezone.value.trim(),
      action: action.value === "push" ? "push" : "pull",
      targetPeers: [...peers.selectedOptions].map((o) => o.value),
      catalog: catalog.value.trim(),
      options: { ...others, ...Object.fromEntries(ticks.map(({ option, tick }) => [option, tick.checked])) },
      ifRunning: ifRunning.value === "queue" ? "queue" : "skip",
      jitterSeconds: Number(jitter.value),
    };
  }

  /** Shows a schedule, or what a new one begins with. @param {Schemas["Schedule"]} [s] */
  function fillIn(s) {
    name.value = s?.name ?? "";
    cron.value = s?.cron ?? "";
    timezone.value = s?.timezone ?? Intl.DateTimeFormat().resolvedOptions().timeZone;
    action.value = s?.action ?? "pull";
    catalog.value = s?.catalog ?? "main";
    ifRunning.value = s?.ifRunning ?? "skip";
    jitter.value = String(s?.jitterSeconds ?? 0);
    others = s?.options ?? {};
    for (const { option, tick } of ticks) tick.checked = Boolean(others[/** @type {keyof typeof switches} */ (option)]);
    chosen = s?.targetPeers ?? [];
    one();
    offer(chosen);
  }

  /** @param {string[]} picked the peers to choose */
  function offer(picked) {
    peers.replaceChildren(...[...new Set([...known, ...chosen])].map((id) => new Option(id, id, false, picked.includes(id))));
  }

  /** Offers the peers that there are. */
  async function offerPeers() {
    /** @type {Schemas["PeerListResponse"]} */
    const all = await call("GET", "/api/admin/sync/peers");
    const picked = [...peers.selectedOptions].map((o) => o.value);
    known = all.peers.map((p) => p.nodeId);
    offer(picked.length ? picked : chosen);
  }
}
