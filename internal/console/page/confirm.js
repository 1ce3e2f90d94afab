// The dialog that asks before something is done that cannot be undone. The focus is on the safe choice, and Escape is that too.

import { busy, byId, field } from "./dom.js";

const dialog = byId("confirm", HTMLDialogElement);
const form = /** @type {HTMLFormElement} */ (dialog.querySelector("form"));
const safe = byId("confirm-safe", HTMLButtonElement);
const go = byId("confirm-go", HTMLButtonElement);
const problem = byId("confirm-problem", HTMLElement);
const reason = field(form, "reason");

/** @type {(reason: string) => Promise<void>} */
let work = async () => {};

safe.addEventListener("click", () => dialog.close());
form.addEventListener("submit", (event) => {
  event.preventDefault();
  void busy(go, problem, async () => {
    await work(reason.value.trim());
    dialog.close();
  });
});

/**
 * Asks, and does it when the answer is yes. A failure shows in the dialog, which stays open for another try.
 * @param {object} question
 * @param {string} question.title
 * @param {string} question.text what will happen
 * @param {string} question.safe the button that changes nothing
 * @param {string} question.go the button that does it
 * @param {boolean} [question.reason] whether a reason can be given
 * @param {(reason: string) => Promise<void>} question.work
 */
export function confirm(question) {
  byId("confirm-title", HTMLElement).textContent = question.title;
  byId("confirm-text", HTMLElement).textContent = question.text;
  byId("confirm-reason", HTMLElement).hidden = !question.reason;
  safe.textContent = question.safe;
  go.textContent = question.go;
  problem.textContent = "";
  reason.value = "";
  work = question.work;
  dialog.showModal();
}
