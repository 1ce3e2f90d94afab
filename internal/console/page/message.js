// What the page tells: one message at a time, seen and read aloud; and announcements, only read aloud.

import { byId } from "./dom.js";

const box = byId("message", HTMLElement);
const text = byId("message-text", HTMLElement);
const announcement = byId("announcement", HTMLElement);

byId("message-close", HTMLButtonElement).addEventListener("click", hush);

/**
 * Shows how something went until it is dismissed or the next message comes. A failure interrupts a screen reader.
 * @param {"success" | "failure"} kind
 * @param {string} sentence
 */
export function say(kind, sentence) {
  box.className = `message ${kind}`;
  box.setAttribute("role", kind === "failure" ? "alert" : "status");
  box.hidden = false;
  text.textContent = sentence;
}

/** Moves the focus to the message, where the element that had it is gone. */
export function focusMessage() {
  text.focus();
}

/** Takes the message away. */
export function hush() {
  box.hidden = true;
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
