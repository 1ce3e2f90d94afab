// The texts of the page of who may do what.

export const texts = {
  people: "People",
  role: "Role",
  lastLogin: "Last login",
  nobodyMaySignIn: "Nobody may sign in.",
  addAPerson: "Add a person",
  addPerson: "Add person",
  passwordOfAtLeast8: "Password of at least 8 characters",
  /** @param {string} name */
  maySignIn: (name) => `${name} may sign in.`,
  apiTokens: "API tokens",
  made: "Made",
  expires: "Expires",
  lastUsed: "Last used",
  thereIsNoApiToken: "There is no API token.",
  makeAToken: "Make a token",
  makeToken: "Make token",
  whatItIsFor: "What it is for",
  daysUntilItExpires: "Days until it expires",
  /** @param {string} name */
  roleOf: (name) => `Role of ${name}`,
  /** @param {string} name @param {string} part @param {string} wanted */
  make: (name, part, wanted) => `Make ${name} ${part} ${wanted}?`,
  everyLoginOfThisPerson: "Every login of this person ends at once.",
  /** @param {string} name @param {string} wanted */
  makeOfName: (name, wanted) => `Make ${name} ${wanted}`,
  endLogins: "End logins",
  /** @param {string} name */
  remove: (name) => `Remove ${name}?`,
  everyLoginOfThisPersonEndsAtOnce: "Every login of this person ends at once. What this person did stays in the history.",
  /** @param {string} name */
  removeOfName: (name) => `Remove ${name}`,
  maySignInLower: "may sign in",
  mayNoLonger: "may no longer",
  may: "may",
  /** @param {string} name @param {string} part */
  signIn: (name, part) => `${name} ${part} sign in.`,
  /** @param {string} name */
  theLoginsOfHaveEnded: (name) => `The logins of ${name} have ended.`,
  leaveIt: "Leave it",
  /** @param {string} go */
  done: (go) => `${go}: done.`,
  /** @param {string} by */
  by: (by) => `, by ${by}`,
  /** @param {string | null} revokedBy */
  revokedBy: (revokedBy) => `revoked by ${revokedBy}`,
  revoke: "Revoke…",
  /** @param {string} name */
  revokeQuestion: (name) => `Revoke ${name}?`,
  theNextRequestWithThis: "The next request with this token is refused, and it cannot be made to work again.",
  /** @param {string} name */
  revokeOfName: (name) => `Revoke ${name}`,
  /** @param {string} createdAt @param {string} createdBy */
  byOfCreatedAt: (createdAt, createdBy) => `${createdAt}, by ${createdBy}`,
  /** @param {string} name */
  theTokenKeepItNow: (name) => `The token ${name}. Keep it now; it is not shown again. `,
  copyToken: "Copy token",
  theToken: "the token",
};
