// The page of the schedules: syncs that start by the clock.

import { call } from "./api.js";
import { make, timeAt } from "./dom.js";
import { time } from "./format.js";
import { say, sentenceOf } from "./message.js";
import { go, href } from "./route.js";
import { newScheduleForm } from "./scheduleform.js";
import { button, newDetails, newList, newSection, newTable } from "./views.js";
import { texts as common } from "./texts/common.js";
import { texts as shared } from "./texts/pages.js";
import { texts } from "./texts/schedules.js";

/** @typedef {import("fullsync-api").components["schemas"]} Schemas */
/** @typedef {Schemas["Schedule"]} Schedule */

const address = "/api/admin/sync/schedules";

const { section, problem } = newSection("schedules", common.schedules);
const state = make("p", { role: "status" });
const hold = button("", () => pause(), { may: "operator", problem });
const { table, body, row } = newTable(common.schedules, [common.name, shared.when, shared.what, texts.nextRun, texts.lastRun, common.actions]);
const list = newList(body, problem, read, show, texts.thereIsNoScheduleYet);
const form = newScheduleForm(texts.addASchedule, texts.addSchedule, async (/** @type {Schemas["NewSchedule"]} */ wanted) => {
  /** @type {Schemas["ScheduleResponse"]} */
  const { schedule } = await call("POST", address, wanted);
  form.fillIn();
  add.open = false;
  go(`schedules/${schedule.id}`);
  say("success", texts.scheduleIsAdded(schedule.name));
});
const add = newDetails(texts.addASchedule, "admin", form.form);
add.addEventListener("toggle", () => add.open && form.offerPeers().catch((failure) => (problem.textContent = sentenceOf(failure))));
section.append(make("p", { className: "tools" }, state, hold), table, list.empty, add);

let paused = false;

/** @type {import("./route.js").View} */
export const schedules = {
  path: "schedules",
  show() {
    void list.reload();
    return common.schedules;
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
  state.textContent = now ? texts.allSchedulesArePausedSince(time(now.at), now.by) : "";
  hold.textContent = paused ? texts.resumeAll : texts.pauseAll;
}

async function pause() {
  /** @type {Schemas["SchedulePauseResponse"]} */
  const now = await call("POST", `${address}/${paused ? "resume" : "pause"}`);
  showPause(now.paused);
}

/** @param {Schedule} s */
function show(s) {
  const name = make("a", { href: href(`schedules/${s.id}`) }, s.name);
  const off = make("p", { className: "why" }, s.enabled ? "" : common.switchedOff);
  const trouble = make("p", { className: s.failing ? "problem" : "why" }, s.lastError ?? "");
  const run = button(texts.runNow, () => runNow(s), { may: "operator", about: s.name });
  const turn = button(
    s.enabled ? common.switchOff : common.switchOn,
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
    timeAt(s.nextRuns[0] ?? null),
    make("div", {}, lastSession(s.lastSession), trouble),
    make("div", {}, run, " ", turn),
  );
}

/** What a schedule does. @param {Schedule} s */
export function what({ action, catalog, targetPeers }) {
  return texts.catalog(action, action === "pull" ? texts.from : texts.to, targetPeers.join(", "), catalog);
}

/** @param {Schemas["ScheduleSession"] | null} s */
export function lastSession(s) {
  return s ? make("a", { href: href(`sessions/${s.sessionId}`) }, `${s.status}, ${time(s.completedAt ?? s.startedAt)}`) : texts.noneYet;
}

/** Starts a schedule's sync out of turn, and shows it. @param {Schedule} s */
export async function runNow(s) {
  /** @type {Schemas["ScheduleRunsResponse"]} */
  const { runs } = await call("POST", `${address}/${s.id}/run`);
  for (const { peer, problem } of runs) if (problem) say("failure", `${peer}: ${problem}`);
  const started = runs.filter((r) => r.session);
  if (started.length === 0) return;
  say("success", texts.startedWith(s.name, started.map((r) => r.peer).join(", ")));
  if (started.length === 1 && started[0]?.session) go(`sessions/${started[0].session.sessionId}`);
}
