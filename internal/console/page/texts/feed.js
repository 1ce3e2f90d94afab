// The texts of how a feed is added and changed.

export const texts = {
  addAFeed: "Add a feed",
  explanation: "A feed is a file or list of another system at a URL, such as an export of a shop. Its products are pulled like those of another node.",
  add: "Add feed",
  check: "Check first",
  id: "Id of the feed",
  catalog: "Into catalog",
  foundOut: "found out",
  auth: "What its server wants to see",
  /** @type {Record<string, string>} */
  auths: { "": "as it is now", none: "nothing", bearer: "a bearer token", basic: "a name and a password", header: "a header", query: "a parameter of the address" },
  /** @type {Record<string, string>} */
  secrets: { token: "Token", username: "User name or consumer key", password: "Password or consumer secret", name: "Name of the header or parameter", value: "Its value" },
  /** @param {string} kind */
  authNow: (kind) => `as it is now: ${kind}`,
  noProducts: "It holds no product.",
  /** @param {string} id */
  isAdded: (id) => `Feed ${id} is added. Pull its products when you like.`,
};
