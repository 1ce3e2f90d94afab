// Draws how fast a session was while this page watched it.

import { byId } from "./dom.js";
import { number } from "./format.js";
import { isActive, onSession } from "./sessions.js";
import { texts } from "./texts/common.js";

/** @typedef {import("fullsync-api").components["schemas"]["Session"]} Session */

const mostPoints = 400; // of one session; then every second one goes
const width = 600;
const height = 120;

/** What was seen, by session: when, in milliseconds, and products per second. @type {Map<string, {at: number, speed: number}[]>} */
const seen = new Map();

onSession((s) => {
  if (!isActive(s) || s.recordsPerSecond === null) return;
  const points = seen.get(s.sessionId) ?? [];
  points.push({ at: performance.now(), speed: s.recordsPerSecond });
  seen.set(s.sessionId, points.length > mostPoints ? points.filter((_, i) => i % 2 === 0) : points);
});

/** @param {Session} s */
export function showSpeed(s) {
  const points = seen.get(s.sessionId) ?? [];
  const first = points[0];
  const last = points.at(-1);
  byId("speed", HTMLElement).hidden = points.length < 2;
  if (!first || !last || points.length < 2) return;
  const peak = Math.max(...points.map((p) => p.speed), 1);
  const span = Math.max(last.at - first.at, 1);
  const line = points.map((p) => `${round(((p.at - first.at) / span) * width)} ${round(height - (p.speed / peak) * (height - 4))}`).join(" L ");
  document.getElementById("speed-line")?.setAttribute("d", `M ${line}`);
  document.getElementById("speed-area")?.setAttribute("d", `M 0 ${height} L ${line} L ${width} ${height} Z`);
  const now = isActive(s) ? texts.now(number(Math.round(last.speed))) : "";
  byId("speed-text", HTMLElement).textContent = texts.speedSinceThisPageWatches(texts.countProducts(Math.round(peak)), now);
}

/** @param {number} n */
function round(n) {
  return Math.round(n * 10) / 10;
}
