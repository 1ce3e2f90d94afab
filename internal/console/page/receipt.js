// The receipt of a session that has ended.

import { call } from "./api.js";
import { busy } from "./busy.js";
import { confirm } from "./confirm.js";
import { lasted, outcome, title, unconfirmed, way } from "./describe.js";
import { offerDeletes } from "./deletes.js";
import { byId, make } from "./dom.js";
import { bytes, count, number, time } from "./format.js";
import { copy, say } from "./message.js";
import { offerRejects } from "./rejects.js";
import { go } from "./route.js";
import { put } from "./sessions.js";
import { applyPlan, newKey, startPlanned } from "./start.js";

/** @typedef {import("fullsync-api").components["schemas"]} Schemas */

const section = byId("receipt", HTMLElement);
const heading = byId("receipt-title", HTMLElement);
const facts = byId("receipt-facts", HTMLElement);
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
byId("receipt-copy", HTMLButtonElement).addEventListener("click", () => void copy(sessionId, facts.querySelector("code") ?? facts));
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
  heading.textContent = `Receipt: ${receipt.status}`;
  byId("receipt-statement", HTMLElement).textContent = receipt.statement;
  resumeButton.hidden = receipt.status === "COMPLETED" || session.incoming || session.options.dryRun; // only the pushing node can resume a push
  shown = session;
  realButton.hidden = applyButton.hidden = session.outcome !== "planned";
  revertButton.hidden = !session.changesKept || session.options.dryRun || touched(session) === 0;
  show({
    Sync: title(session),
    Products: outcome(receipt),
    [receipt.status === "COMPLETED" ? "Left undone" : "Why it ended"]: receipt.errorMessage,
    Cancel: unconfirmed(session),
    Started: `${time(receipt.startedAt)} by ${receipt.startedBy}`,
    Ended: `${time(receipt.completedAt)}, after ${lasted(session)}`,
    Batches: `${count(receipt.batches, "batch", "batches")}, ${bytes(receipt.transferredBytes)}`,
    "Product ids": receipt.firstKey === null ? null : `${receipt.firstKey} to ${receipt.lastKey}`,
    "Why everything was read": receipt.readWhole,
    Repaired: receipt.repaired ? `${count(receipt.repaired, "stored hash", "stored hashes")} did not fit the product` : null,
    [receipt.deleted ? "Content compared, before the deletes" : "Content compared"]: certificates(receipt.certificates),
    "Resumed from": receipt.resumedFrom,
    Plan: session.planId && `It applied the dry run ${session.planId}`,
    "Put back by": session.revertedBy,
    Workers: workers(receipt),
    Session: receipt.sessionId,
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
  return [s.created && `${number(s.created)} new`, s.updated && `${number(s.updated)} changed`, s.deleted && `${number(s.deleted)} removed`].filter(Boolean).join(", ");
}

/** @param {Schemas["Session"]} s */
function askToApply(s) {
  const where = way(s) === "push" ? `at ${s.targetNodeId}` : `in catalog ${s.catalog}`;
  const changes = touched(s) ? `It changes ${count(touched(s), "product")} ${where}: ${parts(s)}.` : `It changes no product ${where}.`;
  const withheld = s.deletesWithheld ? ` ${count(s.deletesWithheld, "product is", "products are")} missing at the source, and the guard withholds their deletes.` : "";
  confirm({
    title: "Apply exactly this?",
    text: `${changes}${withheld} If either side is no longer as the dry run saw it, nothing is written.`,
    safe: "Do not apply it",
    go: touched(s) ? `Change ${count(touched(s), "product")}` : "Apply it",
    work: () => applyPlan(s),
  });
}

/** @param {Schemas["Session"]} s */
function askToRevert(s) {
  const key = newKey();
  const all = count(touched(s), "product");
  confirm({
    title: `Put back ${all}?`,
    text:
      `The ${title(s)} changed ${all} in catalog ${s.catalog}: ${parts(s)}. What it changed or removed becomes what it was, and what was new is removed. ` +
      "Products that were changed since then stay as they are.",
    safe: "Leave them",
    go: `Put back ${all}`,
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
  if (source && target && source.sha256 === target.sha256) return `Both sides hold the same ${count(source.products, "product")}: SHA-256 ${source.sha256}`;
  /** @param {typeof source} side */
  const say = (side) => (side ? `${count(side.products, "product")}, SHA-256 ${side.sha256}` : "not known");
  return `The source: ${say(source)}. The target: ${say(target)}`;
}

/** @param {Schemas["Receipt"]} receipt */
function workers(receipt) {
  const lost = receipt.takeovers.map((t) => `lost worker ${t.worker} after ${count(t.batches, "batch", "batches")}`);
  return [count(receipt.attempts, "attempt"), receipt.retries && count(receipt.retries, "retry", "retries"), ...lost].filter(Boolean).join(", ");
}

/** @param {Record<string, string | null>} texts */
function show(texts) {
  facts.replaceChildren();
  for (const [name, text] of Object.entries(texts)) {
    if (!text) continue;
    const value = name === "Session" ? make("code", {}, text) : text;
    facts.append(make("div", {}, make("dt", {}, name), make("dd", {}, value)));
  }
}
