// The page of the schedules: syncs that start by the clock.

import { call } from "./api.js";
import { make } from "./dom.js";
import { time } from "./format.js";
import { say, sentenceOf } from "./message.js";
import { go, href } from "./route.js";
import { newScheduleForm } from "./scheduleform.js";
import { button, newDetails, newList, newSection, newTable } from "./views.js";

/** @typedef {import("fullsync-api").components["schemas"]} Schemas */
/** @typedef {Schemas["Schedule"]} Schedule */

const address = "/api/admin/sync/schedules";

const { section, problem } = newSection("schedules", "Schedules");
const state = make("p", { role: "status" });
const hold = button("", () => pause(), { may: "operator", problem });
const { table, body, row } = newTable("Schedules", ["Name", "When", "What", "Next run", "Last run", "Actions"]);
const list = newList(body, problem, read, show, "There is no schedule yet.");
const form = newScheduleForm("Add a schedule", "Add schedule", async (/** @type {Schemas["NewSchedule"]} */ wanted) => {
  /** @type {Schemas["ScheduleResponse"]} */
  const { schedule } = await call("POST", address, wanted);
  form.fillIn();
  add.open = false;
  go(`schedules/${schedule.id}`);
  say("success", `Schedule ${schedule.name} is added.`);
});
const add = newDetails("Add a schedule", "admin", form.form);
add.addEventListener("toggle", () => add.open && form.offerPeers().catch((failure) => (problem.textContent = sentenceOf(failure))));
section.append(make("p", { className: "tools" }, state, hold), table, list.empty, add);

let paused = false;

/** @type {import("./route.js").View} */
export const schedules = {
  path: "schedules",
  show() {
    void list.reload();
    return "Schedules";
  },
};

async function read() {
  /** @type {Schemas["ScheduleListResponse"]} */
  const all = await call("GET", address);
  showPause(all.paused);
  return { items: all.schedules, next: null };
}

/** @param {Schemas["ScheduleListResponse"]["paused"]} now */
function showPause(now) {
  paused = now !== null;
  state.textContent = now ? `All schedules are paused since ${time(now.at)}, by ${now.by}.` : "";
  hold.textContent = paused ? "Resume all" : "Pause all";
}

async function pause() {
  /** @type {Schemas["SchedulePauseResponse"]} */
  const now = await call("POST", `${address}/${paused ? "resume" : "pause"}`);
  showPause(now.paused);
}

/** @param {Schedule} s */
function show(s) {
  const name = make("a", { href: href(`schedules/${s.id}`) }, s.name);
  const off = make("p", { className: "why" }, s.enabled ? "" : "switched off");
  const trouble = make("p", { className: s.failing ? "problem" : "why" }, s.lastError ?? "");
  const run = button("Run now", () => runNow(s), { may: "operator", about: s.name });
  const turn = button(
    s.enabled ? "Switch off" : "Switch on",
    async () => {
      await call("PATCH", `${address}/${s.id}`, { enabled: !s.enabled });
      await list.reload();
    },
    { may: "admin", about: s.name },
  );
  return row(
    make("div", {}, name, off),
    `${s.cron}, ${s.timezone}`,
    what(s),
    time(s.nextRuns[0] ?? null),
    make("div", {}, lastSession(s.lastSession), trouble),
    make("div", {}, run, " ", turn),
  );
}

/** What a schedule does. @param {Schedule} s */
export function what({ action, catalog, targetPeers }) {
  return `${action} ${action === "pull" ? "from" : "to"} ${targetPeers.join(", ")}, catalog ${catalog}`;
}

/** @param {Schemas["ScheduleSession"] | null} s */
export function lastSession(s) {
  return s ? make("a", { href: href(`sessions/${s.sessionId}`) }, `${s.status}, ${time(s.completedAt ?? s.startedAt)}`) : "none yet";
}

/** Starts a schedule's sync out of turn, and shows it. @param {Schedule} s */
export async function runNow(s) {
  /** @type {Schemas["ScheduleRunsResponse"]} */
  const { runs } = await call("POST", `${address}/${s.id}/run`);
  for (const { peer, problem } of runs) if (problem) say("failure", `${peer}: ${problem}`);
  const started = runs.filter((r) => r.session);
  if (started.length === 0) return;
  say("success", `Started ${s.name} with ${started.map((r) => r.peer).join(", ")}.`);
  if (started.length === 1 && started[0]?.session) go(`sessions/${started[0].session.sessionId}`);
}
