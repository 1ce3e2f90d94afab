// The page of one peer: what is known about it, and the form that changes it.

import { call } from "./api.js";
import { busy } from "./busy.js";
import { field, make } from "./dom.js";
import { time } from "./format.js";
import { say, sentenceOf } from "./message.js";
import { check, state } from "./peers.js";
import { href } from "./route.js";
import { newFacts, newSection } from "./views.js";

/** @typedef {import("fullsync-api").components["schemas"]} Schemas */

const { section, heading, problem } = newSection("peers/*", "Peer", { text: "Peers", href: href("peers") });
const facts = newFacts();
const sessions = make("p", {});
/** @param {string} text @param {Partial<HTMLInputElement>} input */
const labelled = (text, input) => make("label", {}, text, make("input", { autocomplete: "off", ...input }));
const save = make("button", { className: "main" }, "Save and check");
const form = make(
  "form",
  { ariaLabel: "Change the peer" },
  make(
    "div",
    { className: "fields" },
    labelled("Name", { name: "called", maxLength: 200 }),
    labelled("Address", { name: "url", type: "url", required: true, maxLength: 2048 }),
    labelled("New token (only to replace the present one)", { name: "token", type: "password", maxLength: 8192 }),
    labelled("Fields that its pulls leave as they are here", { name: "keepFields", placeholder: "none; separate several by commas" }),
  ),
  save,
);
form.dataset.may = "admin";
section.append(facts.list, sessions, form);

let id = "";
let path = "";

/** @type {import("./route.js").View} */
export const peerPage = {
  path: "peers/*",
  show([, asked = ""]) {
    if (asked !== id) form.hidden = true;
    id = asked;
    path = `/api/admin/sync/peers/${encodeURIComponent(id)}`;
    heading.textContent = `Peer ${id}`;
    void load(form.hidden);
    return `Peer ${id}`;
  },
};

form.addEventListener("submit", (event) => {
  event.preventDefault();
  void busy(save, problem, async () => {
    const text = (/** @type {string} */ name) => field(form, name).value.trim();
    /** @type {Schemas["PeerChange"]} */
    const change = { nodeName: text("called"), url: text("url"), keepFields: text("keepFields").split(",").map((f) => f.trim()).filter(Boolean) };
    if (text("token")) change.token = text("token");
    await call("PATCH", path, change);
    field(form, "token").value = "";
    say("success", `Peer ${id} is saved.`);
    await check(id, path);
    await load(true);
  });
});

/** @param {boolean} fillIn whether the form may be filled in, because nobody has typed anything there */
async function load(fillIn) {
  const asked = id;
  problem.textContent = "";
  try {
    /** @type {Schemas["PeerResponse"]} */
    const { peer } = await call("GET", path);
    if (asked !== id) return;
    facts.show({ State: state(peer), "Last seen": time(peer.lastSeen), "Last problem": peer.lastError, Kind: peer.kind });
    const its = new URLSearchParams({ peer: id });
    const running = new URLSearchParams([["status", "PREPARING"], ["status", "TRANSFERRING"], ["peer", id]]);
    sessions.replaceChildren(make("a", { href: href("sessions", running) }, "What runs with it"), " · ", make("a", { href: href("sessions", its) }, "All its sessions"));
    if (!fillIn) return;
    field(form, "called").value = peer.nodeName;
    field(form, "url").value = peer.url;
    field(form, "keepFields").value = peer.keepFields.join(", ");
    form.hidden = false;
  } catch (failure) {
    if (asked === id) problem.textContent = sentenceOf(failure);
  }
}
