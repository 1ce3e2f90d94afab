// The page of one peer: what is known about it, and the form that changes it.

import { call } from "./api.js";
import { busy } from "./busy.js";
import { newFeedForm, newPreview } from "./feedform.js";
import { field, make, timeAt } from "./dom.js";
import { newEdit } from "./edit.js";
import { say, sentenceOf } from "./message.js";
import { check, state } from "./peers.js";
import { href } from "./route.js";
import { newFacts, newSection } from "./views.js";
import { texts as common } from "./texts/common.js";
import { texts } from "./texts/peer.js";
import { texts as shared } from "./texts/pages.js";

/** @typedef {import("fullsync-api").components["schemas"]} Schemas */

const { section, heading, problem } = newSection("peers/*", common.peer, { text: common.peers, href: href("peers") });
const facts = newFacts();
const sessions = make("p", {});
/** @param {string} text @param {Partial<HTMLInputElement>} input */
const labelled = (text, input) => make("label", {}, text, make("input", { autocomplete: "off", ...input }));
const save = make("button", { className: "main" }, texts.saveAndCheck);
const form = make(
  "form",
  { ariaLabel: texts.changeThePeer },
  make(
    "div",
    { className: "fields" },
    labelled(common.name, { name: "called", maxLength: 200 }),
    labelled(common.address, { name: "url", type: "url", required: true, maxLength: 2048 }),
    labelled(texts.newTokenOnlyToReplace, { name: "token", type: "password", maxLength: 8192 }),
    labelled(shared.fieldsThatItsPullsLeave, { name: "keepFields", placeholder: shared.noneSeparateSeveralByCommas }),
  ),
  save,
);
form.dataset.may = "admin";
const preview = newPreview();
const feed = newFeedForm(texts.changeTheFeed, texts.saveAndCheck, () => change(feedEdit), false);
feed.form.dataset.may = "admin";
const labels = { nodeName: common.name, url: common.address, keepFields: shared.fieldsThatItsPullsLeave };
const edit = newEdit(wanted, labels);
const feedEdit = newEdit(feed.changed, { ...labels, ...feed.labels });
section.append(facts.list, sessions, form, feed.form, preview.place);

let id = "";
let path = "";

/** @type {import("./route.js").View} */
export const peerPage = {
  path: "peers/*",
  show([, asked = ""]) {
    if (asked !== id) {
      form.hidden = feed.form.hidden = true;
      preview.show();
    }
    id = asked;
    path = `/api/admin/sync/peers/${encodeURIComponent(id)}`;
    heading.textContent = texts.peer(id);
    void load(form.hidden && feed.form.hidden);
    return texts.peer(id);
  },
};

form.addEventListener("submit", (event) => {
  event.preventDefault();
  void busy(save, problem, () => change(edit));
});

/** What the form says. @returns {Schemas["PeerChange"]} */
function wanted() {
  const text = (/** @type {string} */ name) => field(form, name).value.trim();
  const token = text("token");
  return { nodeName: text("called"), url: text("url"), keepFields: text("keepFields").split(",").map((f) => f.trim()).filter(Boolean), ...(token && { token }) };
}

/** Changes the peer, and asks it whether all is well. @param {ReturnType<typeof newEdit>} made what was changed */
async function change(made) {
  /** @type {Schemas["PeerResponse"]} */
  const now = await call("GET", path);
  const changes = made.changes(now.peer);
  if (changes) await call("PATCH", path, changes);
  say("success", texts.peerIsSaved(id));
  preview.show((await check(id, path)).feed);
  await load(true);
}

/** @param {boolean} fillIn whether the form may be filled in, because nobody has typed anything there */
async function load(fillIn) {
  const asked = id;
  problem.textContent = "";
  try {
    /** @type {Schemas["PeerResponse"]} */
    const { peer } = await call("GET", path);
    if (asked !== id) return;
    facts.show({ [common.state]: common.peerStates[state(peer)], [common.lastSeen]: timeAt(peer.lastSeen), [shared.lastProblem]: peer.lastError, [texts.kind]: peer.kind });
    const its = new URLSearchParams({ peer: id });
    const running = new URLSearchParams([["status", "PREPARING"], ["status", "TRANSFERRING"], ["peer", id]]);
    sessions.replaceChildren(make("a", { href: href("sessions", running) }, texts.whatRunsWithIt), " · ", make("a", { href: href("sessions", its) }, texts.allItsSessions));
    if (!fillIn) return;
    if (peer.kind === "feed") {
      feed.fill(peer);
      feedEdit.begin(peer);
      feed.form.hidden = false;
      return;
    }
    field(form, "called").value = peer.nodeName;
    field(form, "url").value = peer.url;
    field(form, "keepFields").value = peer.keepFields.join(", ");
    field(form, "token").value = "";
    edit.begin(peer);
    form.hidden = false;
  } catch (failure) {
    if (asked === id) problem.textContent = sentenceOf(failure);
  }
}
