// The sessions that this page knows, as last seen.

import { call, poll } from "./api.js";

/** @typedef {import("fullsync-api").components["schemas"]} Schemas */
/** @typedef {Schemas["Session"]} Session */

const activeStatuses = ["PREPARING", "TRANSFERRING"];

/** @param {Session} s */
export function isActive(s) {
  return activeStatuses.includes(s.status);
}

/** How far a session is in its life, which never goes back. @param {Session} s */
function stage(s) {
  return isActive(s) ? activeStatuses.indexOf(s.status) : activeStatuses.length;
}

/** How many products are committed. A revert also commits those that it takes away. @param {Session | Schemas["Receipt"]} s */
export function committed(s) {
  return s.transferredRecords + (s.direction === "revert" ? s.deleted : 0);
}

/** @type {Map<string, Session>} */
const known = new Map();

/** @type {((now: Session, before: Session | undefined) => void)[]} */
const listeners = [];

/**
 * Calls listener with every session that is new or has changed.
 * @param {(now: Session, before: Session | undefined) => void} listener
 */
export function onSession(listener) {
  listeners.push(listener);
}

/**
 * Takes a session that has just come from the node. Answers may overtake one another, so it drops whatever is older than what
 * is known, such as an active session that is known to have ended.
 * @param {Session} session
 */
export function put(session) {
  const before = known.get(session.sessionId);
  if (before && isOlder(session, before)) return;
  known.set(session.sessionId, session);
  for (const listener of listeners) listener(session, before);
}

/** @param {Session} s @param {Session} than @returns {boolean} */
function isOlder(s, than) {
  return stage(s) < stage(than) || committed(s) < committed(than) || (s.targetConfirmed === false && than.targetConfirmed === true);
}

/** @param {string} id */
export function sessionOf(id) {
  return known.get(id);
}

export function knownSessions() {
  return [...known.values()];
}

function activeSessions() {
  return knownSessions().filter(isActive);
}

/**
 * Asks the node for a session and takes it.
 * @param {string} id
 * @returns {Promise<Schemas["SessionResponse"]>}
 */
export async function load(id) {
  /** @type {Schemas["SessionResponse"]} */
  const found = await call("GET", `/api/admin/sync/full-sync/${id}`);
  put(found.session);
  return found;
}

/**
 * Takes a change of status. The session itself usually comes right after it; one that was replaced at once may not.
 * @param {Schemas["StatusEvent"]} change
 */
export function takeStatus(change) {
  if (known.get(change.sessionId)?.status === change.status) return;
  setTimeout(() => {
    const s = known.get(change.sessionId);
    if (!s || (isActive(s) && s.status !== change.status)) load(change.sessionId).catch(() => {});
  }, 1_000);
}

/** Asks the node for the newest sessions. Rejects if it does not answer. */
export async function askForNewest() {
  /** @type {Schemas["SessionListResponse"]} */
  const list = await poll("/api/admin/sync/full-sync?pageSize=100");
  return list.sessions;
}

/**
 * Takes the state: the active sessions and some that have ended. If a session that counts as active here is not among them, it
 * asks the node about it; most likely it has ended meanwhile.
 * @param {Session[]} sessions
 */
export function takeState(sessions) {
  const shown = new Set(sessions.map((s) => s.sessionId));
  for (const s of sessions) put(s);
  for (const s of activeSessions()) if (!shown.has(s.sessionId)) load(s.sessionId).catch(() => {}); // the next state asks again
}

// No event says that the target of a cancelled push has confirmed it. So ask about those that wait for that, one at a time.
let turn = 0;
setInterval(() => {
  const waiting = knownSessions().filter((s) => s.targetConfirmed === false);
  const s = waiting[turn++ % waiting.length];
  if (s && !document.hidden) load(s.sessionId).catch(() => {});
}, 3_000);
