// As in the admin page's own files, the types in comments know the API.

/** @typedef {import("fullsync-api").components["schemas"]["Session"]} Session */

/**
 * @param {Session} session
 * @returns {number}
 */
export function check(session) {
  // @ts-expect-error: a session has no such member
  void session.nosuch;
  return session.progress;
}
