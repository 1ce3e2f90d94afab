// The list of sessions, newest first: all that fit the filters on a page of their own, loaded page by page as you scroll, and the
// newest on the overview.

import { busy } from "./busy.js";
import { askToCancel } from "./cancel.js";
import { call } from "./api.js";
import { lasted, outcome, title, tone, who, why } from "./describe.js";
import { action, byId, copyOf, fill, mainHeading, passFocus, setTime } from "./dom.js";
import { matches, showFilters } from "./filters.js";
import { go, href } from "./route.js";
import { isActive, knownSessions, onSession, put, sessionOf } from "./sessions.js";
import { texts } from "./texts/common.js";

/** @typedef {import("fullsync-api").components["schemas"]} Schemas */
/** @typedef {Schemas["Session"]} Session */

const table = byId("history-table", HTMLTableElement);
const rows = byId("history-rows", HTMLTableSectionElement);
const more = byId("history-more", HTMLButtonElement);
const empty = byId("history-empty", HTMLElement);
const problem = byId("history-problem", HTMLElement);

/** The filters. */
let query = new URLSearchParams();
/** Whether all pages can be seen, and not just the first. */
let whole = false;
/** The next page; empty before the first one, null after the last. @type {string | null} */
let nextPage = "";
/** Raised by every reload, so that answers to earlier questions are dropped. */
let generation = 0;

more.addEventListener("click", () => void busy(more, problem, loadPage));
const scrolled = new IntersectionObserver(([entry]) => entry?.isIntersecting && more.click());
onSession((s) => place(s, false));

/** @type {import("./route.js").View} */
export const sessionList = {
  path: "sessions",
  label: texts.sessions,
  show(_, asked) {
    showHistory(showFilters(asked), true);
    return texts.sessions;
  },
};

/** Shows the newest sessions. */
export function showNewest() {
  showHistory(new URLSearchParams(), false);
}

/** @param {URLSearchParams} wanted @param {boolean} all */
function showHistory(wanted, all) {
  const same = wanted.toString() === query.toString();
  byId("history-title", HTMLElement).textContent = all ? texts.sessions : texts.recentSessions;
  whole = all;
  query = wanted;
  if (generation === 0 || !same) void reloadHistory();
  else offerMore();
}

/** Starts again with the first page. */
export async function reloadHistory() {
  generation++;
  nextPage = "";
  await busy(more, problem, loadPage);
  if (nextPage === "") more.hidden = false; // it failed, and this button tries again
}

function offerMore() {
  more.hidden = !whole || nextPage === null;
  scrolled.disconnect(); // observing it again says at once whether it is still in view
  scrolled.observe(more);
}

async function loadPage() {
  if (nextPage === null) return;
  const asked = generation;
  /** @type {Schemas["SessionListResponse"]} */
  const page = await call("GET", `/api/admin/sync/full-sync?${new URLSearchParams([...query, ["pageToken", nextPage]])}`);
  if (asked !== generation) return loadPage();
  const first = nextPage === "";
  const focused = document.activeElement;
  const row = first && focused && rows.contains(focused) ? focused.closest("tr")?.id : undefined;
  if (first) rows.replaceChildren();
  nextPage = page.nextPageToken;
  for (const s of page.sessions) {
    put(s);
    place(sessionOf(s.sessionId) ?? s, true);
  }
  if (first) for (const s of knownSessions()) place(s, false); // some may have come while the page was loading
  if (row) (document.getElementById(row)?.querySelector("a") ?? mainHeading()).focus({ preventScroll: true });
  if (nextPage === null) passFocus(more, rows.querySelector("tr:last-child a") ?? mainHeading());
  offerMore();
  showEmptiness();
}

/**
 * Shows a session in its place, if the filter lets it through and its place is on the loaded pages.
 * @param {Session} s
 * @param {boolean} loaded whether it comes from such a page
 */
function place(s, loaded) {
  const old = document.getElementById(`history-${s.sessionId}`);
  const next = [...rows.rows].find((row) => (row.dataset.position ?? "") < position(s));
  if (!matches(s, query)) {
    if (old) passFocus(old, mainHeading());
    old?.remove();
  } else if (old) update(old, s);
  else if (loaded || next || nextPage === null) rows.insertBefore(newRow(s), next ?? null);
  showEmptiness();
}

/**
 * A session's place in the history, as text: by its start, more precisely than a Date can be, then by its id.
 * @param {Session} s
 */
function position(s) {
  const [, second, fraction = ""] = /^([^.Z]*)(?:\.(\d+))?Z$/.exec(s.startedAt) ?? [];
  return `${second}.${fraction.padEnd(9, "0")} ${s.sessionId}`;
}

function showEmptiness() {
  table.hidden = rows.rows.length === 0;
  empty.hidden = !table.hidden;
  empty.textContent = query.size ? texts.noSessionFitsTheseFilters : texts.noSyncHasRunHere;
}

/** @param {Session} s */
function newRow(s) {
  const row = copyOf("history-row");
  row.id = `history-${s.sessionId}`;
  row.dataset.position = position(s);
  fill(row, { sync: title(s) });
  setTime(row, "started", s.startedAt);
  action(row, "cancel").addEventListener("click", () => askToCancel(s.sessionId));
  link(row).href = href(`sessions/${s.sessionId}`);
  row.addEventListener("click", (event) => {
    const pressed = event.target instanceof Element && event.target.closest("a, button");
    const copying = getSelection()?.type === "Range" && getSelection()?.containsNode(row, true);
    if (pressed || copying) return;
    link(row).focus({ preventScroll: true }); // so that the focus comes back to it
    go(`sessions/${s.sessionId}`);
  });
  update(row, s);
  return row;
}

/** The way to the session of a row. @param {HTMLElement} row */
function link(row) {
  return /** @type {HTMLAnchorElement} */ (row.querySelector("a"));
}

/** @param {HTMLElement} row @param {Session} s */
function update(row, s) {
  row.dataset.tone = tone(s);
  const open = link(row);
  open.setAttribute("aria-label", isActive(s) ? texts.showTheSync(s.status) : texts.showTheReceipt(s.status));
  fill(row, {
    status: s.status,
    products: outcome(s),
    why: why(s),
    duration: lasted(s),
    who: who(s),
  });
  if (!isActive(s)) passFocus(action(row, "cancel"), open);
  action(row, "cancel").hidden = !isActive(s);
}
