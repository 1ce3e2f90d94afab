// The dialog that asks before doing something that cannot be undone. The safe choice has the focus, and Escape means the same.

import { busy } from "./busy.js";
import { byId, field } from "./dom.js";
import { complain } from "./message.js";

const dialog = byId("confirm", HTMLDialogElement);
const form = /** @type {HTMLFormElement} */ (dialog.querySelector("form"));
const safe = byId("confirm-safe", HTMLButtonElement);
const go = byId("confirm-go", HTMLButtonElement);
const problem = byId("confirm-problem", HTMLElement);
const reason = field(form, "reason");
const option = /** @type {HTMLInputElement} */ (field(form, "option"));

/** The work of the last question. @type {(reason: string, option: boolean) => Promise<void>} */
let work = async () => {};

safe.addEventListener("click", () => dialog.close());
form.addEventListener("submit", (event) => {
  event.preventDefault();
  const asked = work;
  void busy(go, problem, async () => {
    try {
      await asked(reason.value.trim(), option.checked);
    } catch (failure) {
      if (dialog.open && asked === work) throw failure;
      // The dialog was closed meanwhile, and another question may be open in it.
      complain(failure);
      return;
    }
    if (asked === work) dialog.close();
  });
});

/**
 * Asks, and does the work if the answer is yes. If it fails, the dialog shows why and stays open for another try.
 * @param {object} question
 * @param {string} question.title
 * @param {string} question.text what will happen
 * @param {string} question.safe the button that changes nothing
 * @param {string} question.go the button that does it
 * @param {boolean} [question.reason] whether a reason can be given
 * @param {string} [question.option] what can be done besides
 * @param {(reason: string, option: boolean) => Promise<void>} question.work
 */
export function confirm(question) {
  byId("confirm-title", HTMLElement).textContent = question.title;
  byId("confirm-text", HTMLElement).textContent = question.text;
  byId("confirm-reason", HTMLElement).hidden = !question.reason;
  byId("confirm-option", HTMLElement).hidden = !question.option;
  byId("confirm-option-text", HTMLElement).textContent = question.option ?? "";
  option.checked = false;
  safe.textContent = question.safe;
  go.textContent = question.go;
  problem.textContent = "";
  reason.value = "";
  work = question.work;
  go.removeAttribute("aria-disabled"); // the work of an earlier question may still be running
  dialog.showModal();
}
