// How long ago something was, by the clock of the node's database. The clock of a browser may be wrong, so it plays no part: the
// times of the sessions tell what the time is there, and from then on the browser only counts.

import { duration } from "./format.js";

/** The database's time when this page was opened, in milliseconds, as far as is known. */
let origin = -Infinity;

/**
 * Learns what the time is from the latest time that a session tells of. A worker that lives tells of one every few seconds.
 * @param {import("fullsync-api").components["schemas"]["Session"]} s
 */
export function learnTime(s) {
  for (const time of [s.startedAt, s.lastHeartbeatAt, s.lastCommitAt, s.lastSourceAt]) {
    if (time) origin = Math.max(origin, Date.parse(time) - performance.now());
  }
}

/** @param {string | null} time a time as the API writes it */
export function ago(time) {
  if (!time) return "not yet";
  return `${duration(Math.max(0, Math.floor((origin + performance.now() - Date.parse(time)) / 1_000)))} ago`;
}
