// The receipt of a session that has ended.

import { call } from "./api.js";
import { busy } from "./busy.js";
import { confirm } from "./confirm.js";
import { lasted, outcome, title, unconfirmed, way } from "./describe.js";
import { offerDeletes } from "./deletes.js";
import { byId, make } from "./dom.js";
import { bytes, number, time } from "./format.js";
import { copy, say } from "./message.js";
import { offerRejects } from "./rejects.js";
import { go } from "./route.js";
import { put } from "./sessions.js";
import { applyPlan, newKey, startPlanned } from "./start.js";
import { newFacts } from "./views.js";
import { texts } from "./texts/common.js";

/** @typedef {import("fullsync-api").components["schemas"]} Schemas */

const section = byId("receipt", HTMLElement);
const heading = byId("receipt-title", HTMLElement);
const facts = newFacts(byId("receipt-facts", HTMLDListElement));
const problem = byId("receipt-problem", HTMLElement);
const resumeButton = byId("receipt-resume", HTMLButtonElement);

const realButton = byId("receipt-real", HTMLButtonElement);
const applyButton = byId("receipt-apply", HTMLButtonElement);
const revertButton = byId("receipt-revert", HTMLButtonElement);

let sessionId = "";
/** The session whose receipt is shown. @type {Schemas["Session"] | undefined} */
let shown;

realButton.addEventListener("click", () => busy(realButton, problem, async () => shown && startPlanned(shown)));
applyButton.addEventListener("click", () => shown && askToApply(shown));
revertButton.addEventListener("click", () => shown && askToRevert(shown));

byId("receipt-print", HTMLButtonElement).addEventListener("click", () => print());
byId("receipt-copy", HTMLButtonElement).addEventListener("click", () => void copy(sessionId, facts.list.querySelector("code") ?? facts.list));
resumeButton.addEventListener("click", () =>
  busy(resumeButton, problem, async () => {
    /** @type {Schemas["StartResponse"]} */
    const resumed = await call("POST", `/api/admin/sync/full-sync/${sessionId}/resume`, {});
    put(resumed.session);
    go(`sessions/${resumed.sessionId}`);
    say("success", resumed.message);
  }),
);

/** Hides the receipt, because the session that is shown has none yet. */
export function hideReceipt() {
  section.hidden = true;
}

/**
 * Shows the receipt of a session that has ended.
 * @param {Schemas["Session"]} session
 * @param {Schemas["Receipt"]} receipt
 */
export function showReceipt(session, receipt) {
  section.hidden = false;
  sessionId = receipt.sessionId;
  problem.textContent = "";
  heading.textContent = texts.receipt(receipt.status);
  byId("receipt-statement", HTMLElement).textContent = receipt.statement;
  resumeButton.hidden = receipt.status === "COMPLETED" || session.incoming || session.options.dryRun; // only the pushing node can resume a push
  shown = session;
  applyButton.hidden = session.outcome !== "planned";
  realButton.hidden = applyButton.hidden || session.direction === "import"; // that wants the file again
  revertButton.hidden = !session.changesKept || session.options.dryRun || touched(session) === 0;
  facts.show({
    [texts.sync]: title(session),
    [texts.products]: outcome(receipt),
    [receipt.status === "COMPLETED" ? texts.leftUndone : texts.whyItEnded]: receipt.errorMessage,
    [texts.cancel]: unconfirmed(session),
    [texts.started]: texts.by(time(receipt.startedAt), receipt.startedBy),
    [texts.ended]: texts.after(time(receipt.completedAt), lasted(session)),
    [texts.batches]: `${texts.countBatches(receipt.batches)}, ${bytes(receipt.transferredBytes)}`,
    [texts.productIds]: receipt.firstKey === null ? null : texts.toOfFirstKey(receipt.firstKey, receipt.lastKey),
    [texts.whyEverythingWasRead]: receipt.readWhole,
    [texts.repaired]: receipt.repaired ? texts.didNotFitTheProduct(texts.countStoredHashes(receipt.repaired)) : null,
    [receipt.deleted ? texts.contentComparedBeforeTheDeletes : texts.contentCompared]: certificates(receipt.certificates),
    [texts.resumedFrom]: receipt.resumedFrom,
    [texts.plan]: session.planId && texts.itAppliedTheDryRun(session.planId),
    [texts.putBackBy]: session.revertedBy,
    [texts.workers]: workers(receipt),
    [texts.session]: make("code", {}, receipt.sessionId),
  });
  offerRejects(receipt);
  offerDeletes(receipt, session);
}

/** How many products a session changed, or would change. @param {Schemas["Session"]} s */
function touched(s) {
  return s.created + s.updated + s.deleted;
}

/** What a session did, or would do, to how many products. @param {Schemas["Session"]} s */
function parts(s) {
  return [s.created && texts.newOfCreated(number(s.created)), s.updated && texts.changedOfUpdated(number(s.updated)), s.deleted && texts.removedOfDeleted(number(s.deleted))].filter(Boolean).join(", ");
}

/** @param {Schemas["Session"]} s */
function askToApply(s) {
  const where = way(s) === "push" ? texts.atLower(s.targetNodeId) : texts.inCatalog(s.catalog);
  const changes = touched(s) ? texts.itChanges(texts.countProducts(touched(s)), where, parts(s)) : texts.itChangesNoProduct(where);
  const withheld = s.deletesWithheld ? texts.missingAtTheSourceAnd(texts.countProductsAre(s.deletesWithheld)) : "";
  confirm({
    title: texts.applyExactlyThis,
    text: texts.ifEitherSideIsNo(changes, withheld),
    safe: texts.doNotApplyIt,
    go: touched(s) ? texts.changeOfProducts(texts.countProducts(touched(s))) : texts.applyIt,
    work: () => applyPlan(s),
  });
}

/** @param {Schemas["Session"]} s */
function askToRevert(s) {
  const key = newKey();
  const all = texts.countProducts(touched(s));
  confirm({
    title: texts.putBack(all),
    text:
      texts.theChangedInCatalogWhat(title(s), all, s.catalog, parts(s)),
    safe: texts.leaveThem,
    go: texts.putBackOfAll(all),
    async work() {
      /** @type {Schemas["StartResponse"]} */
      const started = await call("POST", `/api/admin/sync/full-sync/${s.sessionId}/revert`, {}, { "Idempotency-Key": key });
      put(started.session);
      go(`sessions/${started.sessionId}`);
      say("success", started.message);
    },
  });
}

/** What a verification says about both sides; null without one. @param {Schemas["Receipt"]["certificates"]} found */
function certificates(found) {
  if (!found) return null;
  const { source, target } = found;
  if (source && target && source.sha256 === target.sha256) return texts.bothSidesHoldTheSame(texts.countProducts(source.products), source.sha256);
  /** @param {typeof source} side */
  const say = (side) => (side ? texts.sha256(texts.countProducts(side.products), side.sha256) : texts.notKnown);
  return texts.theSourceTheTarget(say(source), say(target));
}

/** @param {Schemas["Receipt"]} receipt */
function workers(receipt) {
  const lost = receipt.takeovers.map((t) => texts.lostWorkerAfter(t.worker, texts.countBatches(t.batches)));
  return [texts.countAttempts(receipt.attempts), receipt.retries && texts.countRetries(receipt.retries), ...lost].filter(Boolean).join(", ");
}
