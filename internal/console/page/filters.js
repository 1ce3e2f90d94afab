// The filters of the list of sessions. They are in the page's address, under the names that the API gives them.

import { way } from "./describe.js";
import { byId, field } from "./dom.js";
import { go } from "./route.js";

/** @typedef {import("fullsync-api").components["schemas"]["Session"]} Session */

const form = byId("filters", HTMLFormElement);
const names = ["status", "outcome", "direction", "catalog", "peer", "person"];
const times = ["startedAfter", "startedBefore"];

form.addEventListener("change", () => go("sessions", chosen()));
form.addEventListener("reset", () => go("sessions"));
form.addEventListener("submit", (event) => event.preventDefault());

/** Shows what an address chooses, and returns it without anything that is no filter. @param {URLSearchParams} query */
export function showFilters(query) {
  for (const name of names) field(form, name).value = query.getAll(name).join(" ");
  for (const name of times) field(form, name).value = local(query.get(name));
  return new URLSearchParams([...query].filter(([name]) => names.includes(name) || times.includes(name)));
}

/** What is chosen in the form. */
function chosen() {
  const query = new URLSearchParams();
  for (const name of names) {
    const value = field(form, name).value.trim();
    for (const one of name === "status" ? value.split(" ") : [value]) if (one) query.append(name, one);
  }
  for (const name of times) {
    const value = field(form, name).value;
    if (value) query.set(name, new Date(value).toISOString());
  }
  return query;
}

/** A time as the field for one writes it: in the reader's zone, and without saying so. @param {string | null} iso */
export function local(iso) {
  const time = new Date(iso ?? NaN);
  return isNaN(time.getTime()) ? "" : new Date(time.getTime() - time.getTimezoneOffset() * 60_000).toISOString().slice(0, 16);
}

/** Whether a session that has just come is one of those chosen. @param {Session} s @param {URLSearchParams} query */
export function matches(s, query) {
  const statuses = query.getAll("status");
  /** @param {string} name @param {...(string | null)} values */
  const is = (name, ...values) => !query.has(name) || values.includes(query.get(name));
  const started = Date.parse(s.startedAt);
  return (
    (statuses.length === 0 || statuses.includes(s.status)) &&
    is("outcome", s.outcome) &&
    is("direction", s.direction) &&
    is("catalog", s.catalog) &&
    is("peer", way(s) === "push" ? s.targetNodeId : s.sourceNodeId) &&
    is("person", s.startedBy, s.cancelledBy) &&
    !(started <= Date.parse(query.get("startedAfter") ?? "")) &&
    !(started >= Date.parse(query.get("startedBefore") ?? ""))
  );
}
