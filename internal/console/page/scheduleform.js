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
  const fields = { [common.name]: name, [shared.when]: cron, [texts.timeZone]: timezone, [common.direction]: action, [texts.withThePeer]: peers, [common.catalog]: catalog, [texts.ifASyncIsRunning]: ifRunning, [texts.randomDelayOfAtMost]: jitter };
  const form = newForm(label, go, fields, () => send(wanted()), ...ticks.map(({ says, tick }) => make("label", { className: "check" }, tick, says)), hint);
  /** Options that this form does not show; they stay as they are. @type {Schemas["StartOptions"]} */
  let others = {};
  /** @type {string[]} */
  let chosen = [];

  const one = () => {
    peers.multiple = action.value === "push";
    peers.size = peers.multiple ? 4 : 1;
  };
  action.addEventListener("change", one);
  fillIn();
  return { form, fillIn, offerPeers };

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
  }

  /** Offers the peers that there are. */
  async function offerPeers() {
    /** @type {Schemas["PeerListResponse"]} */
    const all = await call("GET", "/api/admin/sync/peers");
    const picked = [...peers.selectedOptions].map((o) => o.value);
    const ids = new Set([...all.peers.map((p) => p.nodeId), ...chosen]);
    peers.replaceChildren(...[...ids].map((id) => new Option(id, id, false, (picked.length ? picked : chosen).includes(id))));
  }
}
