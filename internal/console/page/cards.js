// Shows a card for every active session, and for those that ended while the page was open.

import { learnTime } from "./age.js";
import { newCard, updateCard } from "./card.js";
import { title, way } from "./describe.js";
import { byId, mainHeading, passFocus } from "./dom.js";
import { announce } from "./message.js";
import { go, isShown } from "./route.js";
import { isActive, onSession } from "./sessions.js";
import { texts } from "./texts/common.js";

/** @typedef {import("fullsync-api").components["schemas"]["Session"]} Session */

const cards = byId("cards", HTMLElement);

/** @type {Map<string, HTMLElement>} */
const shown = new Map();

onSession((now, before) => {
  learnTime(now);
  if (!isActive(now) && !shown.has(now.sessionId)) return;
  let card = shown.get(now.sessionId);
  if (!card) {
    card = newCard(now, () => remove(now.sessionId, mainHeading()));
    card.dataset.lane = lane(now);
    cards.prepend(card);
    shown.set(now.sessionId, card);
    byId("idle", HTMLElement).hidden = true;
  }
  updateCard(card, now);
  tidy(lane(now));
  tell(now, before);
});

/**
 * Brings a session's card into view and gives it the focus. Where there is none, it goes to the session's own page.
 * @param {string} id
 */
export function showCard(id) {
  const card = shown.get(id);
  if (!card || !isShown("overview")) return go(`sessions/${id}`);
  card.scrollIntoView({ block: "nearest" });
  card.focus();
}

/** Sessions of one lane follow one another; those of different lanes run at the same time. @param {Session} s */
function lane(s) {
  return way(s) === "push" ? `${s.catalog} ${s.targetNodeId}` : s.catalog;
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
  else if (Math.floor(before.progress / 25) !== Math.floor(now.progress / 25)) announce(texts.percent(title(now), now.progress));
}
