// Puts sessions into words.

import { bytes, duration, number } from "./format.js";
import { committed, isActive } from "./sessions.js";
import { texts } from "./texts/common.js";

/** @typedef {import("fullsync-api").components["schemas"]} Schemas */
/** @typedef {Schemas["Session"]} Session */

/**
 * What a session does, seen from this node.
 * @typedef {"pull" | "push" | "incoming" | "revert" | "import"} Way
 */

/** @param {Session} s @returns {Way} */
export function way(s) {
  return s.incoming ? "incoming" : s.direction;
}

/** @param {Session} s */
export function title(s) {
  const sync = {
    pull: texts.pullFromIntoCatalog(s.sourceNodeId, s.catalog),
    push: texts.pushToFromCatalog(s.targetNodeId, s.catalog),
    incoming: texts.pushedHereByIntoCatalog(s.sourceNodeId, s.catalog),
    revert: texts.revertOfInCatalog(s.revertOf, s.catalog),
    import: texts.importIntoCatalog(s.catalog),
  }[way(s)];
  return s.options.dryRun ? texts.dryRunOf(s.direction === "import" ? texts.an : texts.a, sync) : sync;
}

/** How far it has got, including the earlier sessions if it resumed one. @param {Session | Schemas["Receipt"]} s */
export function products(s) {
  const done = committed(s) + s.resumedRecords;
  const text = s.totalRecords === null ? texts.countProducts(done) : texts.nOf(number(done), texts.countProducts(s.totalRecords));
  return s.resumedRecords ? texts.ofThemBeforeItResumed(text, number(s.resumedRecords)) : text;
}

/** How far it has got, and what it has changed. @param {Session | Schemas["Receipt"]} s */
export function outcome(s) {
  const parts = [
    [s.created, texts.new],
    [s.updated, texts.changed],
    [s.unchanged, texts.unchanged],
    [s.deleted, texts.removed],
    [s.rejected, texts.refused],
  ];
  const changes = parts.filter(([n]) => n).map(([n, what]) => `${number(Number(n))} ${what}`).join(", ");
  return changes ? `${products(s)}: ${changes}` : products(s);
}

/** How long it took. The browser's clock may be wrong, so there is no number while it is running. @param {Session} s */
export function lasted(s) {
  if (isActive(s) || !s.completedAt) return texts.stillRunning;
  return duration((Date.parse(s.completedAt) - Date.parse(s.startedAt)) / 1_000);
}

/** How fast it is, null while unknown. @param {Session} s */
export function speed(s) {
  if (s.recordsPerSecond === null || s.transferSpeed === null) return null;
  return texts.perSecond(texts.countProducts(Math.round(s.recordsPerSecond)), bytes(s.transferSpeed));
}

/**
 * How a session should look: like its status, unless it is COMPLETED and has left something undone.
 * @param {Session} s
 */
export function tone(s) {
  if (s.outcome === "planned") return "PLANNED";
  return s.outcome === null || s.outcome === "clean" ? s.status : "PARTLY";
}

/** What went wrong or was left undone; "" if all is well or somebody cancelled it. @param {Session} s */
export function why(s) {
  return (s.status !== "CANCELLED" && s.errorMessage) || unconfirmed(s);
}

/** Of a cancelled push whose target may not know of it yet; otherwise "". @param {Session} s */
export function unconfirmed(s) {
  return s.targetConfirmed === false ? texts.notConfirmedByYet(s.targetNodeId) : "";
}

/** @param {{startedBy: string, cancelledBy: string | null}} s */
export function who(s) {
  return s.cancelledBy ? texts.cancelledBy(s.startedBy, s.cancelledBy) : s.startedBy;
}
