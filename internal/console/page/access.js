// The page of who may do what: people and API tokens.

import { call } from "./api.js";
import { confirm } from "./confirm.js";
import { make } from "./dom.js";
import { time } from "./format.js";
import { copy, focusMessage, say } from "./message.js";
import { button, newDetails, newForm, newList, newSection, newTable } from "./views.js";

/** @typedef {import("fullsync-api").components["schemas"]} Schemas */
/** @typedef {Schemas["UserAccount"]} User */

const day = 86_400; // seconds

const { section, problem } = newSection("access", "Access");
const everybody = ["viewer", "operator", "admin"];

const people = newTable("People", ["Name", "Role", "State", "Last login", "Actions"]);
const users = newList(people.body, problem, readUsers, showUser, "Nobody may sign in.");
const newName = make("input", { required: true, maxLength: 64, autocomplete: "off", autocapitalize: "none", spellcheck: false });
const newRole = make("select", {}, ...everybody.map((role) => new Option(role, role)));
const newPassword = make("input", { type: "password", required: true, minLength: 8, maxLength: 200, autocomplete: "new-password" });
const addPerson = newForm("Add a person", "Add person", { Name: newName, Role: newRole, "Password of at least 8 characters": newPassword }, async () => {
  const name = newName.value.trim();
  await call("POST", "/api/admin/users", { name, role: newRole.value, password: newPassword.value });
  addPerson.reset();
  await users.reload();
  say("success", `${name} may sign in.`);
});

const keys = newTable("API tokens", ["Name", "Role", "State", "Made", "Expires", "Last used", "Actions"]);
const tokens = newList(keys.body, problem, readTokens, showToken, "There is no API token.");
const tokenName = make("input", { required: true, maxLength: 200, autocomplete: "off", spellcheck: false });
const tokenRole = make("select", {}, ...["node", "node-push", ...everybody].map((role) => new Option(role, role)));
const tokenDays = make("input", { type: "number", min: "1", max: "3650", required: true, inputMode: "numeric", value: "365" });
const made = make("div", { className: "message success", role: "status", hidden: true });
const makeToken = newForm("Make a token", "Make token", { "What it is for": tokenName, Role: tokenRole, "Days until it expires": tokenDays }, async () => {
  const wanted = { name: tokenName.value.trim(), role: tokenRole.value, ttlSeconds: Number(tokenDays.value) * day };
  /** @type {Schemas["NewTokenResponse"]} */
  const { token } = await call("POST", "/api/admin/tokens", wanted);
  makeToken.reset();
  showOnce(wanted.name, token);
  await tokens.reload();
});

section.dataset.may = "admin";
section.append(
  make("h3", {}, "People"),
  people.table,
  users.empty,
  newDetails("Add a person", "admin", addPerson),
  make("h3", {}, "API tokens"),
  keys.table,
  tokens.empty,
  made,
  newDetails("Make a token", "admin", makeToken),
);

/** @type {import("./route.js").View} */
export const access = {
  path: "access",
  show() {
    made.replaceChildren(); // a token is shown once
    made.hidden = true;
    if (document.body.dataset.role === "admin") {
      void users.reload();
      void tokens.reload();
    }
    return "Access";
  },
};

async function readUsers() {
  /** @type {Schemas["UserListResponse"]} */
  const all = await call("GET", "/api/admin/users");
  return { items: all.users, next: null };
}

/** @param {User} user */
function showUser(user) {
  const { name, disabled } = user;
  const path = `/api/admin/users/${encodeURIComponent(name)}`;
  const role = make("select", { ariaLabel: `Role of ${name}` }, ...everybody.map((r) => new Option(r, r, false, r === user.role)));
  role.addEventListener("change", () => {
    const wanted = role.value;
    role.value = user.role; // until it is confirmed
    ask(`Make ${name} ${wanted === "viewer" ? "a" : "an"} ${wanted}?`, "Every login of this person ends at once.", `Make ${name} ${wanted}`, "PATCH", path, { role: wanted });
  });
  const act = [
    button(disabled ? "Switch on" : "Switch off", () => change(path, { disabled: !disabled }), { about: name, problem }),
    button("End logins", () => change(`${path}/end-logins`), { about: name, problem }),
    button("Remove…", async () => ask(`Remove ${name}?`, "Every login of this person ends at once. What this person did stays in the history.", `Remove ${name}`, "DELETE", path), { about: name }),
  ];
  act[2]?.classList.add("danger");
  return people.row(name, role, disabled ? "switched off" : "may sign in", time(user.lastLoginAt), make("div", { className: "tools" }, ...act));
}

/** Changes a person. @param {string} path @param {Schemas["UserChange"]} [to] */
async function change(path, to) {
  /** @type {Schemas["UserResponse"]} */
  const { user } = await call(to ? "PATCH" : "POST", path, to);
  await users.reload();
  say("success", to ? `${user.name} ${user.disabled ? "may no longer" : "may"} sign in.` : `The logins of ${user.name} have ended.`);
}

/**
 * Asks, and then changes or removes a person or a token.
 * @param {string} title @param {string} text @param {string} go @param {string} method @param {string} path @param {unknown} [body]
 */
function ask(title, text, go, method, path, body) {
  confirm({
    title,
    text,
    safe: "Leave it",
    go,
    async work() {
      await call(method, path, body);
      const told = say("success", `${go}: done.`);
      await Promise.all([users.reload(), tokens.reload()]);
      focusMessage(told);
    },
  });
}

async function readTokens() {
  /** @type {Schemas["TokenListResponse"]} */
  const all = await call("GET", "/api/admin/tokens");
  return { items: all.tokens, next: null };
}

/** @param {Schemas["ApiToken"]} t */
function showToken(t) {
  const by = t.lastUsedBy ?? t.lastUsedFrom;
  const used = t.lastUsedAt ? `${time(t.lastUsedAt)}${by ? `, by ${by}` : ""}` : "never";
  const state = t.revokedAt ? `revoked by ${t.revokedBy}` : t.state;
  const revoke = button(
    "Revoke…",
    async () => ask(`Revoke ${t.name}?`, "The next request with this token is refused, and it cannot be made to work again.", `Revoke ${t.name}`, "DELETE", `/api/admin/tokens/${t.id}`),
    { about: t.name },
  );
  revoke.classList.add("danger");
  revoke.hidden = t.state !== "active";
  return keys.row(t.name, t.role, state, `${time(t.createdAt)}, by ${t.createdBy}`, time(t.expiresAt), used, revoke);
}

/** Shows a new token, which nothing shows again. @param {string} name @param {string} token */
function showOnce(name, token) {
  const code = make("code", { className: "secret" }, token);
  const text = make("p", { tabIndex: -1 }, `The token ${name}. Keep it now; it is not shown again. `, code);
  made.replaceChildren(text, button("Copy token", () => copyToken(token, code)));
  made.hidden = false;
  text.focus();
}

/** @param {string} token @param {HTMLElement} code */
async function copyToken(token, code) {
  await copy(token, code, "the token");
}
