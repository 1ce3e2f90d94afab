// The part of a receipt that shows what the session refused.

import { call } from "./api.js";
import { lines } from "./lines.js";
import { texts } from "./texts/common.js";

/** @typedef {import("fullsync-api").components["schemas"]} Schemas */

const refused = lines("rejects", async (sessionId, query) => {
  /** @type {Schemas["RejectListResponse"]} */
  const page = await call("GET", `/api/admin/sync/full-sync/${sessionId}/rejects?${query}`);
  return { items: page.rejects.map((r) => ({ id: r.productId ?? texts.withoutAnId, text: r.reason })), next: page.nextPageToken };
});

/**
 * Offers to show what a session refused, if it refused something.
 * @param {Schemas["Receipt"]} receipt
 */
export function offerRejects(receipt) {
  refused.offer(receipt.sessionId, receipt.rejected ? texts.refusedOfProducts(texts.countProductsWere(receipt.rejected)) : "");
}
