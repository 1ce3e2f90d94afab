// What pages are made of that need nothing from index.html: a section with a heading, tables, lists that are loaded page by page.

import { busy } from "./busy.js";
import { byId, make, passFocus } from "./dom.js";
import { sentenceOf } from "./message.js";
import { texts as common } from "./texts/common.js";

/**
 * Makes the section of a page.
 * @param {string} path the page's
 * @param {string} title
 * @param {{text: string, href: string}} [above] the page that this one belongs to
 */
export function newSection(path, title, above) {
  const heading = make("h2", { id: `${path.replaceAll(/\W/g, "-")}-title`, tabIndex: -1 }, title);
  const problem = make("p", { className: "problem", role: "alert" });
  const section = make("section", {}, heading, problem);
  if (above) section.prepend(make("p", { className: "crumb" }, make("a", { href: above.href }, above.text)));
  section.dataset.view = path;
  section.setAttribute("aria-labelledby", heading.id);
  byId("desk", HTMLElement).append(section);
  return { section, heading, problem };
}

/**
 * Makes a table, which becomes a list on narrow screens.
 * @param {string} label @param {string[]} columns
 */
export function newTable(label, columns) {
  const body = make("tbody", { role: "rowgroup" });
  const names = columns.map((name) => make("th", { role: "columnheader", scope: "col" }, name));
  const table = make("table", { role: "table", ariaLabel: label }, make("thead", { role: "rowgroup" }, make("tr", { role: "row" }, ...names)), body);
  return {
    table,
    body,
    /** Returns a row. @param {...(Node | string)} cells */
    row(...cells) {
      const row = make("tr", { role: "row" }, ...cells.map((cell) => make("td", { role: "cell" }, cell)));
      for (const [i, cell] of [...row.cells].entries()) cell.dataset.label = columns[i];
      return row;
    },
  };
}

/**
 * Makes a list that is loaded page by page.
 * @template T
 * @param {HTMLElement} place where its elements go @param {HTMLElement} problem
 * @param {(pageToken: string) => Promise<{items: T[], next: string | null}>} read
 * @param {(item: T) => HTMLElement} show
 * @param {string} none what to say if there is nothing
 */
export function newList(place, problem, read, show, none) {
  const more = make("button", { type: "button", hidden: true }, common.showMore);
  const empty = make("p", { className: "hint", hidden: true }, none);
  /** @type {string | null} */
  let next = "";
  let generation = 0;
  more.addEventListener("click", () => void busy(more, problem, () => load(generation)));

  /** @param {number} mine */
  async function load(mine) {
    const first = next === "";
    const page = await read(next ?? "");
    if (mine !== generation) return; // somebody has asked for something else meanwhile
    if (first) place.replaceChildren();
    place.append(...page.items.map(show));
    next = page.next;
    if (next === null) passFocus(more, /** @type {HTMLElement} */ (place.querySelector(":scope > :last-child a") ?? more));
    more.hidden = next === null;
    empty.hidden = place.children.length > 0;
  }
  return {
    more,
    empty,
    /** Loads the first page again. */
    async reload() {
      next = "";
      problem.textContent = "";
      await load(++generation).catch((failure) => (problem.textContent = sentenceOf(failure)));
    },
  };
}

/**
 * Makes a button that does something.
 * @param {string} text @param {() => Promise<unknown>} work
 * @param {{may?: string, about?: string, problem?: HTMLElement}} [more] who may use it, what it acts on, for screen readers, and where to show a failure
 */
export function button(text, work, { may, about, problem } = {}) {
  const made = make("button", { type: "button" }, text);
  if (may) made.dataset.may = may;
  if (about) made.ariaLabel = `${text} ${about}`;
  made.addEventListener(
    "click",
    () =>
      void busy(made, problem ?? null, async () => {
        await work();
      }),
  );
  return made;
}

/**
 * Makes a form. A failure shows above its button.
 * @param {string} label @param {string} go the button's text
 * @param {Record<string, HTMLElement>} fields @param {() => Promise<void>} work
 * @param {...Node} below what stands between the fields and the button
 */
export function newForm(label, go, fields, work, ...below) {
  const problem = make("p", { className: "problem", role: "alert" });
  const save = make("button", { className: "main" }, go);
  const inputs = Object.entries(fields).map(([text, input]) => make("label", {}, text, input));
  const form = make("form", { ariaLabel: label }, make("div", { className: "fields" }, ...inputs), ...below, problem, save);
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    void busy(save, problem, work);
  });
  return form;
}

/** Makes a part of a page that opens. @param {string} text @param {string} may who sees it @param {...Node} inside */
export function newDetails(text, may, ...inside) {
  const details = make("details", {}, make("summary", {}, text), ...inside);
  details.dataset.may = may;
  return details;
}

/** Makes a list of names and values; those without a value are left out. */
export function newFacts(list = make("dl", { className: "facts" })) {
  return {
    list,
    /** @param {Record<string, Node | string | null>} all */
    show(all) {
      const lines = Object.entries(all).filter(([, value]) => value);
      list.replaceChildren(...lines.map(([name, value]) => make("div", {}, make("dt", {}, name), make("dd", {}, value ?? ""))));
    },
  };
}
