// Shows a card for every active session, and for those that ended while the page was open.

import { ago, learnTime } from "./age.js";
import { askToCancel } from "./cancel.js";
import { lasted, products, speed, title, tone, unconfirmed, way } from "./describe.js";
import { action, byId, copyOf, fill, mainHeading, passFocus } from "./dom.js";
import { duration, time } from "./format.js";
import { announce, copy } from "./message.js";
import { showReceipt } from "./receipt.js";
import { isActive, onSession, sessionOf } from "./sessions.js";

/** @typedef {import("fullsync-api").components["schemas"]["Session"]} Session */

const cards = byId("cards", HTMLElement);

/** @type {Map<string, HTMLElement>} */
const shown = new Map();

// Ages grow while nothing happens.
setInterval(() => {
  for (const [id, card] of shown) {
    const s = sessionOf(id);
    if (s && isActive(s)) fill(card, ages(s));
  }
}, 1_000);

onSession((now, before) => {
  learnTime(now);
  if (!isActive(now) && !shown.has(now.sessionId)) return;
  let card = shown.get(now.sessionId);
  if (!card) {
    card = newCard(now);
    cards.prepend(card);
    shown.set(now.sessionId, card);
    byId("idle", HTMLElement).hidden = true;
  }
  update(card, now);
  tidy(lane(now));
  tell(now, before);
});

/**
 * Brings a session's card into view and gives it the focus.
 * @param {string} id
 */
export function showCard(id) {
  const card = shown.get(id);
  card?.scrollIntoView({ block: "nearest" });
  card?.focus();
}

/** @param {Session} s */
function newCard(s) {
  const card = copyOf("card");
  const id = `session-${s.sessionId}`;
  card.dataset.lane = lane(s);
  card.querySelector("h3")?.setAttribute("id", id);
  card.setAttribute("aria-labelledby", id);
  card.querySelector("progress")?.setAttribute("aria-label", `Progress: ${title(s)}`);
  fill(card, { title: title(s), id: s.sessionId, started: `${time(s.startedAt)} by ${s.startedBy}` });
  action(card, "cancel").addEventListener("click", () => askToCancel(s.sessionId));
  action(card, "receipt").addEventListener("click", () => showReceipt(s.sessionId));
  action(card, "dismiss").addEventListener("click", () => remove(s.sessionId, mainHeading()));
  const code = /** @type {HTMLElement} */ (card.querySelector("code"));
  action(card, "copy").addEventListener("click", () => copy(s.sessionId, code));
  return card;
}

/** @param {HTMLElement} card @param {Session} s */
function update(card, s) {
  const active = isActive(s);
  card.dataset.active = String(active);
  card.dataset.status = s.status;
  card.dataset.tone = tone(s);
  card.dataset.verdict = s.health.verdict;
  fill(card, {
    status: s.status,
    step: s.currentStep,
    percent: s.totalRecords === null ? "" : `${s.progress} %`,
    products: products(s),
    speed: speed(s) ?? "not known yet",
    left: s.estimatedTimeRemaining === null ? (active ? "not known yet" : `finished after ${lasted(s)}`) : `about ${duration(s.estimatedTimeRemaining)}`,
    verdict: s.health.verdict,
    reason: [s.health.reason, unconfirmed(s)].filter(Boolean).join("; "),
    ...ages(s),
  });
  const bar = /** @type {HTMLProgressElement} */ (card.querySelector("progress"));
  if (s.totalRecords === null && active) bar.removeAttribute("value");
  else bar.value = s.progress;
  if (!active) passFocus(action(card, "cancel"), card);
  action(card, "cancel").hidden = !active;
  action(card, "receipt").hidden = action(card, "dismiss").hidden = active;
}

/** @param {Session} s */
function ages(s) {
  return { commit: ago(s.lastCommitAt), source: ago(s.lastSourceAt) };
}

/** Sessions of one lane follow one another; those of different lanes run at the same time. @param {Session} s */
function lane(s) {
  return way(s) === "push" ? `${s.catalog} to ${s.targetNodeId}` : s.catalog;
}

/**
 * Removes cards of ended sessions that have a newer card of their lane above them. A failed one stays, because nobody may have read
 * it yet.
 * @param {string} lane
 */
function tidy(lane) {
  const newest = cardsOf(lane).at(-1)?.[0];
  if (newest) dismiss(newest, (card) => card.dataset.status !== "FAILED");
}

/**
 * Removes the cards of older, ended sessions of the same lane. For the person who started this one, and so has seen them.
 * @param {string} id
 */
export function dismissOlder(id) {
  dismiss(id, () => true);
}

/** @param {string} id of the newest session @param {(card: HTMLElement) => boolean} may */
function dismiss(id, may) {
  const newest = shown.get(id);
  if (!newest) return;
  for (const [older, card] of cardsOf(newest.dataset.lane ?? "")) {
    if (older !== id && card.dataset.active === "false" && may(card)) remove(older, newest);
  }
}

/** @param {string} lane */
function cardsOf(lane) {
  return [...shown].filter(([, card]) => card.dataset.lane === lane);
}

/** @param {string} id @param {HTMLElement} focus where the focus goes if it is in the card */
function remove(id, focus) {
  const card = shown.get(id);
  if (card) passFocus(card, focus);
  card?.remove();
  shown.delete(id);
  byId("idle", HTMLElement).hidden = shown.size > 0;
}

/**
 * Announces to screen readers what others see: every status, every quarter, and trouble.
 * @param {Session} now
 * @param {Session | undefined} before
 */
function tell(now, before) {
  if (!before || before.status !== now.status) announce(`${title(now)}: ${now.status}. ${now.errorMessage ?? now.currentStep}`);
  else if (before.health.verdict !== now.health.verdict) announce(`${title(now)}: ${now.health.verdict}, ${now.health.reason}`);
  else if (Math.floor(before.progress / 25) !== Math.floor(now.progress / 25)) announce(`${title(now)}: ${now.progress} percent`);
}
