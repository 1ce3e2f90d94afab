// The part of a receipt that shows which products the session found to be gone at its source, and approves withheld deletes.

import { call } from "./api.js";
import { confirm } from "./confirm.js";
import { way } from "./describe.js";
import { byId } from "./dom.js";
import { lines } from "./lines.js";
import { say } from "./message.js";
import { go } from "./route.js";
import { put } from "./sessions.js";
import { texts } from "./texts/common.js";

/** @typedef {import("fullsync-api").components["schemas"]} Schemas */

const approve = byId("receipt-approve", HTMLButtonElement);

const gone = lines("deletes", async (sessionId, query) => {
  /** @type {Schemas["DeleteListResponse"]} */
  const page = await call("GET", `/api/admin/sync/full-sync/${sessionId}/deletes?${query}`);
  return { items: page.deletes.map((d) => ({ id: d.productId, text: d.state })), next: page.nextPageToken };
});

/** @type {() => void} */
let ask = () => {};

approve.addEventListener("click", () => ask());

/**
 * Offers to show which products were missing at a session's source, and to approve the withheld deletes.
 * @param {Schemas["Receipt"]} receipt
 * @param {Schemas["Session"]} session that it belongs to
 */
export function offerDeletes(receipt, session) {
  const withheld = receipt.deletesWithheld;
  let title = "";
  if (withheld) title = texts.missingAtAndNotDeleted(texts.countProductsAre(withheld), receipt.sourceNodeId, withheld === 1 ? texts.was : texts.were);
  else if (receipt.deleted) title = texts.deleted(texts.countProductsWere(receipt.deleted));
  gone.offer(receipt.sessionId, title);
  approve.hidden = !withheld || session.incoming; // only the pushing node can approve them
  approve.textContent = texts.deleteAsk(texts.countProducts(withheld));
  ask = () => {
    confirm({
      title: texts.deleteQuestion(texts.countProducts(withheld)),
      text:
        way(session) === "push"
          ? texts.aNewPushToRuns(receipt.targetNodeId)
          : texts.aNewPullFromRuns(receipt.sourceNodeId),
      safe: texts.keepThem,
      go: texts.delete(texts.countProducts(withheld)),
      async work() {
        /** @type {Schemas["StartResponse"]} */
        const started = await call("POST", `/api/admin/sync/full-sync/${receipt.sessionId}/deletes/approve`, { count: withheld });
        put(started.session);
        go(`sessions/${started.sessionId}`);
        say("success", started.message);
      },
    });
  };
}
