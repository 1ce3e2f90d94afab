// The page of one schedule: when it runs, what became of its runs, and the form that changes it.

import { call } from "./api.js";
import { confirm } from "./confirm.js";
import { make, timeAt } from "./dom.js";
import { newEdit } from "./edit.js";
import { time } from "./format.js";
import { focusMessage, say, sentenceOf } from "./message.js";
import { go, href } from "./route.js";
import { newScheduleForm } from "./scheduleform.js";
import { lastSession, runNow, what } from "./schedules.js";
import { button, newDetails, newFacts, newList, newSection, newTable } from "./views.js";
import { texts } from "./texts/schedules.js";
import { texts as common } from "./texts/common.js";
import { texts as shared } from "./texts/pages.js";

/** @typedef {import("fullsync-api").components["schemas"]} Schemas */

const { section, heading, problem } = newSection("schedules/*", texts.schedule, { text: common.schedules, href: href("schedules") });
const facts = newFacts();
const run = button(texts.runNow, async () => shown && runNow(shown), { may: "operator", problem });
const remove = button(shared.remove, async () => ask(), { may: "admin", problem });
remove.classList.add("danger");
const { table, body, row } = newTable(texts.runs, [texts.due, common.peer, common.who, common.state, common.session]);
const runs = newList(body, problem, readRuns, showRun, texts.itHasNotRunYet);
const form = newScheduleForm(texts.changeTheSchedule, shared.save, async (wanted) => {
  /** @type {Schemas["ScheduleResponse"]} */
  const now = await call("GET", path);
  const changes = edit.changes(now.schedule);
  if (changes) await call("PATCH", path, changes);
  say("success", texts.scheduleIsSaved(wanted.name));
  await load(true);
});
const edit = newEdit(form.wanted, form.labels);
const change = newDetails(texts.changeIt, "admin", form.form);
section.append(facts.list, make("p", { className: "tools" }, run, remove), make("h3", {}, texts.runs), table, runs.empty, change);

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
      heading.textContent = texts.schedule;
    }
    void load(!change.open);
    void runs.reload();
    return texts.schedule;
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
    heading.textContent = texts.scheduleOfName(schedule.name);
    facts.show({
      [shared.when]: `${schedule.cron}, ${schedule.timezone}`,
      [shared.what]: what(schedule),
      [common.state]: schedule.enabled ? "" : common.switchedOff,
      [texts.nextRuns]: schedule.nextRuns.map(time).join("; "),
      [texts.lastSession]: lastSession(schedule.lastSession),
      [shared.lastProblem]: schedule.lastError,
      [texts.addedBy]: `${schedule.createdBy}, ${time(schedule.createdAt)}`,
    });
    if (fillIn) await form.offerPeers();
    if (asked !== path) return;
    change.hidden = false;
    if (!fillIn) return;
    form.fillIn(schedule);
    edit.begin(schedule);
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
  return row(timeAt(dueAt), peer, by ?? texts.theClock, make("div", {}, state, make("p", { className: "why" }, problem ?? "")), session ? lastSession(session) : texts.none);
}

function ask() {
  const schedule = shown;
  if (!schedule) return;
  confirm({
    title: texts.removeSchedule(schedule.name),
    text: texts.itsListOfRunsGoes,
    safe: common.keepIt,
    go: texts.removeScheduleNow,
    async work() {
      /** @type {Schemas["MessageResponse"]} */
      const done = await call("DELETE", `/api/admin/sync/schedules/${schedule.id}`);
      go("schedules");
      focusMessage(say("success", done.message));
    },
  });
}
