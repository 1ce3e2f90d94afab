// Cancels a session, after asking.

import { callAtOnce, Refused } from "./api.js";
import { confirm } from "./confirm.js";
import { count } from "./format.js";
import { focusMessage, say } from "./message.js";
import { load, put } from "./sessions.js";

/** @typedef {import("fullsync-api").components["schemas"]} Schemas */

/**
 * Asks whether to cancel a session, and cancels it. Cancelling twice is the same as cancelling once, so a lost answer does no
 * harm.
 * @param {{sessionId: string, catalog?: string, sourceNodeId?: string}} session
 */
export function askToCancel(session) {
  const what = session.sourceNodeId ? `The pull from ${session.sourceNodeId} into catalog ${session.catalog}` : "The sync";
  confirm({
    title: "Cancel this sync?",
    text: `${what} stops at once. Products committed so far stay; no more are written.`,
    safe: "Keep running",
    go: "Cancel sync",
    reason: true,
    async work(reason) {
      /** @type {HTMLElement} */
      let told;
      try {
        /** @type {Schemas["CancelResponse"]} */
        const done = await callAtOnce("/api/admin/sync/full-sync/cancel", {
          sessionId: session.sessionId,
          ...(reason && { reason }),
        });
        put(done.session);
        told = say("success", `${done.message}. ${count(done.session.transferredRecords, "product was", "products were")} committed before; none can follow.`);
      } catch (failure) {
        if (!(failure instanceof Refused) || failure.code !== "SESSION_FINISHED") throw failure;
        told = say("failure", failure.message); // it ended by itself while the dialog was open
        await load(session.sessionId);
      }
      focusMessage(told); // the pressed button disappears when the session ends
    },
  });
}
