// The pages of the console, their addresses, and which of them is shown. An address is what follows the #: it needs nothing from the
// server, so it works under any path of a proxy, and it can be sent to somebody else.

import { byId, mainHeading, make } from "./dom.js";
import { say } from "./message.js";
import { texts } from "./texts/common.js";

/**
 * A page. Its elements in index.html have its path in data-view.
 * @typedef {object} View
 * @property {string} path such as "sessions", or "sessions/*" with a * for each part that differs
 * @property {string} [label] what the navigation calls it; pages without one are reached from others
 * @property {string} [may] the least role that sees it in the navigation; everybody if it is missing
 * @property {(parts: string[], query: URLSearchParams) => string} show brings it up to date with its address and returns its title
 */

const nav = byId("nav", HTMLElement);

/** @type {View[]} */
let views = [];
let node = "";
let shownPath = "";
let begun = false;
/** What had the focus when an address was left, for when somebody comes back to it. @type {Map<string, Element>} */
const focused = new Map();
let address = location.hash;
/** The module of the page that is shown, while it is being loaded. @type {Promise<unknown> | undefined} */
let loading;
/** Whether the next address was chosen on the page, and not with the browser's own buttons. */
let chosen = false;

/**
 * Begins to show pages.
 * @param {View[]} all in the order of the navigation; the first one is also shown for addresses that nobody knows
 * @param {string} nodeName for the titles
 */
export function beginViews(all, nodeName) {
  views = all;
  node = nodeName;
  nav.hidden = false;
  const links = views
    .filter((v) => v.label)
    .map((v) => {
      const link = make("li", {}, make("a", { href: href(v.path) }, v.label ?? ""));
      if (v.may) link.dataset.may = v.may;
      return link;
    });
  nav.querySelector("ul")?.replaceChildren(...links);
  show();
  if (begun) return;
  begun = true;
  addEventListener("hashchange", arrive);
  document.addEventListener("click", (event) => {
    if (event.target instanceof Element && event.target.closest("a[href^='#']")) chosen = true;
  });
}

/**
 * Returns a page whose module is loaded when somebody first goes there.
 * @param {string} path @param {() => Promise<View>} load
 * @param {string} [label] what the navigation calls it
 * @param {string} [may] the least role that sees it there
 * @returns {View}
 */
export function later(path, load, label, may) {
  /** @type {View} */
  const view = {
    path,
    label,
    may,
    show() {
      loading = load().then(
        (loaded) => {
          view.show = loaded.show;
          if (isShown(path)) show();
        },
        () => isShown(path) && say("failure", texts.theNodeDidNotSend),
      );
      return label ?? "fullsync";
    },
  };
  return view;
}

/** The address of a page. @param {string} path its parts, each encoded @param {URLSearchParams} [query] */
export function href(path, query) {
  return `#/${path}${query?.size ? `?${query}` : ""}`;
}

/** Goes to a page. @param {string} path @param {URLSearchParams} [query] */
export function go(path, query) {
  chosen = true;
  location.hash = href(path, query);
}

/** Whether the page with that path is shown. @param {string} path */
export function isShown(path) {
  return shownPath === path;
}

/** Shows the page again whose address it is. */
function show() {
  const [path = "", query = ""] = location.hash.replace(/^#\/?/, "").split(/\?(.*)/s);
  const parts = path.split("/").filter(Boolean).map(decoded);
  const view = views.find((v) => fits(v.path, parts)) ?? views[0];
  if (!view) return;
  shownPath = view.path;
  loading = undefined;
  for (const element of document.querySelectorAll("[data-view]")) {
    if (element instanceof HTMLElement) element.hidden = !element.dataset.view?.split(" ").includes(view.path);
  }
  for (const link of nav.querySelectorAll("a")) {
    if (link.hash === `#/${view.path.split("/")[0]}`) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  entitle(view.show(parts, new URLSearchParams(query)));
}

/** Gives the browser's tab its title. @param {string} title */
export function entitle(title) {
  document.title = texts.fullsync(title, node);
}

/** Shows the page of a new address. The focus goes to its heading, or back to where it was. */
function arrive() {
  const before = shownPath;
  if (document.activeElement) focused.set(address, document.activeElement);
  address = location.hash;
  const known = chosen ? undefined : focused.get(address);
  chosen = false;
  show();
  if (shownPath === before && !shownPath.includes("*")) return; // only its filters have changed
  if (known instanceof HTMLElement && known.isConnected && known.checkVisibility()) known.focus();
  else focusPage();
}

/** Moves the focus to the heading of the page that is shown, once it is loaded. */
export function focusPage() {
  if (!loading) return mainHeading().focus();
  void loading.then(() => mainHeading().focus());
  return undefined;
}

/** @param {string} pattern @param {string[]} parts */
function fits(pattern, parts) {
  const wanted = pattern.split("/");
  return wanted.length === parts.length && wanted.every((part, i) => part === "*" || part === parts[i]);
}

/** @param {string} part */
function decoded(part) {
  try {
    return decodeURIComponent(part);
  } catch {
    return part; // somebody has typed it
  }
}
