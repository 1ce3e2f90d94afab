// What every part of the page needs from the document.

import { time } from "./format.js";
import { texts } from "./texts/common.js";

// index.html has the names of its texts in braces.
for (const root of [document.body, ...[...document.querySelectorAll("template")].map((t) => t.content)]) write(root);
byId("footer", HTMLElement).hidden = false;

/** Puts the texts in the place of their names. @param {Node} root */
function write(root) {
  const nodes = document.createTreeWalker(root, NodeFilter.SHOW_ELEMENT | NodeFilter.SHOW_TEXT);
  while (nodes.nextNode()) {
    const at = nodes.currentNode;
    for (const place of at instanceof Element ? at.attributes : [/** @type {Text} */ (at)]) {
      if (place.nodeValue?.includes("{")) place.nodeValue = place.nodeValue.replace(/\{(\w+)\}/g, (_, name) => textOf(name));
    }
  }
}

/** @param {string} name */
function textOf(name) {
  const text = Object.entries(texts).find(([n]) => n === name)?.[1];
  if (typeof text !== "string") throw new Error(`index.html has no text ${name}`);
  return text;
}

/**
 * Returns the element with that id, which index.html must have.
 * @template {HTMLElement} T
 * @param {string} id
 * @param {new () => T} kind
 * @returns {T}
 */
export function byId(id, kind) {
  const found = document.getElementById(id);
  if (!(found instanceof kind)) throw new Error(`index.html has no ${kind.name} with the id ${id}`);
  return found;
}

/**
 * Returns a new copy of the one element in the template with that id.
 * @param {string} id
 * @returns {HTMLElement}
 */
export function copyOf(id) {
  const copy = byId(id, HTMLTemplateElement).content.firstElementChild?.cloneNode(true);
  if (!(copy instanceof HTMLElement)) throw new Error(`the template ${id} is empty`);
  return copy;
}

/**
 * Writes texts into the places that data-field names. It leaves unchanged texts alone, so as not to disturb screen readers
 * and selections.
 * @param {ParentNode} root
 * @param {Record<string, string>} contents
 */
export function fill(root, contents) {
  for (const [field, text] of Object.entries(contents)) {
    const place = root.querySelector(`[data-field="${field}"]`);
    if (place && place.textContent !== text) place.textContent = text;
  }
}

/**
 * Returns the button inside root that does what data-action says.
 * @param {ParentNode} root
 * @param {string} action
 * @returns {HTMLButtonElement}
 */
export function action(root, action) {
  const button = root.querySelector(`[data-action="${action}"]`);
  if (!(button instanceof HTMLButtonElement)) throw new Error(`there is no button for ${action}`);
  return button;
}

/**
 * Returns the field of a form with that name.
 * @param {HTMLFormElement} form
 * @param {string} name
 * @returns {HTMLInputElement | HTMLSelectElement}
 */
export function field(form, name) {
  const found = form.elements.namedItem(name);
  if (!(found instanceof HTMLInputElement) && !(found instanceof HTMLSelectElement)) throw new Error(`there is no field ${name}`);
  return found;
}

/**
 * Passes the focus on if it is in something that is about to disappear. Otherwise nothing would have the focus, and keyboard
 * users would have to start again at the top.
 * @param {Node} from
 * @param {HTMLElement} to
 */
export function passFocus(from, to) {
  if (from.contains(document.activeElement)) to.focus({ preventScroll: true });
}

/** Returns the heading of the page that is shown, which gets the focus if there is no better place. */
export function mainHeading() {
  const heading = [...document.querySelectorAll("#desk h2")].find((h) => h.checkVisibility());
  return heading instanceof HTMLElement ? heading : byId("sign-in-title", HTMLElement);
}

/**
 * Makes an element, to which text is always only text.
 * @template {keyof HTMLElementTagNameMap} K
 * @param {K} tag
 * @param {Partial<HTMLElementTagNameMap[K]> & Record<string, unknown>} properties
 * @param {...(Node | string)} inside
 * @returns {HTMLElementTagNameMap[K]}
 */
export function make(tag, properties = {}, ...inside) {
  const element = Object.assign(document.createElement(tag), properties);
  element.append(...inside);
  return element;
}

/** Shows a time, and the exact one to those who point at it. @param {string | null} iso */
export function timeAt(iso) {
  return iso ? make("time", { dateTime: iso, title: iso }, time(iso)) : time(iso);
}

/**
 * Writes a time into the place that data-field names, and the exact one for those who point at it.
 * @param {ParentNode} root @param {string} name @param {string | null} iso
 */
export function setTime(root, name, iso) {
  fill(root, { [name]: time(iso) });
  root.querySelector(`[data-field="${name}"]`)?.setAttribute("title", iso ?? "");
}
