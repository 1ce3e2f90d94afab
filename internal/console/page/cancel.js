// Cancels a session, after asking.

import { callAtOnce, Refused } from "./api.js";
import { confirm } from "./confirm.js";
import { way } from "./describe.js";
import { focusMessage, say } from "./message.js";
import { committed, load, put, sessionOf } from "./sessions.js";
import { texts } from "./texts/common.js";

/** @typedef {import("fullsync-api").components["schemas"]} Schemas */
/** @typedef {Schemas["Session"]} Session */

/**
 * Asks whether to cancel a session, and cancels it. Cancelling twice is the same as cancelling once, so a lost answer does no
 * harm.
 * @param {string} sessionId
 */
export function askToCancel(sessionId) {
  confirm({
    title: texts.cancelThisSync,
    text: consequences(sessionOf(sessionId)),
    safe: texts.keepRunning,
    go: texts.cancelSync,
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
  const rest = texts.productsCommittedSoFarStay;
  if (!s) return texts.theSyncStopsAtOnce(rest);
  return {
    pull: texts.thePullFromIntoCatalog(s.sourceNodeId, s.catalog, rest),
    push: texts.thePushToFromCatalog(s.targetNodeId, s.catalog),
    incoming: texts.thePushByIntoCatalog(s.sourceNodeId, s.catalog, rest),
    revert: texts.theRevertOfInCatalog(s.revertOf, s.catalog),
    import: texts.theImportIntoCatalogStops(s.catalog, rest),
  }[way(s)];
}

/** What can be put back with a cancel. @param {Session | undefined} s */
function putBack(s) {
  if (!s || s.options.dryRun) return undefined;
  const where = way(s) === "push" ? texts.at(s.targetNodeId) : "";
  return texts.putBackWhatItHas(where);
}

/** Says how a cancel went. What may still land at the target of a push is the API's to say. @param {Schemas["CancelResponse"]} done */
function tell(done) {
  if (done.mayLandUntil) return say("warning", done.message);
  return say("success", texts.committedBeforeNoneCanFollow(done.message, texts.countProductsWere(committed(done.session))));
}
