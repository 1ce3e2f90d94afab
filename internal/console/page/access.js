// The page of who may do what: people and API tokens.

import { call } from "./api.js";
import { confirm } from "./confirm.js";
import { make, timeAt } from "./dom.js";
import { time } from "./format.js";
import { focusMessage, say } from "./message.js";
import { newSecret } from "./secret.js";
import { button, newDetails, newForm, newList, newSection, newTable } from "./views.js";
import { texts as common } from "./texts/common.js";
import { texts } from "./texts/access.js";
import { texts as shared } from "./texts/pages.js";

/** @typedef {import("fullsync-api").components["schemas"]} Schemas */
/** @typedef {Schemas["UserAccount"]} User */

const day = 86_400; // seconds

const { section, problem } = newSection("access", common.access);
const everybody = ["viewer", "operator", "admin"];

const people = newTable(texts.people, [common.name, texts.role, common.state, texts.lastLogin, common.actions]);
const users = newList(people.body, problem, readUsers, showUser, texts.nobodyMaySignIn);
const newName = make("input", { required: true, maxLength: 64, autocomplete: "off", autocapitalize: "none", spellcheck: false });
const newRole = make("select", {}, ...everybody.map((role) => new Option(role, role)));
const newPassword = make("input", { type: "password", required: true, minLength: 8, maxLength: 200, autocomplete: "new-password" });
const addPerson = newForm(texts.addAPerson, texts.addPerson, { [common.name]: newName, [texts.role]: newRole, [texts.passwordOfAtLeast8]: newPassword }, async () => {
  const name = newName.value.trim();
  await call("POST", "/api/admin/users", { name, role: newRole.value, password: newPassword.value });
  addPerson.reset();
  await users.reload();
  say("success", texts.maySignIn(name));
});

const keys = newTable(texts.apiTokens, [common.name, texts.role, common.state, texts.made, texts.expires, texts.lastUsed, common.actions]);
const tokens = newList(keys.body, problem, readTokens, showToken, texts.thereIsNoApiToken);
const tokenName = make("input", { required: true, maxLength: 200, autocomplete: "off", spellcheck: false });
const tokenRole = make("select", {}, ...["node", "node-push", ...everybody].map((role) => new Option(role, role)));
const tokenDays = make("input", { type: "number", min: "1", max: "3650", required: true, inputMode: "numeric", value: "365" });
const secret = newSecret(texts.copyToken, texts.theToken);
const makeToken = newForm(texts.makeAToken, texts.makeToken, { [texts.whatItIsFor]: tokenName, [texts.role]: tokenRole, [texts.daysUntilItExpires]: tokenDays }, async () => {
  const wanted = { name: tokenName.value.trim(), role: tokenRole.value, ttlSeconds: Number(tokenDays.value) * day };
  /** @type {Schemas["NewTokenResponse"]} */
  const { token } = await call("POST", "/api/admin/tokens", wanted);
  makeToken.reset();
  secret.show(texts.theTokenKeepItNow(wanted.name), token);
  await tokens.reload();
});

section.dataset.may = "admin";
section.append(
  make("h3", {}, texts.people),
  people.table,
  users.empty,
  newDetails(texts.addAPerson, "admin", addPerson),
  make("h3", {}, texts.apiTokens),
  keys.table,
  tokens.empty,
  secret.place,
  newDetails(texts.makeAToken, "admin", makeToken),
);

/** @type {import("./route.js").View} */
export const access = {
  path: "access",
  show() {
    secret.hide();
    if (document.body.dataset.role === "admin") {
      void users.reload();
      void tokens.reload();
    }
    return common.access;
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
  const role = make("select", { ariaLabel: texts.roleOf(name) }, ...everybody.map((r) => new Option(r, r, false, r === user.role)));
  role.addEventListener("change", () => {
    const wanted = role.value;
    role.value = user.role; // until it is confirmed
    ask(texts.make(name, wanted === "viewer" ? common.a : common.an, wanted), texts.everyLoginOfThisPerson, texts.makeOfName(name, wanted), "PATCH", path, { role: wanted });
  });
  const act = [
    button(disabled ? common.switchOn : common.switchOff, () => change(path, { disabled: !disabled }), { about: name, problem }),
    button(texts.endLogins, () => change(`${path}/end-logins`), { about: name, problem }),
    button(shared.remove, async () => ask(texts.remove(name), texts.everyLoginOfThisPersonEndsAtOnce, texts.removeOfName(name), "DELETE", path), { about: name }),
  ];
  act[2]?.classList.add("danger");
  return people.row(name, role, disabled ? common.switchedOff : texts.maySignInLower, timeAt(user.lastLoginAt), make("div", { className: "tools" }, ...act));
}

/** Changes a person. @param {string} path @param {Schemas["UserChange"]} [to] */
async function change(path, to) {
  /** @type {Schemas["UserResponse"]} */
  const { user } = await call(to ? "PATCH" : "POST", path, to);
  await users.reload();
  say("success", to ? texts.signIn(user.name, user.disabled ? texts.mayNoLonger : texts.may) : texts.theLoginsOfHaveEnded(user.name));
}

/**
 * Asks, and then changes or removes a person or a token.
 * @param {string} title @param {string} text @param {string} go @param {string} method @param {string} path @param {unknown} [body]
 */
function ask(title, text, go, method, path, body) {
  confirm({
    title,
    text,
    safe: texts.leaveIt,
    go,
    async work() {
      await call(method, path, body);
      const told = say("success", texts.done(go));
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
  const used = t.lastUsedAt ? `${time(t.lastUsedAt)}${by ? texts.by(by) : ""}` : common.never;
  const state = t.revokedAt ? texts.revokedBy(t.revokedBy) : t.state;
  const revoke = button(
    texts.revoke,
    async () => ask(texts.revokeQuestion(t.name), texts.theNextRequestWithThis, texts.revokeOfName(t.name), "DELETE", `/api/admin/tokens/${t.id}`),
    { about: t.name },
  );
  revoke.classList.add("danger");
  revoke.hidden = t.state !== "active";
  return keys.row(t.name, t.role, state, texts.byOfCreatedAt(time(t.createdAt), t.createdBy), timeAt(t.expiresAt), used, revoke);
}
