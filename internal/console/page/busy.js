// Work that a button starts, and what becomes of its failure.

import { complain, sentenceOf } from "./message.js";

/**
 * Switches a button off while work goes on, so that it is not done twice, and shows a failure.
 * @param {HTMLButtonElement} button
 * @param {HTMLElement | null} problem where the sentence of a failure goes, and which is emptied first; null for the message
 * @param {() => Promise<void>} work
 */
export async function busy(button, problem, work) {
  if (button.getAttribute("aria-disabled") === "true") return;
  // Not "disabled": that would take the focus away from whoever has just pressed it.
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
