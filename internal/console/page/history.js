// The history: sessions, newest first, loaded page by page as you scroll.

import { busy } from "./busy.js";
import { askToCancel } from "./cancel.js";
import { call } from "./api.js";
import { showCard } from "./cards.js";
import { lasted, outcome, title, tone, who, why } from "./describe.js";
import { action, byId, copyOf, fill, passFocus } from "./dom.js";
import { time } from "./format.js";
import { showReceipt } from "./receipt.js";
import { isActive, knownSessions, onSession, put, sessionOf } from "./sessions.js";

/** @typedef {import("fullsync-api").components["schemas"]} Schemas */
/** @typedef {Schemas["Session"]} Session */

const table = byId("history-table", HTMLTableElement);
const rows = byId("history-rows", HTMLTableSectionElement);
const filter = byId("history-filter", HTMLSelectElement);
const more = byId("history-more", HTMLButtonElement);
const empty = byId("history-empty", HTMLElement);
const problem = byId("history-problem", HTMLElement);

/** The next page; empty before the first one, null after the last. @type {string | null} */
let nextPage = "";
/** Raised by every reload, so that answers to earlier questions are dropped. */
let generation = 0;

filter.addEventListener("change", () => void reloadHistory());
more.addEventListener("click", () => void busy(more, problem, loadPage));
const scrolled = new IntersectionObserver(([entry]) => entry?.isIntersecting && more.click());
onSession((s) => place(s, false));

/** Starts again with the first page. */
export async function reloadHistory() {
  generation++;
  nextPage = "";
  await busy(more, problem, loadPage);
  if (nextPage === "") more.hidden = false; // it failed, and this button tries again
}

async function loadPage() {
  if (nextPage === null) return;
  const asked = generation;
  const query = new URLSearchParams({ pageToken: nextPage });
  for (const status of filter.value.split(" ").filter(Boolean)) query.append("status", status);
  /** @type {Schemas["SessionListResponse"]} */
  const page = await call("GET", `/api/admin/sync/full-sync?${query}`);
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
  if (row) (document.getElementById(row)?.querySelector("button") ?? filter).focus({ preventScroll: true });
  if (nextPage === null) passFocus(more, rows.querySelector("tr:last-child button") ?? filter);
  more.hidden = nextPage === null;
  scrolled.disconnect(); // observing it again says at once whether it is still in view
  scrolled.observe(more);
  showEmptiness();
}

/**
 * Shows a session in its place, if the filter lets it through and its place is on the loaded pages.
 * @param {Session} s
 * @param {boolean} loaded whether it comes from such a page
 */
function place(s, loaded) {
  const old = document.getElementById(`history-${s.sessionId}`);
  const fits = !filter.value || filter.value.split(" ").includes(s.status);
  const next = [...rows.rows].find((row) => (row.dataset.position ?? "") < position(s));
  if (!fits) {
    if (old) passFocus(old, filter);
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
  empty.textContent = filter.value ? "No session has this status." : "No sync has run here yet.";
}

/** @param {Session} s */
function newRow(s) {
  const row = copyOf("history-row");
  row.id = `history-${s.sessionId}`;
  row.dataset.position = position(s);
  fill(row, { sync: title(s), started: time(s.startedAt) });
  const open = () => {
    const now = sessionOf(s.sessionId) ?? s;
    action(row, "receipt").focus({ preventScroll: true }); // so that the focus comes back to it
    if (isActive(now)) showCard(s.sessionId);
    else void showReceipt(s.sessionId);
  };
  action(row, "cancel").addEventListener("click", () => askToCancel(s.sessionId));
  row.addEventListener("click", (event) => {
    const button = event.target instanceof Element && event.target.closest("button");
    const copying = getSelection()?.type === "Range" && getSelection()?.containsNode(row, true);
    if (button ? button === action(row, "receipt") : !copying) open();
  });
  update(row, s);
  return row;
}

/** @param {HTMLElement} row @param {Session} s */
function update(row, s) {
  row.dataset.tone = tone(s);
  const button = action(row, "receipt");
  if (button.textContent !== s.status) button.textContent = s.status;
  button.setAttribute("aria-label", isActive(s) ? `${s.status}: show the sync` : `${s.status}: show the receipt`);
  button.dataset.tone = tone(s);
  fill(row, {
    products: outcome(s),
    why: why(s),
    duration: lasted(s),
    who: who(s),
  });
  if (!isActive(s)) passFocus(action(row, "cancel"), button);
  action(row, "cancel").hidden = !isActive(s);
}
