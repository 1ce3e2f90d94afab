// The time line of a session: its start, its attempts and takeovers, what it was seen to do, and its end.

import { byId, make, timeAt } from "./dom.js";
import { time } from "./format.js";
import { href } from "./route.js";
import { committed, isActive, onSession } from "./sessions.js";
import { texts } from "./texts/common.js";

/** @typedef {import("fullsync-api").components["schemas"]} Schemas */
/** @typedef {Schemas["Session"]} Session */
/** @typedef {{at: string, text: string | Node}} Event */

/** The steps that were seen, by session. @type {Map<string, Event[]>} */
const seen = new Map();

onSession((now, before) => {
  if (!isActive(now) || (before?.phase === now.phase && before.attempts === now.attempts)) return;
  const events = seen.get(now.sessionId) ?? [];
  const attempt = now.attempts > 1 ? texts.attempt(now.attempts, now.worker ? texts.worker(now.worker) : "") : "";
  events.push({ at: now.lastHeartbeatAt ?? now.startedAt, text: now.currentStep + attempt });
  seen.set(now.sessionId, events);
});

const list = byId("trail", HTMLElement);
/** What the time line on the page is made of. */
let shown = "";

/** Shows the time line, an empty one without a session. @param {Session} [s] @param {Schemas["Receipt"]} [receipt] */
export function showTrail(s, receipt) {
  const state = s ? JSON.stringify([s.sessionId, seen.get(s.sessionId)?.length, receipt?.takeovers, s.lastCommitAt, s.completedAt, s.currentStep]) : "";
  if (state === shown) return; // so as not to disturb screen readers and selections
  shown = state;
  if (!s) return list.replaceChildren();
  /** @type {Event[]} */
  const events = [{ at: s.startedAt, text: texts.startedBy(s.startedBy) }];
  if (s.resumedFrom) {
    const from = make("a", { href: href(`sessions/${s.resumedFrom}`) }, texts.anotherSession);
    events.push({ at: s.startedAt, text: make("span", {}, texts.resumed, from, texts.afterOfProducts(texts.countProducts(s.resumedRecords))) });
  }
  events.push(...(seen.get(s.sessionId) ?? []));
  for (const t of receipt?.takeovers ?? []) {
    const sign = t.lastHeartbeatAt ? texts.lastSignOfLife(time(t.lastHeartbeatAt)) : texts.noSignOfLife;
    events.push({ at: t.at, text: texts.takenOverFromLostWorker(t.worker, texts.countBatches(t.batches), sign) });
  }
  if (s.lastCommitAt) events.push({ at: s.lastCommitAt, text: texts.lastBatchCommitted(texts.countProducts(committed(s))) });
  if (s.completedAt) events.push({ at: s.completedAt, text: `${s.status}: ${s.currentStep}` });
  events.sort((a, b) => Date.parse(a.at) - Date.parse(b.at));
  list.replaceChildren(...events.map(({ at, text }) => make("li", {}, timeAt(at), " ", text)));
}
