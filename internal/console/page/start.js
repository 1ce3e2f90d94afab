// The form that starts a sync.

import { call, Refused, Unreachable } from "./api.js";
import { busy } from "./busy.js";
import { dismissOlder, showCard } from "./cards.js";
import { outcome, title, why } from "./describe.js";
import { byId, field } from "./dom.js";
import { hushNews, say } from "./message.js";
import { onPeers } from "./peers.js";
import { showRunning } from "./running.js";
import { isActive, onSession, put, sessionOf } from "./sessions.js";

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

/** The sessions that were started here, until they have ended. @type {Set<string>} */
const mine = new Set();

actionSelect.addEventListener("change", showAction);
showAction(); // a browser may fill in what was chosen before a reload

form.addEventListener("submit", (event) => {
  event.preventDefault();
  void busy(button, problem, () => start(request(), newKey()));
});

onPeers((peers) => {
  const chosen = peerSelect.value;
  peerSelect.replaceChildren(
    ...peers.map((p) => {
      const option = new Option(p.isActive ? `${p.nodeName} (${p.nodeId})` : `${p.nodeName} (${p.nodeId}), switched off`, p.nodeId);
      option.disabled = !p.isActive;
      return option;
    }),
  );
  if (peers.some((p) => p.isActive && p.nodeId === chosen)) peerSelect.value = chosen;
  noPeers.hidden = peers.some((p) => p.isActive);
  noPeers.textContent = peers.length ? "No peer is switched on. An admin can switch one on under Peers." : "This node knows no peer yet. An admin can add one under Peers.";
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
    const done = `COMPLETED: ${title(s)}, ${outcome(s)}.`;
    say(why(s) ? "warning" : "success", `${done} ${why(s)}`.trim());
  }
  if (s.status !== "FAILED") return;
  hushNews();
  say("failure", `FAILED: ${title(s)}. ${s.errorMessage}`);
}

function action() {
  return actionSelect.value === "push" ? "push" : "pull";
}

function showAction() {
  const push = action() === "push";
  peerLabel.textContent = push ? "Push to" : "Pull from";
  button.textContent = push ? "Start push" : "Start pull";
}

/** @returns {StartRequest} */
function request() {
  /** @type {NonNullable<StartRequest["options"]>} */
  const options = {};
  for (const name of /** @type {const} */ (["verifyAfterSync", "compressionEnabled", "readEverything", "deleteMissing"])) options[name] = checked(name);
  for (const name of /** @type {const} */ (["batchSize", "maxProductsPerSecond", "timeoutSeconds", "maxDeletes", "maxDeletePercent"])) {
    if (field(form, name).value) options[name] = Number(field(form, name).value);
  }
  return { action: action(), targetPeer: peerSelect.value, catalog: field(form, "catalog").value.trim(), options };
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
    const id = started.session.sessionId;
    put(started.session);
    say("success", started.message);
    mine.add(id);
    tellEnd(sessionOf(id) ?? started.session); // the session may have ended before this answer came
    dismissOlder(id);
    showCard(id); // it appears above the form, and may push the form out of view
  } catch (failure) {
    if (!(failure instanceof Refused) || failure.code !== "SYNC_IN_PROGRESS" || what.ifRunning) throw failure;
    const conflict = /** @type {Schemas["SyncInProgress"]} */ (failure.body);
    showRunning(conflict, {
      watch: () => showCard(conflict.sessionId),
      replace: () => start({ ...what, ifRunning: "replace" }, newKey()),
    });
  }
}

/**
 * @param {StartRequest} what
 * @param {string} key
 * @returns {Promise<Schemas["StartResponse"]>}
 */
function send(what, key) {
  return call("POST", "/api/admin/sync/full-sync", what, { "Idempotency-Key": key });
}

/** Returns a new key for one start. On plain http there is no crypto.randomUUID. */
function newKey() {
  return [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}
