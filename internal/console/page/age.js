// How long ago something was, by the clock of the node's database. The browser's clock may be wrong, so it is not used: the times
// in the sessions say what time it is there, and from then on the browser only counts.

import { duration } from "./format.js";
import { texts } from "./texts/common.js";

/** The database's time when this page was opened, in milliseconds, as far as we know. */
let origin = -Infinity;

/**
 * Learns what time it is from the latest time in a session. A live worker sets a new one every few seconds.
 * @param {import("fullsync-api").components["schemas"]["Session"]} s
 */
export function learnTime(s) {
  for (const time of [s.startedAt, s.lastHeartbeatAt, s.lastCommitAt, s.lastSourceAt]) {
    if (time) origin = Math.max(origin, Date.parse(time) - performance.now());
  }
}

/** @param {string | null} time a time as the API writes it */
export function ago(time) {
  if (!time) return texts.notYet;
  return texts.ago(duration(Math.max(0, Math.floor((origin + performance.now() - Date.parse(time)) / 1_000))));
}
