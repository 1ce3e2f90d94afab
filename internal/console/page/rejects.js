// The part of a receipt that shows what the session refused.

import { call } from "./api.js";
import { count } from "./format.js";
import { lines } from "./lines.js";

/** @typedef {import("fullsync-api").components["schemas"]} Schemas */

const refused = lines("rejects", async (sessionId, query) => {
  /** @type {Schemas["RejectListResponse"]} */
  const page = await call("GET", `/api/admin/sync/full-sync/${sessionId}/rejects?${query}`);
  return { items: page.rejects.map((r) => ({ id: r.productId ?? "without an id", text: `: ${r.reason}` })), next: page.nextPageToken };
});

/**
 * Offers to show what a session refused, if it refused something.
 * @param {Schemas["Receipt"]} receipt
 */
export function offerRejects(receipt) {
  refused.offer(receipt.sessionId, receipt.rejected ? `${count(receipt.rejected, "product was", "products were")} refused` : "");
}
