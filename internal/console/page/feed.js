// The page that adds a feed: it shows the first products before anything is stored.

import { call } from "./api.js";
import { busy } from "./busy.js";
import { make } from "./dom.js";
import { newFeedForm, newPreview } from "./feedform.js";
import { say } from "./message.js";
import { reloadPeers } from "./peers.js";
import { go, href } from "./route.js";
import { newSection } from "./views.js";
import { texts as common } from "./texts/common.js";
import { texts } from "./texts/feed.js";

/** @typedef {import("fullsync-api").components["schemas"]} Schemas */

const { section, problem } = newSection("feeds", texts.addAFeed, { text: common.peers, href: href("peers") });
const preview = newPreview();
const look = make("button", { type: "button" }, texts.check);
const feed = newFeedForm(texts.addAFeed, texts.add, add, true, look);

look.addEventListener("click", () => {
  if (feed.form.reportValidity()) void busy(look, problem, check);
});
feed.form.addEventListener("input", () => preview.show());
section.dataset.may = "admin";
section.append(make("p", { className: "hint" }, texts.explanation), feed.form, preview.place);

/** @type {import("./route.js").View} */
export const feedPage = {
  path: "feeds",
  show() {
    return texts.addAFeed;
  },
};

async function check() {
  preview.show();
  /** @type {Schemas["PeerCheckResponse"]} */
  const { check } = await call("POST", "/api/admin/sync/peer-check", feed.added());
  preview.show(check.feed);
  if (check.problem) throw new Error(check.problem);
}

async function add() {
  const wanted = feed.added();
  await call("POST", "/api/admin/sync/peers", wanted);
  feed.form.reset();
  preview.show();
  await reloadPeers();
  go(`peers/${wanted.nodeId}`);
  say("success", texts.isAdded(wanted.nodeId));
}
