// The part of a receipt that shows which products the session found to be gone at its source, and approves withheld deletes.

import { call } from "./api.js";
import { confirm } from "./confirm.js";
import { way } from "./describe.js";
import { byId } from "./dom.js";
import { count } from "./format.js";
import { lines } from "./lines.js";
import { say } from "./message.js";
import { go } from "./route.js";
import { put } from "./sessions.js";

/** @typedef {import("fullsync-api").components["schemas"]} Schemas */

const approve = byId("receipt-approve", HTMLButtonElement);

const gone = lines("deletes", async (sessionId, query) => {
  /** @type {Schemas["DeleteListResponse"]} */
  const page = await call("GET", `/api/admin/sync/full-sync/${sessionId}/deletes?${query}`);
  return { items: page.deletes.map((d) => ({ id: d.productId, text: `: ${d.state}` })), next: page.nextPageToken };
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
  if (withheld) title = `${count(withheld, "product is", "products are")} missing at ${receipt.sourceNodeId} and ${withheld === 1 ? "was" : "were"} not deleted`;
  else if (receipt.deleted) title = `${count(receipt.deleted, "product was", "products were")} deleted`;
  gone.offer(receipt.sessionId, title);
  approve.hidden = !withheld || session.incoming; // only the pushing node can approve them
  approve.textContent = `Delete ${count(withheld, "product")}…`;
  ask = () => {
    confirm({
      title: `Delete ${count(withheld, "product")}?`,
      text:
        way(session) === "push"
          ? `A new push to ${receipt.targetNodeId} runs first. Then it deletes the listed products there, except those that are back here ` +
            "or that somebody has changed there since. Deleted products do not come back."
          : `A new pull from ${receipt.sourceNodeId} runs first. Then it deletes the listed products, except those that are back at ` +
            `${receipt.sourceNodeId} or that somebody has changed here since. Deleted products do not come back.`,
      safe: "Keep them",
      go: `Delete ${count(withheld, "product")}`,
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
