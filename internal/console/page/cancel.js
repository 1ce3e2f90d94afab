// Cancels a session, after asking.

import { callAtOnce, Refused } from "./api.js";
import { confirm } from "./confirm.js";
import { way } from "./describe.js";
import { count } from "./format.js";
import { focusMessage, say } from "./message.js";
import { load, put, sessionOf } from "./sessions.js";

/** @typedef {import("fullsync-api").components["schemas"]} Schemas */
/** @typedef {Schemas["Session"]} Session */

/**
 * Asks whether to cancel a session, and cancels it. Cancelling twice is the same as cancelling once, so a lost answer does no
 * harm.
 * @param {string} sessionId
 */
export function askToCancel(sessionId) {
  confirm({
    title: "Cancel this sync?",
    text: consequences(sessionOf(sessionId)),
    safe: "Keep running",
    go: "Cancel sync",
    reason: true,
    option: putBack(sessionOf(sessionId)),
    async work(reason, revert) {
      /** @type {HTMLElement} */
      let told;
      try {
        /** @type {Schemas["CancelResponse"]} */
        const done = await callAtOnce("/api/admin/sync/full-sync/cancel", {
          sessionId,
          ...(reason && { reason }),
          ...(revert && { revert }),
        });
        put(done.session);
        told = revert ? say(done.session.revertedBy ? "success" : "warning", `${done.message}.`.replace(/\.\.$/, ".")) : tell(done);
        if (done.session.revertedBy) load(done.session.revertedBy).catch(() => {}); // an event brings it too
      } catch (failure) {
        if (!(failure instanceof Refused) || failure.code !== "SESSION_FINISHED") throw failure;
        told = say("failure", failure.message); // it ended by itself while the dialog was open
        await load(sessionId);
      }
      focusMessage(told); // the pressed button disappears when the session ends
    },
  });
}

/** What a cancel does. @param {Session | undefined} s undefined if it is not known yet */
function consequences(s) {
  const rest = "Products committed so far stay; no more are written.";
  if (!s) return `The sync stops at once. ${rest}`;
  return {
    pull: `The pull from ${s.sourceNodeId} into catalog ${s.catalog} stops at once. ${rest}`,
    push: `The push to ${s.targetNodeId} from catalog ${s.catalog} stops here at once, and ${s.targetNodeId} is told. Products committed there so far stay.`,
    incoming: `The push by ${s.sourceNodeId} into catalog ${s.catalog} stops at once. ${rest} It ends at ${s.sourceNodeId} too.`,
    revert: `The revert of ${s.revertOf} in catalog ${s.catalog} stops at once. What it has put back stays.`,
    import: `The import into catalog ${s.catalog} stops at once. ${rest}`,
  }[way(s)];
}

/** What can be put back with a cancel. @param {Session | undefined} s */
function putBack(s) {
  if (!s || s.options.dryRun) return undefined;
  const where = way(s) === "push" ? ` at ${s.targetNodeId}` : "";
  return `Put back what it has changed${where} so far`;
}

/** Says how a cancel went. What may still land at the target of a push is the API's to say. @param {Schemas["CancelResponse"]} done */
function tell(done) {
  if (done.mayLandUntil) return say("warning", done.message);
  return say("success", `${done.message}. ${count(done.session.transferredRecords, "product was", "products were")} committed before; none can follow.`);
}
