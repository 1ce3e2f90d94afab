// The form that starts a sync.

import { call, Refused, Unreachable } from "./api.js";
import { busy } from "./busy.js";
import { dismissOlder, showCard } from "./cards.js";
import { outcome, title, why } from "./describe.js";
import { byId, field, make } from "./dom.js";
import { hushNews, say } from "./message.js";
import { onPeers } from "./peers.js";
import { showRunning } from "./running.js";
import { go, isShown } from "./route.js";
import { isActive, load, onSession, put, sessionOf } from "./sessions.js";
import { texts } from "./texts/common.js";

/** @typedef {import("fullsync-api").components["schemas"]} Schemas */
/** @typedef {Schemas["Session"]} Session */
/** @typedef {Schemas["StartRequest"]} StartRequest */

const form = byId("start-form", HTMLFormElement);
const problem = byId("start-problem", HTMLElement);
const button = /** @type {HTMLButtonElement} */ (form.querySelector("button.main"));
const noPeers = byId("no-peers", HTMLElement);
const actionSelect = field(form, "action");
const peerSelect = /** @type {HTMLSelectElement} */ (field(form, "peer"));
const peerLabel = byId("peer-label", HTMLElement);

const dryButton = byId("dry-run", HTMLButtonElement);
const several = byId("several", HTMLElement);
const guard = byId("guard", HTMLElement);
/** The choice of several peers in the list of peers; no node may have this id. */
const some = "*";
/** Where this browser keeps what the last start used. */
const kept = `fullsync.start ${location.pathname}`;

// The options, by their names.
const switches = /** @type {const} */ (["verifyAfterSync", "compressionEnabled", "readEverything", "deleteMissing"]);
const numbers = /** @type {const} */ (["batchSize", "maxProductsPerSecond", "timeoutSeconds", "maxDeletes", "maxDeletePercent"]);

/** The sessions that were started here, until they have ended. @type {Set<string>} */
const mine = new Set();

form.addEventListener("change", showAction);
form.addEventListener("input", showGuard);
/** What the last start used, until it has been offered again. @type {StartRequest | null} */
let last = JSON.parse(localStorage.getItem(kept) ?? "null");
if (last) offer(last);
showAction(); // a browser may fill in what was chosen before a reload

form.addEventListener("submit", (event) => {
  event.preventDefault();
  void busy(button, problem, () => start(request(), newKey()));
});

dryButton.addEventListener("click", () => {
  if (!form.reportValidity()) return;
  const what = request();
  void busy(dryButton, problem, () => start({ ...what, options: { ...what.options, dryRun: true } }, newKey()));
});

onPeers((peers) => {
  const chosen = last ? (last.targetPeers ? some : String(last.targetPeer)) : peerSelect.value;
  const ticked = last ? last.targetPeers?.map(String) : chosenPeers();
  last = null;
  peerSelect.replaceChildren(
    ...peers.map((p) => {
      const option = new Option(p.isActive ? `${p.nodeName} (${p.nodeId})` : texts.switchedOffOfNodeName(p.nodeName, p.nodeId), p.nodeId);
      option.disabled = !p.isActive;
      return option;
    }),
  );
  const active = peers.filter((p) => p.isActive);
  if (active.length > 1) peerSelect.append(new Option(texts.severalPeers, some));
  several.querySelector("div")?.replaceChildren(
    ...active.map((p) => {
      const tick = make("input", { type: "checkbox", name: "peers", value: p.nodeId, checked: ticked?.includes(p.nodeId) ?? false });
      return make("label", { className: "check" }, tick, p.nodeName);
    }),
  );
  if ([...peerSelect.options].some((o) => !o.disabled && o.value === chosen)) peerSelect.value = chosen;
  showAction();
  noPeers.hidden = peers.some((p) => p.isActive);
  noPeers.textContent = peers.length ? texts.noPeerIsSwitchedOn : texts.thisNodeKnowsNoPeer;
});

onSession(tellEnd);

/**
 * Reports how a session that was started here has ended, in place of the news that it began. A cancel is only reported to the
 * person who cancelled.
 * @param {Session} s
 */
function tellEnd(s) {
  if (isActive(s) || !mine.delete(s.sessionId)) return;
  if (s.status === "COMPLETED") {
    const done = texts.completed(title(s), outcome(s));
    say(why(s) ? "warning" : "success", `${done} ${why(s)}`.trim());
  }
  if (s.status !== "FAILED") return;
  hushNews();
  say("failure", texts.failed(title(s), s.errorMessage));
}

function action() {
  return actionSelect.value === "push" ? "push" : "pull";
}

function showAction() {
  const push = action() === "push";
  peerLabel.textContent = push ? texts.pushTo : texts.pullFrom;
  button.textContent = push ? texts.startPush : texts.startPull;
  const choice = [...peerSelect.options].find((o) => o.value === some);
  if (choice) choice.hidden = choice.disabled = !push;
  if (!push && peerSelect.value === some) peerSelect.selectedIndex = 0;
  several.hidden = peerSelect.value !== some;
  dryButton.hidden = !several.hidden; // a plan is for one peer
  showGuard();
}

/** Says what deletes nothing without approval. */
function showGuard() {
  const products = field(form, "maxDeletes").value || "500";
  const percent = field(form, "maxDeletePercent").value || "10";
  guard.hidden = !checked("deleteMissing");
  guard.textContent = texts.ifMoreThanProductsOr(products, percent);
}

/** The peers that are ticked, for a push to several. */
function chosenPeers() {
  return [...several.querySelectorAll("input")].filter((tick) => tick.checked).map((tick) => tick.value);
}

/** Offers again what the last start used. Its options are shown, so that nobody overlooks them. @param {StartRequest} what */
function offer(what) {
  actionSelect.value = what.action;
  field(form, "catalog").value = what.catalog ?? "main";
  for (const name of switches) /** @type {HTMLInputElement} */ (field(form, name)).checked = what.options?.[name] ?? false;
  for (const name of numbers) field(form, name).value = String(what.options?.[name] ?? "");
  const { compressionEnabled, ...others } = what.options ?? {};
  byId("options", HTMLDetailsElement).open = !compressionEnabled || Object.values(others).some(Boolean);
}

/** @returns {StartRequest} */
function request() {
  /** @type {NonNullable<StartRequest["options"]>} */
  const options = {};
  for (const name of switches) options[name] = checked(name);
  for (const name of numbers) if (field(form, name).value) options[name] = Number(field(form, name).value);
  const to = peerSelect.value === some ? { targetPeers: chosenPeers() } : { targetPeer: peerSelect.value };
  return { action: action(), ...to, catalog: field(form, "catalog").value.trim(), options };
}

/** @param {string} name */
function checked(name) {
  return /** @type {HTMLInputElement} */ (field(form, name)).checked;
}

/**
 * Starts a sync. The key makes it safe to repeat, so if the answer is lost, the request is sent once more.
 * @param {StartRequest} what
 * @param {string} key
 */
async function start(what, key) {
  try {
    const started = await send(what, key).catch((failure) => {
      if (failure instanceof Unreachable) return send(what, key);
      throw failure;
    });
    if (!what.options?.dryRun && !what.planId) localStorage.setItem(kept, JSON.stringify({ ...what, ifRunning: undefined }));
    if ("sessions" in started) return tellSeveral(started.sessions);
    const id = started.session.sessionId;
    put(started.session);
    say("success", started.message);
    mine.add(id);
    tellEnd(sessionOf(id) ?? started.session); // the session may have ended before this answer came
    dismissOlder(id);
    if (what.options?.dryRun || !isShown("overview")) go(`sessions/${id}`);
    else showCard(id); // it appears above the form, and may push the form out of view
  } catch (failure) {
    if (!(failure instanceof Refused) || failure.code !== "SYNC_IN_PROGRESS" || what.ifRunning) throw failure;
    const conflict = /** @type {Schemas["SyncInProgress"]} */ (failure.body);
    showRunning(conflict, {
      watch: () => showCard(conflict.sessionId),
      replace: () => start({ ...what, ifRunning: "replace" }, newKey()),
    });
  }
}

/** Starts the sync that a dry run has tried, with the same options. @param {Session} s */
export async function startPlanned(s) {
  const { dryRun, ...options } = s.options;
  await start({ action: s.direction, targetPeer: other(s), catalog: s.catalog, options }, newKey());
}

/** Applies the plan of a dry run, exactly as it is. An import has no peer. @param {Session} s */
export async function applyPlan(s) {
  const peer = s.direction === "import" ? {} : { targetPeer: other(s) };
  await start({ action: s.direction, ...peer, catalog: s.catalog, planId: s.sessionId }, newKey());
}

/** The peer of a session. @param {Session} s */
function other(s) {
  return s.direction === "push" ? s.targetNodeId : s.sourceNodeId;
}

/** Says what became of a push to several peers. @param {Schemas["StartedPeer"][]} all */
function tellSeveral(all) {
  const started = all.filter((one) => !one.error);
  for (const { peer, error, message } of all) if (error) say("failure", texts.pushToOfPeer(peer, error, message ?? ""));
  for (const { sessionId } of started) {
    if (!sessionId) continue;
    mine.add(sessionId);
    load(sessionId).catch(() => {}); // an event brings it too
  }
  if (started.length) say("success", texts.startedTo(texts.countPushes(started.length), started.map((one) => one.peer).join(", ")));
}

/**
 * @param {StartRequest} what
 * @param {string} key
 * @returns {Promise<Schemas["StartResponse"] | Schemas["StartsResponse"]>}
 */
function send(what, key) {
  return call("POST", "/api/admin/sync/full-sync", what, { "Idempotency-Key": key });
}

/** Returns a new key for one start. On plain http there is no crypto.randomUUID. */
export function newKey() {
  return [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}
