// The card of a session: what it is doing, and how far it is.

import { ago } from "./age.js";
import { askToCancel } from "./cancel.js";
import { lasted, products, speed, title, tone, unconfirmed } from "./describe.js";
import { action, copyOf, fill, passFocus, setTime } from "./dom.js";
import { duration } from "./format.js";
import { copy } from "./message.js";
import { href } from "./route.js";
import { isActive, sessionOf } from "./sessions.js";
import { texts } from "./texts/common.js";

/** @typedef {import("fullsync-api").components["schemas"]["Session"]} Session */

/** The cards on the page, and whose they are. @type {Map<HTMLElement, string>} */
const all = new Map();

// Ages grow while nothing happens.
setInterval(() => {
  for (const [card, id] of all) {
    const s = sessionOf(id);
    if (!card.isConnected) all.delete(card);
    else if (s && isActive(s)) fill(card, ages(s));
  }
}, 1_000);

/**
 * Returns a new card.
 * @param {Session} s
 * @param {() => void} [dismiss] takes the card away; without it, the card offers neither that nor the way to the session's own page
 */
export function newCard(s, dismiss) {
  const card = copyOf("card");
  const id = `${dismiss ? "session" : "opened"}-${s.sessionId}`;
  const heading = /** @type {HTMLElement} */ (card.querySelector("h3"));
  heading.id = id;
  card.setAttribute("aria-labelledby", id);
  card.querySelector("progress")?.setAttribute("aria-label", texts.progress(title(s)));
  fill(card, { title: title(s), id: s.sessionId, by: s.startedBy });
  setTime(card, "started", s.startedAt);
  action(card, "cancel").addEventListener("click", () => askToCancel(s.sessionId));
  const address = href(`sessions/${s.sessionId}`);
  if (dismiss) {
    for (const link of card.querySelectorAll("a")) link.href = address;
    action(card, "dismiss").addEventListener("click", dismiss);
  } else {
    card.dataset.alone = "true";
  }
  const code = /** @type {HTMLElement} */ (card.querySelector("code"));
  action(card, "copy").addEventListener("click", () => copy(s.sessionId, code));
  all.set(card, s.sessionId);
  updateCard(card, s);
  return card;
}

/** @param {HTMLElement} card @param {Session} s */
export function updateCard(card, s) {
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
    speed: speed(s) ?? texts.notKnownYet,
    left: s.estimatedTimeRemaining === null ? (active ? texts.notKnownYet : texts.finishedAfter(lasted(s))) : texts.about(duration(s.estimatedTimeRemaining)),
    verdict: s.health.verdict,
    reason: [s.health.reason, unconfirmed(s)].filter(Boolean).join("; "),
    ...ages(s),
  });
  const bar = /** @type {HTMLProgressElement} */ (card.querySelector("progress"));
  if (s.totalRecords === null && active) bar.removeAttribute("value");
  else bar.value = s.progress;
  if (!active) passFocus(action(card, "cancel"), card);
  action(card, "cancel").hidden = !active;
}

/** @param {Session} s */
function ages(s) {
  return { commit: ago(s.lastCommitAt), source: ago(s.lastSourceAt) };
}
