// A list in the receipt that is loaded page by page, once somebody opens it.

import { busy } from "./busy.js";
import { byId, passFocus } from "./dom.js";

/**
 * @typedef {object} Page
 * @property {{id: string, text: string}[]} items
 * @property {string | null} next the token of the next page, null after the last
 */

/**
 * Returns the list whose elements in index.html have ids that begin with name.
 * @param {string} name
 * @param {(sessionId: string, query: URLSearchParams) => Promise<Page>} read
 */
export function lines(name, read) {
  const details = byId(name, HTMLDetailsElement);
  const summary = byId(`${name}-title`, HTMLElement);
  const list = byId(`${name}-list`, HTMLElement);
  const more = byId(`${name}-more`, HTMLButtonElement);
  const problem = byId(`${name}-problem`, HTMLElement);
  let sessionId = "";
  /** Empty before the first page. @type {string | null} */
  let nextPage = "";

  details.addEventListener("toggle", () => details.open && nextPage === "" && more.click());
  more.addEventListener("click", () => void busy(more, problem, loadPage));

  async function loadPage() {
    if (nextPage === null) return;
    const asked = sessionId;
    const page = await read(asked, new URLSearchParams({ pageToken: nextPage }));
    if (asked !== sessionId) return; // another receipt is open by now
    nextPage = page.next;
    for (const { id, text } of page.items) {
      const line = document.createElement("li");
      line.append(Object.assign(document.createElement("code"), { textContent: id }), text);
      list.append(line);
    }
    if (nextPage === null) passFocus(more, summary);
    more.hidden = nextPage === null;
  }

  return {
    /**
     * Offers to show the list of a session.
     * @param {string} id
     * @param {string} title what there is to see; empty for nothing
     */
    offer(id, title) {
      sessionId = id;
      nextPage = "";
      list.replaceChildren();
      problem.textContent = "";
      details.open = false;
      details.hidden = title === "";
      summary.textContent = title;
    },
  };
}
