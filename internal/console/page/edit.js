// Lets two people change one thing at once. A form sends only what was changed in it, so that nothing that somebody else has changed is
// put back, and it says so if both have changed the same. Only in the moment between the look and the change does the last one win.

import { exactText } from "./exact.js";
import { texts } from "./texts/pages.js";

/** @typedef {Record<string, unknown>} Members */

/**
 * Returns what tells the changes of a form.
 * @param {() => Members} read what the form says, by the names of the API
 * @param {Record<string, string>} labels what the form calls them
 */
export function newEdit(read, labels) {
  /** What the node had when the form was filled in. @type {Members} */
  let known = {};
  /** What the form said then. @type {Members} */
  let filled = {};
  return {
    /** Begins again, because the form has just been filled in. @param {object} thing what the node has */
    begin(thing) {
      known = { ...thing };
      filled = read();
    },
    /**
     * Returns what was changed in the form, undefined if nothing was. It throws if somebody else has changed the same; after that the
     * person knows, and may do it all the same.
     * @param {object} thing what the node has now
     */
    changes(thing) {
      /** @type {Members} */
      const now = { ...thing };
      const mine = Object.entries(read()).filter(([name, value]) => !same(value, filled[name]));
      const theirs = mine.filter(([name, value]) => !same(now[name], known[name]) && !same(now[name], value));
      known = now;
      if (theirs.length) throw new Error(texts.somebodyElseHasChanged(theirs.map(([name]) => texts.isNow(labels[name] ?? name, exactText(now[name]))).join(", ")));
      return mine.length ? Object.fromEntries(mine) : undefined;
    },
  };
}

/** @param {unknown} a @param {unknown} b */
function same(a, b) {
  return JSON.stringify(a) === JSON.stringify(b);
}
