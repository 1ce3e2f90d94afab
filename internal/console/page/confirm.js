// The dialog that asks before something is done that cannot be undone. The focus is on the safe choice, and Escape is that too.

import { busy } from "./busy.js";
import { byId, field } from "./dom.js";
import { complain } from "./message.js";

const dialog = byId("confirm", HTMLDialogElement);
const form = /** @type {HTMLFormElement} */ (dialog.querySelector("form"));
const safe = byId("confirm-safe", HTMLButtonElement);
const go = byId("confirm-go", HTMLButtonElement);
const problem = byId("confirm-problem", HTMLElement);
const reason = field(form, "reason");

/** The work of the question that was asked last. @type {(reason: string) => Promise<void>} */
let work = async () => {};

safe.addEventListener("click", () => dialog.close());
form.addEventListener("submit", (event) => {
  event.preventDefault();
  const asked = work;
  void busy(go, problem, async () => {
    try {
      await asked(reason.value.trim());
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
  go.removeAttribute("aria-disabled"); // it may still wait for what was asked before
  dialog.showModal();
}
