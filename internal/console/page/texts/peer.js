// The texts of the page of one peer.

export const texts = {
  saveAndCheck: "Save and check",
  changeThePeer: "Change the peer",
  newTokenOnlyToReplace: "New token (only to replace the present one)",
  /** @param {string} id */
  peer: (id) => `Peer ${id}`,
  /** @param {string} id */
  peerIsSaved: (id) => `Peer ${id} is saved.`,
  kind: "Kind",
  whatRunsWithIt: "What runs with it",
  allItsSessions: "All its sessions",
  changeTheFeed: "Change the feed",
};
