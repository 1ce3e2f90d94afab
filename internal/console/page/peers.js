// The page of the peers: who is known, and whether they answer.

import { call, Refused } from "./api.js";
import { busy } from "./busy.js";
import { confirm } from "./confirm.js";
import { action, byId, copyOf, field, fill, passFocus, setTime } from "./dom.js";
import { time } from "./format.js";
import { focusMessage, say, sentenceOf } from "./message.js";
import { href } from "./route.js";
import { texts } from "./texts/common.js";

/** @typedef {import("fullsync-api").components["schemas"]} Schemas */
/** @typedef {Schemas["Peer"]} Peer */

const rows = byId("peer-rows", HTMLTableSectionElement);
const problem = byId("peers-problem", HTMLElement);
const addForm = byId("add-peer-form", HTMLFormElement);
const addProblem = byId("add-peer-problem", HTMLElement);
const addButton = /** @type {HTMLButtonElement} */ (addForm.querySelector("button.main"));

const checkButton = byId("add-peer-check", HTMLButtonElement);
const found = byId("add-peer-found", HTMLElement);

/** @type {((peers: Peer[]) => void)[]} */
const listeners = [];

/** @type {import("./route.js").View} */
export const peers = {
  path: "peers",
  label: texts.peers,
  show() {
    void reloadPeers();
    return texts.peers;
  },
};

checkButton.addEventListener("click", () => {
  if (addForm.reportValidity()) void busy(checkButton, addProblem, checkFirst);
});
addForm.addEventListener("input", () => (found.textContent = ""));
addForm.addEventListener("submit", (event) => {
  event.preventDefault();
  void busy(addButton, addProblem, add);
});

/**
 * Calls listener with the peers whenever they have been read.
 * @param {(peers: Peer[]) => void} listener
 */
export function onPeers(listener) {
  listeners.push(listener);
}

/** Reads the peers and shows them, or why that failed. */
export async function reloadPeers() {
  try {
    /** @type {Schemas["PeerListResponse"]} */
    const { peers } = await call("GET", "/api/admin/sync/peers");
    problem.textContent = "";
    show(peers);
  } catch (failure) {
    problem.textContent = sentenceOf(failure);
  }
}

/** @param {Peer[]} peers */
function show(peers) {
  const ids = new Set(peers.map((p) => `peer-${p.nodeId}`));
  for (const row of [...rows.rows]) if (!ids.has(row.id)) drop(row);
  for (const [i, p] of peers.entries()) {
    const row = document.getElementById(`peer-${p.nodeId}`) ?? newRow(p.nodeId);
    if (rows.rows[i] !== row) rows.insertBefore(row, rows.rows[i] ?? null);
    row.dataset.active = String(p.isActive);
    fill(row, {
      peer: p.nodeName === p.nodeId ? p.nodeId : `${p.nodeName} (${p.nodeId})`,
      url: p.url,
      state: texts.peerStates[state(p)],
      error: p.lastError ?? "",
    });
    row.dataset.state = state(p);
    setTime(row, "seen", p.lastSeen);
    action(row, "switch").textContent = p.isActive ? texts.switchOff : texts.switchOn;
  }
  byId("peer-table", HTMLElement).hidden = peers.length === 0;
  byId("peers-empty", HTMLElement).hidden = peers.length > 0;
  for (const listener of listeners) listener(peers);
}

/** How a peer is. @param {Peer} p @returns {keyof typeof texts.peerStates} */
export function state(p) {
  if (!p.isActive) return "off";
  if (p.isOnline) return "online";
  return p.lastSeen || p.lastError ? "offline" : "unchecked";
}

/** @param {HTMLElement} row */
function drop(row) {
  passFocus(row, byId("peers-title", HTMLElement));
  row.remove();
}

/** @param {string} nodeId */
function newRow(nodeId) {
  const row = copyOf("peer-row");
  const path = `/api/admin/sync/peers/${nodeId}`;
  row.id = `peer-${nodeId}`;
  row.querySelector("a")?.setAttribute("href", href(`peers/${nodeId}`));
  for (const [name, work] of /** @type {[string, () => Promise<void>][]} */ ([
    ["check", () => check(nodeId, path)],
    ["switch", () => call("PATCH", path, { isActive: row.dataset.active !== "true" }).then(reloadPeers)],
  ])) {
    const button = action(row, name);
    button.addEventListener("click", () => void busy(button, null, work));
  }
  action(row, "remove").addEventListener("click", () =>
    confirm({
      title: texts.removePeer(nodeId),
      text: texts.itsTokenIsForgottenToo,
      safe: texts.keepIt,
      go: texts.removePeerNow,
      async work() {
        const told = say("success", await remove(nodeId, path));
        await reloadPeers();
        focusMessage(told); // the row is gone, and with it the button that had the focus
      },
    }),
  );
  return row;
}

/**
 * Removes a peer and returns how that went. If the peer is already gone, that is a success too: somebody else removed it, or this
 * page did with a request whose answer was lost.
 * @param {string} nodeId
 * @param {string} path
 */
async function remove(nodeId, path) {
  try {
    /** @type {Schemas["MessageResponse"]} */
    const removed = await call("DELETE", path);
    return removed.message;
  } catch (failure) {
    if (failure instanceof Refused && failure.status === 404) return texts.peerIsRemoved(nodeId);
    throw failure;
  }
}

/** @param {string} nodeId @param {string} path */
export async function check(nodeId, path) {
  /** @type {Schemas["PeerCheckResponse"]} */
  const { check } = await call("POST", `${path}/check`);
  await reloadPeers();
  if (check.problem) say("failure", check.problem);
  else say(check.notes ? "warning" : "success", praise(nodeId, check));
  return check;
}

/** What a good answer means. @param {string} nodeId @param {Schemas["PeerCheck"]} check */
function praise(nodeId, check) {
  if (check.feed) return texts.feedAnswered(nodeId, check.latencyMs, check.feed.found);
  const until = check.expiresAt ? texts.untilOfExpiresAt(time(check.expiresAt)) : "";
  const may = check.mayPush ? texts.weMayPullFromIt : texts.weMayPullFromItButNotPush;
  return [texts.peerAnsweredInMsAnd(nodeId, check.latencyMs, check.role ?? texts.unknown, until, may), ...(check.notes ?? [])].join(" ");
}

/** Asks the peer in the form before it is added. */
async function checkFirst() {
  const peer = filledIn();
  found.textContent = "";
  /** @type {Schemas["PeerCheckResponse"]} */
  const { check } = await call("POST", "/api/admin/sync/peer-check", peer);
  if (check.problem) throw new Error(check.problem);
  found.textContent = praise(peer.nodeId, check);
}

/** The peer in the form. */
function filledIn() {
  const text = (/** @type {string} */ name) => field(addForm, name).value.trim();
  /** @type {Schemas["NewPeer"]} */
  const peer = { nodeId: text("peerId"), url: text("url") };
  if (text("peerName")) peer.nodeName = text("peerName");
  if (text("token")) peer.token = text("token");
  return peer;
}

async function add() {
  const peer = filledIn();
  await call("POST", "/api/admin/sync/peers", peer);
  addForm.reset();
  await reloadPeers();
  say("success", texts.peerIsRegisteredCheckIt(peer.nodeId));
}
