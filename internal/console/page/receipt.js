// The receipt of a session that has ended.

import { call } from "./api.js";
import { busy } from "./busy.js";
import { lasted, outcome, title, unconfirmed } from "./describe.js";
import { offerDeletes } from "./deletes.js";
import { byId, make } from "./dom.js";
import { bytes, count, time } from "./format.js";
import { copy, say } from "./message.js";
import { offerRejects } from "./rejects.js";
import { go } from "./route.js";
import { put } from "./sessions.js";
import { startPlanned } from "./start.js";

/** @typedef {import("fullsync-api").components["schemas"]} Schemas */

const section = byId("receipt", HTMLElement);
const heading = byId("receipt-title", HTMLElement);
const facts = byId("receipt-facts", HTMLElement);
const problem = byId("receipt-problem", HTMLElement);
const resumeButton = byId("receipt-resume", HTMLButtonElement);

const realButton = byId("receipt-real", HTMLButtonElement);

let sessionId = "";
/** Starts what a dry run has tried. @type {() => Promise<void>} */
let real = async () => {};

realButton.addEventListener("click", () => busy(realButton, problem, () => real()));

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
  realButton.hidden = session.outcome !== "planned";
  real = () => startPlanned(session);
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
    Workers: workers(receipt),
    Session: receipt.sessionId,
  });
  offerRejects(receipt);
  offerDeletes(receipt, session);
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
