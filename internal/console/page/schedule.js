// The page of one schedule: when it runs, what became of its runs, and the form that changes it.

import { call } from "./api.js";
import { confirm } from "./confirm.js";
import { make } from "./dom.js";
import { time } from "./format.js";
import { focusMessage, say, sentenceOf } from "./message.js";
import { go, href } from "./route.js";
import { newScheduleForm } from "./scheduleform.js";
import { lastSession, runNow, what } from "./schedules.js";
import { button, newDetails, newFacts, newList, newSection, newTable } from "./views.js";

/** @typedef {import("fullsync-api").components["schemas"]} Schemas */

const { section, heading, problem } = newSection("schedules/*", "Schedule", { text: "Schedules", href: href("schedules") });
const facts = newFacts();
const run = button("Run now", async () => shown && runNow(shown), { may: "operator", problem });
const remove = button("Remove…", async () => ask(), { may: "admin", problem });
remove.classList.add("danger");
const { table, body, row } = newTable("Runs", ["Due", "Peer", "Who", "State", "Session"]);
const runs = newList(body, problem, readRuns, showRun, "It has not run yet.");
const form = newScheduleForm("Change the schedule", "Save", async (wanted) => {
  await call("PATCH", path, wanted);
  say("success", `Schedule ${wanted.name} is saved.`);
  await load(true);
});
const change = newDetails("Change it", "admin", form.form);
section.append(facts.list, make("p", { className: "tools" }, run, remove), make("h3", {}, "Runs"), table, runs.empty, change);

let path = "";
/** @type {Schemas["Schedule"] | undefined} */
let shown;

/** @type {import("./route.js").View} */
export const schedulePage = {
  path: "schedules/*",
  show([, id = ""]) {
    const asked = `/api/admin/sync/schedules/${encodeURIComponent(id)}`;
    const other = asked !== path;
    path = asked;
    if (other) {
      change.open = false;
      change.hidden = true;
      facts.show({});
      body.replaceChildren();
      heading.textContent = "Schedule";
    }
    void load(!change.open);
    void runs.reload();
    return "Schedule";
  },
};

/** @param {boolean} fillIn whether the form may be filled in, because nobody types there */
async function load(fillIn) {
  const asked = path;
  problem.textContent = "";
  try {
    /** @type {Schemas["ScheduleResponse"]} */
    const { schedule } = await call("GET", asked);
    if (asked !== path) return;
    shown = schedule;
    heading.textContent = `Schedule ${schedule.name}`;
    facts.show({
      When: `${schedule.cron}, ${schedule.timezone}`,
      What: what(schedule),
      State: schedule.enabled ? "" : "switched off",
      "Next runs": schedule.nextRuns.map(time).join("; "),
      "Last session": lastSession(schedule.lastSession),
      "Last problem": schedule.lastError,
      "Added by": `${schedule.createdBy}, ${time(schedule.createdAt)}`,
    });
    change.hidden = false;
    if (!fillIn) return;
    form.fillIn(schedule);
    await form.offerPeers();
  } catch (failure) {
    if (asked === path) problem.textContent = sentenceOf(failure);
  }
}

async function readRuns() {
  /** @type {Schemas["ScheduleRunsResponse"]} */
  const all = await call("GET", `${path}/runs?pageSize=50`);
  return { items: all.runs, next: null };
}

/** @param {Schemas["ScheduleRun"]} r */
function showRun({ dueAt, peer, by, state, session, problem }) {
  const due = make("time", { dateTime: dueAt, title: dueAt }, time(dueAt));
  return row(due, peer, by ?? "the clock", make("div", {}, state, make("p", { className: "why" }, problem ?? "")), session ? lastSession(session) : "none");
}

function ask() {
  const schedule = shown;
  if (!schedule) return;
  confirm({
    title: `Remove schedule ${schedule.name}?`,
    text: "Its list of runs goes too. The sessions that it started stay, and active ones go on.",
    safe: "Keep it",
    go: "Remove schedule",
    async work() {
      /** @type {Schemas["MessageResponse"]} */
      const done = await call("DELETE", `/api/admin/sync/schedules/${schedule.id}`);
      go("schedules");
      focusMessage(say("success", done.message));
    },
  });
}
