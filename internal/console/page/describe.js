// A session in words.

import { bytes, count, duration, number } from "./format.js";
import { isActive } from "./sessions.js";

/** @typedef {import("fullsync-api").components["schemas"]} Schemas */
/** @typedef {Schemas["Session"]} Session */

/** @param {{direction: string, sourceNodeId: string, catalog: string}} s */
export function title(s) {
  return `${s.direction} from ${s.sourceNodeId} into catalog ${s.catalog}`;
}

/** How far it has come, with what the sessions before had done where it went on from one. @param {Session | Schemas["Receipt"]} s */
export function products(s) {
  const done = s.transferredRecords + s.resumedRecords;
  const text = s.totalRecords === null ? count(done, "product") : `${number(done)} of ${count(s.totalRecords, "product")}`;
  return s.resumedRecords ? `${text}, ${number(s.resumedRecords)} of them before it went on` : text;
}

/** How far it has come, and what that has changed here. @param {Session | Schemas["Receipt"]} s */
export function outcome(s) {
  const parts = [
    [s.created, "new"],
    [s.updated, "changed"],
    [s.unchanged, "unchanged"],
    [s.deleted, "removed"],
    [s.rejected, "refused"],
  ];
  const changes = parts.filter(([n]) => n).map(([n, what]) => `${number(Number(n))} ${what}`).join(", ");
  return changes ? `${products(s)}: ${changes}` : products(s);
}

/** How long it took. The clock of a browser may be wrong, so a session that still runs gets no number. @param {Session} s */
export function lasted(s) {
  if (isActive(s) || !s.completedAt) return "still running";
  return duration((Date.parse(s.completedAt) - Date.parse(s.startedAt)) / 1_000);
}

/** How fast it goes, null while nobody knows. @param {Session} s */
export function speed(s) {
  if (s.recordsPerSecond === null || s.transferSpeed === null) return null;
  return `${count(Math.round(s.recordsPerSecond), "product")}/s, ${bytes(s.transferSpeed)}/s`;
}

/**
 * How a session is to be looked at: by its status, except that a COMPLETED one may have left something undone.
 * @param {Session} s
 */
export function tone(s) {
  return s.outcome === null || s.outcome === "clean" ? s.status : "PARTLY";
}

/** What went wrong, or was left undone; "" where all is well, and where somebody cancelled it. @param {Session} s */
export function why(s) {
  return (s.status !== "CANCELLED" && s.errorMessage) || "";
}

/** @param {{startedBy: string, cancelledBy: string | null}} s */
export function who(s) {
  return s.cancelledBy ? `${s.startedBy}; cancelled by ${s.cancelledBy}` : s.startedBy;
}
