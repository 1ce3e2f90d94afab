// What the page tells: one message at a time, seen and read aloud; and announcements, only read aloud.

import { byId, mainHeading, passFocus } from "./dom.js";

const box = byId("message", HTMLElement);
const text = byId("message-text", HTMLElement);
const dismiss = byId("message-close", HTMLButtonElement);
const announcement = byId("announcement", HTMLElement);

dismiss.addEventListener("click", hush);

/**
 * Shows how something went until it is dismissed or the next message comes. A failure interrupts a screen reader.
 * @param {"success" | "failure"} kind
 * @param {string} sentence
 */
export function say(kind, sentence) {
  box.className = `message ${kind}`;
  box.setAttribute("role", kind === "failure" ? "alert" : "status");
  dismiss.hidden = false;
  text.textContent = sentence;
}

/** Returns what to show of something that was caught. @param {unknown} failure */
export function sentenceOf(failure) {
  return failure instanceof Error ? failure.message : String(failure);
}

/** Shows a failure that was caught. @param {unknown} failure */
export function complain(failure) {
  say("failure", sentenceOf(failure));
}

/** Moves the focus to the message, where the element that had it is gone. */
export function focusMessage() {
  text.focus();
}

/** Takes the message away. The box stays, unseen: screen readers read aloud what appears in a box they know. */
export function hush() {
  passFocus(box, mainHeading());
  box.className = "unseen";
  box.setAttribute("role", "status");
  dismiss.hidden = true;
  text.textContent = "";
}

/**
 * Tells a screen reader something that others see anyway.
 * @param {string} sentence
 */
export function announce(sentence) {
  announcement.textContent = sentence;
}

/**
 * Puts a text on the clipboard. Browsers give pages of plain http no clipboard; then the text is selected instead.
 * @param {string} value
 * @param {Node} shown where the text can be seen
 */
export async function copy(value, shown) {
  try {
    await navigator.clipboard.writeText(value);
    say("success", `Copied ${value}`);
  } catch {
    getSelection()?.selectAllChildren(shown);
    say("failure", "The browser does not let this page copy. The text is selected; copy it with the keyboard.");
  }
}
