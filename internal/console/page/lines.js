// A list in the receipt: loaded page by page, once somebody opens it, searched, or downloaded as a whole.

import { busy } from "./busy.js";
import { byId, make, passFocus } from "./dom.js";
import { saveFile } from "./file.js";

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
  const search = byId(`${name}-search`, HTMLInputElement);
  const download = byId(`${name}-download`, HTMLButtonElement);
  let sessionId = "";
  /** Empty before the first page. @type {string | null} */
  let nextPage = "";

  details.addEventListener("toggle", () => details.open && nextPage === "" && more.click());
  more.addEventListener("click", () => void busy(more, problem, loadPage));
  search.addEventListener("input", () => {
    for (const line of list.children) sift(line);
    if (!list.querySelector("li:not([hidden])")) more.click();
  });
  download.addEventListener("click", () => void busy(download, problem, save));

  /** Loads a page, and then the next ones until something on them is what is searched for. */
  async function loadPage() {
    const asked = sessionId;
    for (let found = false; !found && nextPage !== null; ) {
      const page = await read(asked, new URLSearchParams({ pageSize: search.value ? "100" : "20", pageToken: nextPage }));
      if (asked !== sessionId) return; // another receipt is open by now
      nextPage = page.next;
      for (const { id, text } of page.items) {
        const line = make("li", {}, make("code", {}, id), `: ${text}`);
        list.append(line);
        found = sift(line) || found;
      }
    }
    if (nextPage === null) passFocus(more, summary);
    more.hidden = nextPage === null;
  }

  /** Hides a line that is not searched for, and says whether it is shown. @param {Element} line */
  function sift(line) {
    const fits = line.textContent?.toLowerCase().includes(search.value.toLowerCase()) ?? false;
    line.toggleAttribute("hidden", !fits);
    return fits;
  }

  /** Saves the whole list as a file for spreadsheets. */
  async function save() {
    const rows = [];
    for (let next = /** @type {string | null} */ (""); next !== null; ) {
      const page = await read(sessionId, new URLSearchParams({ pageSize: "100", pageToken: next }));
      for (const { id, text } of page.items) rows.push([id, text].map(quoted).join());
      next = page.next;
    }
    saveFile(`${name}-${sessionId}.csv`, rows.join("\r\n") + "\r\n");
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
      problem.textContent = search.value = "";
      details.open = false;
      details.hidden = title === "";
      summary.textContent = title;
    },
  };
}

/** A cell of a CSV file. Spreadsheets run what begins like a formula, and these texts come from others. @param {string} text */
function quoted(text) {
  return `"${text.replace(/^[=+\-@\t\r]/, "'$&").replaceAll('"', '""')}"`;
}
