// The page: sign in, then the desk.

import { call, keepToken, onSignedOut, poll, token, Unreachable } from "./api.js";
import { busy } from "./busy.js";
import { byId, field, mainHeading } from "./dom.js";
import { clock, duration } from "./format.js";
import { follow, oldAge } from "./live.js";
import { hush, say, sentenceOf } from "./message.js";
import { reloadHistory, sessionList } from "./history.js";
import { overview } from "./overview.js";
import { peers, reloadPeers } from "./peers.js";
import { beginViews, focusPage, later } from "./route.js";
import { sessionPage } from "./session.js";
import { askForNewest, isActive, onSession, put, takeState, takeStatus } from "./sessions.js";
import { texts } from "./texts/common.js";

/** @typedef {import("fullsync-api").components["schemas"]} Schemas */

const noticeKey = "fullsync.notice";
const signInSection = byId("sign-in", HTMLElement);
const signInForm = byId("sign-in-form", HTMLFormElement);
const signInProblem = byId("sign-in-problem", HTMLElement);
const signOutButton = byId("sign-out", HTMLButtonElement);
const connectionLine = byId("connection", HTMLElement);
const ageLine = byId("age", HTMLElement);

/** @type {Record<import("./live.js").Connection, string>} */
const connectionTexts = {
  live: texts.live,
  polling: texts.noLiveEventsAskingEvery,
  silent: texts.theNodeDoesNotAnswerWhatYouSee,
  lost: texts.connectionLostWhatYouSee,
};

/** The pages, in the order of the navigation. Those that few people open are loaded only then. */
const views = [
  overview,
  sessionList,
  sessionPage,
  later("catalogs", async () => (await import("./catalogs.js")).catalogs, texts.catalogs),
  later("catalogs/*", async () => (await import("./products.js")).products),
  later("catalogs/*/*", async () => (await import("./product.js")).product),
  later("import", async () => (await import("./upload.js")).upload, texts.import, "operator"),
  peers,
  later("feeds", async () => (await import("./feed.js")).feedPage),
  later("peers/*", async () => (await import("./peer.js")).peerPage),
  later("schedules", async () => (await import("./schedules.js")).schedules, texts.schedules),
  later("schedules/*", async () => (await import("./schedule.js")).schedulePage),
  later("webhooks", async () => (await import("./webhooks.js")).webhooks, texts.webhooks, "admin"),
  later("webhooks/*", async () => (await import("./webhook.js")).webhookPage),
  later("access", async () => (await import("./access.js")).access, texts.access, "admin"),
  later("audit", async () => (await import("./audit.js")).audit, texts.audit, "admin"),
  later("settings", async () => (await import("./settings.js")).settings, texts.settings, "admin"),
];

let leaving = false; // the person has asked to sign out
let feed = { begin() {}, end() {} };
/** Whose page this is. */
let owner = "";
onSignedOut((why) => leaving || askAgain(why));
signInForm.addEventListener("submit", (event) => {
  event.preventDefault();
  void busy(/** @type {HTMLButtonElement} */ (signInForm.querySelector("button")), signInProblem, signIn);
});
signOutButton.addEventListener("click", () => void busy(signOutButton, null, signOut));
onSession((now, before) => {
  if (before && isActive(before) && !isActive(now)) void reloadPeers(); // the peer was seen, or has failed
});

for (const dialog of document.querySelectorAll("dialog")) {
  // The focus goes back to the button that opened it, but that may be gone by then.
  dialog.addEventListener("close", () => {
    const focused = document.activeElement;
    if (!focused || focused === document.body || !focused.checkVisibility()) mainHeading().focus();
  });
}

const notice = sessionStorage.getItem(noticeKey);
sessionStorage.removeItem(noticeKey);
if (notice) say(JSON.parse(notice).kind, JSON.parse(notice).why);
if (token()) void open();
else askToSignIn();

function askToSignIn() {
  signInSection.hidden = false;
  field(signInForm, "user").focus();
}

async function signIn() {
  /** @type {Schemas["LoginResponse"]} */
  const signedIn = await call("POST", "/api/auth/login", {
    name: field(signInForm, "user").value.trim(),
    password: field(signInForm, "password").value,
  });
  keepToken(signedIn.token);
  signInForm.reset();
  signInSection.hidden = true;
  hush();
  await open(focusPage);
}

/**
 * Asks to sign in again, because the login has ended. What was typed stays, hidden, for the same person.
 * @param {string} why
 */
function askAgain(why) {
  if (!token()) return; // another request was refused before
  keepToken("");
  feed.end();
  for (const dialog of document.querySelectorAll("dialog")) dialog.close();
  hush();
  for (const id of ["desk", "nav", "who"]) byId(id, HTMLElement).hidden = true;
  document.title = "fullsync";
  askToSignIn();
  say("failure", texts.youHaveBeenSignedOut(why));
}

/**
 * Shows the desk to the owner of the token.
 * @param {() => void} [shown] called once it is shown
 */
async function open(shown) {
  /** @type {Schemas["MeResponse"]} */
  let me;
  try {
    me = await call("GET", "/api/auth/me");
  } catch (failure) {
    // Keep the token, because the node may only be restarting.
    say("failure", texts.reloadThisPageToTry(sentenceOf(failure)));
    return;
  }
  const now = JSON.stringify([me.node.nodeId, me.user.name, me.user.role]);
  if (owner && owner !== now) return location.reload(); // nobody gets to see what somebody else has typed
  const again = owner === now;
  owner = now;
  document.body.dataset.role = me.user.role;
  byId("node", HTMLElement).textContent = me.node.nodeName;
  byId("user", HTMLElement).textContent = texts.until(me.user.name, me.user.role, clock(me.expiresAt));
  byId("who", HTMLElement).hidden = false;
  byId("desk", HTMLElement).hidden = false;
  beginViews(views, me.node.nodeName);
  shown?.();
  if (again) return feed.begin();
  feed = follow(
    {
      status: takeStatus,
      session: put,
      ask: askForNewest,
      state: takeState,
      missed: () => void reloadHistory(),
      check: () => poll("/api/auth/me"),
      connection: showConnection,
    },
    owner,
  );
  await reloadPeers();
}

/**
 * Shows how fresh the page is. Screen readers do not read the seconds aloud, because they change all the time.
 * @param {import("./live.js").Connection} connection
 * @param {number} age of the figures, in milliseconds
 */
function showConnection(connection, age) {
  connectionLine.hidden = false;
  if (connectionLine.dataset.connection !== connection) connectionLine.textContent = connectionTexts[connection];
  connectionLine.dataset.connection = connection;
  const isOld = age >= oldAge;
  document.body.dataset.old = String(isOld);
  const text = isOld ? texts.lastUpdateAgo(duration(Math.floor(age / 1_000))) : "";
  if (ageLine.textContent !== text) ageLine.textContent = text;
}

async function signOut() {
  leaving = true; // other requests under way may be refused before this one is answered
  feed.end();
  try {
    /** @type {Schemas["MessageResponse"]} */
    const done = await call("POST", "/api/auth/logout");
    leave("success", done.message);
  } catch (failure) {
    leaving = !(failure instanceof Unreachable);
    if (leaving) {
      leave("success", texts.signedOutHere); // a token that is not from a login cannot be ended, only forgotten
      return;
    }
    feed.begin();
    say("failure", texts.theNodeDoesNotAnswerSoItCould);
  }
}

/**
 * Forgets the token and starts again with a clean page, which shows nothing that the last user saw.
 * @param {"success" | "failure"} kind
 * @param {string} why
 */
function leave(kind, why) {
  keepToken("");
  sessionStorage.setItem(noticeKey, JSON.stringify({ kind, why }));
  location.reload();
}
