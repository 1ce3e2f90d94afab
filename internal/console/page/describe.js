// Puts sessions into words.

import { bytes, count, duration, number } from "./format.js";
import { isActive } from "./sessions.js";

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
    pull: `pull from ${s.sourceNodeId} into catalog ${s.catalog}`,
    push: `push to ${s.targetNodeId} from catalog ${s.catalog}`,
    incoming: `pushed here by ${s.sourceNodeId} into catalog ${s.catalog}`,
    revert: `revert of ${s.revertOf} in catalog ${s.catalog}`,
    import: `import into catalog ${s.catalog}`,
  }[way(s)];
  return s.options.dryRun ? `dry run of ${s.direction === "import" ? "an" : "a"} ${sync}` : sync;
}

/** How far it has got, including the earlier sessions if it resumed one. @param {Session | Schemas["Receipt"]} s */
export function products(s) {
  const done = s.transferredRecords + s.resumedRecords;
  const text = s.totalRecords === null ? count(done, "product") : `${number(done)} of ${count(s.totalRecords, "product")}`;
  return s.resumedRecords ? `${text}, ${number(s.resumedRecords)} of them before it resumed` : text;
}

/** How far it has got, and what it has changed. @param {Session | Schemas["Receipt"]} s */
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

/** How long it took. The browser's clock may be wrong, so there is no number while it is running. @param {Session} s */
export function lasted(s) {
  if (isActive(s) || !s.completedAt) return "still running";
  return duration((Date.parse(s.completedAt) - Date.parse(s.startedAt)) / 1_000);
}

/** How fast it is, null while unknown. @param {Session} s */
export function speed(s) {
  if (s.recordsPerSecond === null || s.transferSpeed === null) return null;
  return `${count(Math.round(s.recordsPerSecond), "product")}/s, ${bytes(s.transferSpeed)}/s`;
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
  return s.targetConfirmed === false ? `not confirmed by ${s.targetNodeId} yet` : "";
}

/** @param {{startedBy: string, cancelledBy: string | null}} s */
export function who(s) {
  return s.cancelledBy ? `${s.startedBy}; cancelled by ${s.cancelledBy}` : s.startedBy;
}
