// The dialog that opens if a start is refused because another sync is running (409).

import { ago } from "./age.js";
import { busy } from "./busy.js";
import { askToCancel } from "./cancel.js";
import { byId, fill } from "./dom.js";
import { time } from "./format.js";
import { isActive, load, onSession } from "./sessions.js";
import { say } from "./message.js";
import { texts } from "./texts/common.js";

/** @typedef {import("fullsync-api").components["schemas"]} Schemas */

const dialog = byId("running", HTMLDialogElement);
const problem = byId("running-problem", HTMLElement);
const replaceButton = byId("running-replace", HTMLButtonElement);

/** The session that is in the way. */
let sessionId = "";
/** @type {() => void} */
let watch = () => {};
/** @type {() => Promise<void>} */
let replace = async () => {};

byId("running-watch", HTMLButtonElement).addEventListener("click", () => {
  dialog.close();
  watch();
});
byId("running-cancel", HTMLButtonElement).addEventListener("click", () => {
  dialog.close();
  askToCancel(sessionId);
});
replaceButton.addEventListener("click", () =>
  busy(replaceButton, problem, async () => {
    await replace();
    dialog.close();
  }),
);

onSession((s) => {
  if (!dialog.open || s.sessionId !== sessionId) return;
  show(s);
  if (isActive(s) || replaceButton.getAttribute("aria-disabled") === "true") return;
  dialog.close();
  if (problem.textContent) say("failure", problem.textContent); // nobody may have read it yet
  say("success", texts.theSyncThatWasIn(s.status));
});

/**
 * Shows the session that is in the way, and the choices.
 * @param {Schemas["SyncInProgress"]} conflict
 * @param {{watch: () => void, replace: () => Promise<void>}} choices
 */
export function showRunning(conflict, choices) {
  ({ watch, replace } = choices);
  sessionId = conflict.sessionId;
  byId("running-title", HTMLElement).textContent = conflict.error;
  byId("running-message", HTMLElement).textContent = conflict.message;
  problem.textContent = "";
  fill(dialog, { commit: "", source: "" });
  show(conflict);
  dialog.showModal();
  load(sessionId).catch(() => {}); // so that you can watch it even if no event has come for it yet
}

/** @param {Schemas["SyncInProgress"] | Schemas["Session"]} s */
function show(s) {
  fill(dialog, {
    step: s.currentStep,
    progress: `${s.progress} %`,
    health: `${s.health.verdict}: ${s.health.reason}`,
    started: texts.by(time(s.startedAt), s.startedBy),
  });
  if ("lastCommitAt" in s) fill(dialog, { commit: ago(s.lastCommitAt), source: ago(s.lastSourceAt) });
}
