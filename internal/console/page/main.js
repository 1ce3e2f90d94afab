// The page: sign in, then the desk.

import { call, keepToken, onSignedOut, token, Unreachable } from "./api.js";
import { busy } from "./busy.js";
import { byId, field, mainHeading } from "./dom.js";
import { clock } from "./format.js";
import { reloadHistory } from "./history.js";
import { follow } from "./live.js";
import { hush, say, sentenceOf } from "./message.js";
import { reloadPeers } from "./peers.js";
import { isActive, onSession, put, refresh, takeSnapshot, takeStatus } from "./sessions.js";
import "./start.js";

/** @typedef {import("fullsync-api").components["schemas"]} Schemas */

const noticeKey = "fullsync.notice";
const signInSection = byId("sign-in", HTMLElement);
const signInForm = byId("sign-in-form", HTMLFormElement);
const signInProblem = byId("sign-in-problem", HTMLElement);
const signOutButton = byId("sign-out", HTMLButtonElement);
const connectionLine = byId("connection", HTMLElement);

/** @type {Record<import("./live.js").Connection, string>} */
const connectionTexts = {
  live: "Live",
  polling: "No live events; asking every 3 seconds",
  lost: "Connection lost; what you see may be old. Trying again…",
};

onSignedOut((why) => leave("failure", `You have been signed out. ${why}`));
signInForm.addEventListener("submit", (event) => {
  event.preventDefault();
  void busy(/** @type {HTMLButtonElement} */ (signInForm.querySelector("button")), signInProblem, signIn);
});
signOutButton.addEventListener("click", () => void busy(signOutButton, null, signOut));
onSession((now, before) => {
  if (before && isActive(before) && !isActive(now)) void reloadPeers(); // it was seen, or has failed
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
  await open(() => mainHeading().focus());
}

/**
 * Shows the desk to whom the token speaks for.
 * @param {() => void} [shown] called once it is shown
 */
async function open(shown) {
  /** @type {Schemas["MeResponse"]} */
  let me;
  try {
    me = await call("GET", "/api/auth/me");
  } catch (failure) {
    // The token is kept: the node may only be restarting.
    say("failure", `${sentenceOf(failure)} Reload this page to try again.`);
    return;
  }
  document.body.dataset.role = me.user.role;
  document.title = `fullsync: ${me.node.nodeName}`;
  byId("node", HTMLElement).textContent = me.node.nodeName;
  byId("user", HTMLElement).textContent = `${me.user.name} (${me.user.role}), until ${clock(me.expiresAt)}`;
  byId("who", HTMLElement).hidden = false;
  byId("desk", HTMLElement).hidden = false;
  shown?.();
  let connected = false;
  follow({
    snapshot(snapshot) {
      takeSnapshot(snapshot);
      if (connected && !snapshot.resumed) void reloadHistory(); // more may have happened than the snapshot tells
      connected = true;
    },
    status: takeStatus,
    session: put,
    refresh,
    connection(connection) {
      connectionLine.hidden = false;
      connectionLine.dataset.connection = connection;
      connectionLine.textContent = connectionTexts[connection];
    },
  });
  await Promise.all([reloadPeers(), reloadHistory()]);
}

async function signOut() {
  try {
    /** @type {Schemas["MessageResponse"]} */
    const done = await call("POST", "/api/auth/logout");
    leave("success", done.message);
  } catch (failure) {
    if (failure instanceof Unreachable) say("failure", "The node does not answer, so the login could not be ended there. Try again when it does, or close this tab.");
    else leave("success", "Signed out here."); // a token that no login made cannot be ended; it is only forgotten
  }
}

/**
 * Forgets the token and begins anew, with a clean page that shows nothing of what the last user saw.
 * @param {"success" | "failure"} kind
 * @param {string} why
 */
function leave(kind, why) {
  keepToken("");
  sessionStorage.setItem(noticeKey, JSON.stringify({ kind, why }));
  location.reload();
}
