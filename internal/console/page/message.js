// The page's messages: failures, each until somebody has read it; news, one at a time; and announcements, only read aloud.

import { byId, copyOf, mainHeading, passFocus } from "./dom.js";
import { texts } from "./texts/common.js";

const messages = byId("messages", HTMLElement);
const failures = byId("failures", HTMLElement);
const news = byId("news", HTMLElement);
const newsText = byId("news-text", HTMLElement);
const newsClose = byId("news-close", HTMLButtonElement);
const announcement = byId("announcement", HTMLElement);

newsClose.addEventListener("click", hushNews);

// Nothing replaces a failure: it stays until a person dismisses it or does the next thing. That means pressing a button, but not
// the second click of a double click, and not in a dialog, which covers the failure.
document.addEventListener(
  "click",
  (event) => {
    const button = event.target instanceof Element && event.target.closest("button");
    if (!button || !event.isTrusted || event.detail > 1 || button.closest("dialog") || messages.contains(button)) return;
    hushFailures();
  },
  true,
);

// The messages cover part of the page as it scrolls, but they must not cover what gets the focus.
new ResizeObserver(makeRoom).observe(messages);

function makeRoom() {
  document.documentElement.style.scrollPaddingTop = `${messages.offsetHeight + 32}px`;
}

/**
 * Shows how something went. A failure interrupts a screen reader.
 * @param {"success" | "warning" | "failure"} kind
 * @param {string} sentence
 * @returns {HTMLElement} the element that shows it, for [focusMessage]
 */
export function say(kind, sentence) {
  const shown = kind === "failure" ? addFailure(sentence) : setNews(kind, sentence);
  makeRoom(); // what is scrolled into view next must not be under it
  return shown;
}

/** @param {string} sentence */
function addFailure(sentence) {
  const same = [...failures.querySelectorAll("p")].find((p) => p.textContent === sentence);
  if (same) return same;
  const failure = copyOf("failure");
  const text = /** @type {HTMLElement} */ (failure.querySelector("p"));
  text.textContent = sentence;
  failure.querySelector("button")?.addEventListener("click", () => {
    passFocus(failure, mainHeading());
    failure.remove();
  });
  failures.append(failure);
  return text;
}

/** @param {"success" | "warning"} kind @param {string} sentence */
function setNews(kind, sentence) {
  news.className = `message ${kind}`;
  newsClose.hidden = false;
  newsText.textContent = sentence;
  return newsText;
}

/** Returns the sentence to show for something that was caught. @param {unknown} failure */
export function sentenceOf(failure) {
  return failure instanceof Error ? failure.message : String(failure);
}

/** Shows a failure that was caught. @param {unknown} failure */
export function complain(failure) {
  say("failure", sentenceOf(failure));
}

/**
 * Moves the focus to a message, once the dialog it came from has closed and the button that had the focus has gone.
 * @param {HTMLElement} message
 */
export function focusMessage(message) {
  setTimeout(() => (message.isConnected ? message : mainHeading()).focus());
}

/** Removes all messages. */
export function hush() {
  hushFailures();
  hushNews();
}

function hushFailures() {
  passFocus(failures, mainHeading());
  failures.replaceChildren();
}

/** Removes the news. The box stays, invisible: screen readers read aloud what appears in a box they know. */
export function hushNews() {
  passFocus(news, mainHeading());
  news.className = "unseen";
  newsClose.hidden = true;
  newsText.textContent = "";
}

/**
 * Tells a screen reader something that others see anyway.
 * @param {string} sentence
 */
export function announce(sentence) {
  announcement.textContent = sentence;
}

/**
 * Copies a text to the clipboard. On plain http browsers offer no clipboard; then the text is selected instead.
 * @param {string} value
 * @param {Node} shown where the text is visible
 * @param {string} [name] what to call it instead of showing it
 */
export async function copy(value, shown, name = value) {
  try {
    await navigator.clipboard.writeText(value);
    say("success", texts.copied(name));
  } catch {
    getSelection()?.selectAllChildren(shown);
    say("failure", texts.theBrowserDoesNotLet);
  }
}
