// The page of one session: what it does now, how fast it was, its receipt, and what has happened to it.

import { newCard, updateCard } from "./card.js";
import { offerChanges } from "./changes.js";
import { title } from "./describe.js";
import { byId } from "./dom.js";
import { sentenceOf } from "./message.js";
import { hideReceipt, showReceipt } from "./receipt.js";
import { entitle, isShown } from "./route.js";
import { isActive, load, onSession, sessionOf } from "./sessions.js";
import { showSpeed } from "./speed.js";
import { showTrail } from "./trail.js";
import { texts } from "./texts/common.js";

/** @typedef {import("fullsync-api").components["schemas"]["Session"]} Session */

const path = "sessions/*";
const place = byId("session-card", HTMLElement);
const problem = byId("session-problem", HTMLElement);

let id = "";
/** @type {HTMLElement | undefined} */
let card;
/** The session that is being asked for, and the one whose receipt is shown. */
let asking = "";
let receiptOf = "";
/** Whether the node could not say what was asked last. */
let failed = false;

/** @type {import("./route.js").View} */
export const sessionPage = {
  path,
  show([, asked = ""]) {
    if (asked !== id) {
      id = asked;
      receiptOf = "";
      card = undefined;
      place.replaceChildren();
      failed = false;
      problem.textContent = "";
      hideReceipt();
      showTrail();
    }
    const known = sessionOf(id);
    if (known) show(known);
    void ask();
    return known ? `${known.status}: ${title(known)}` : texts.session;
  },
};

onSession((s) => {
  if (!isShown(path) || s.sessionId !== id) return;
  show(s);
  if (isActive(s)) return;
  receiptOf = ""; // it may say more by now, such as that the target has confirmed a cancel
  void ask();
});

/** @param {Session} s */
function show(s) {
  if (!card) place.replaceChildren((card = newCard(s)));
  updateCard(card, s);
  showSpeed(s);
  offerChanges(s);
  showTrail(s);
  entitle(`${s.status}: ${title(s)}`);
}

/** Asks for the session and its receipt, which no event brings. */
async function ask() {
  const asked = id;
  if (asking === asked || receiptOf === asked) return;
  asking = asked;
  try {
    const { session, receipt } = await load(encodeURIComponent(asked));
    if (asked === id && receipt) {
      receiptOf = asked;
      showReceipt(session, receipt);
      showTrail(session, receipt);
    }
  } catch (failure) {
    if (asked === id) {
      failed = true;
      problem.textContent = sentenceOf(failure);
    }
  } finally {
    if (asking === asked) asking = "";
  }
  const now = sessionOf(id);
  if (now && !isActive(now) && receiptOf !== id && !failed) void ask(); // it has ended since the node answered
}
