// Runs the work that a button starts, and shows if it fails.

import { complain, sentenceOf } from "./message.js";

/**
 * Switches a button off while its work runs, so that it does not run twice, and shows a failure.
 * @param {HTMLButtonElement} button
 * @param {HTMLElement | null} problem where to show a failure, and which is emptied first; null for a message on the page
 * @param {() => Promise<void>} work
 */
export async function busy(button, problem, work) {
  if (button.getAttribute("aria-disabled") === "true") return;
  // Not "disabled", which would take the focus away from the person who has just pressed it.
  button.setAttribute("aria-disabled", "true");
  if (problem) problem.textContent = "";
  try {
    await work();
  } catch (failure) {
    if (problem) problem.textContent = sentenceOf(failure);
    else complain(failure);
  } finally {
    button.removeAttribute("aria-disabled");
  }
}
