// What a session refused, in its receipt: read when somebody wants to know.

import { call } from "./api.js";
import { busy } from "./busy.js";
import { byId, passFocus } from "./dom.js";
import { count } from "./format.js";

/** @typedef {import("fullsync-api").components["schemas"]} Schemas */

const details = byId("rejects", HTMLDetailsElement);
const summary = byId("rejects-title", HTMLElement);
const list = byId("reject-list", HTMLElement);
const more = byId("rejects-more", HTMLButtonElement);
const problem = byId("rejects-problem", HTMLElement);

let sessionId = "";
/** The next page; empty before the first one, null after the last. @type {string | null} */
let nextPage = "";

details.addEventListener("toggle", () => details.open && nextPage === "" && more.click());
more.addEventListener("click", () => void busy(more, problem, loadPage));

/**
 * Offers to show what a session refused, if it did refuse something.
 * @param {Schemas["Receipt"]} receipt
 */
export function offerRejects(receipt) {
  sessionId = receipt.sessionId;
  nextPage = "";
  list.replaceChildren();
  problem.textContent = "";
  details.open = false;
  details.hidden = receipt.rejected === 0;
  summary.textContent = `${count(receipt.rejected, "product was", "products were")} refused`;
}

async function loadPage() {
  if (nextPage === null) return;
  const asked = sessionId;
  const query = new URLSearchParams({ pageToken: nextPage });
  /** @type {Schemas["RejectListResponse"]} */
  const page = await call("GET", `/api/admin/sync/full-sync/${asked}/rejects?${query}`);
  if (asked !== sessionId) return; // another receipt is open by now
  nextPage = page.nextPageToken;
  for (const reject of page.rejects) {
    const line = document.createElement("li");
    const id = document.createElement("code");
    id.textContent = reject.productId ?? "without an id";
    line.append(id, `: ${reject.reason}`);
    list.append(line);
  }
  if (nextPage === null) passFocus(more, summary);
  more.hidden = nextPage === null;
}
