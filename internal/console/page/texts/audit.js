// The texts of the page of the audit log.

export const texts = {
  actionSuchAsPeerOr: "Action, such as peer or peer.changed",
  after: "After",
  before: "Before",
  from: "From",
  action: "Action",
  nobodyKnown: "nobody known",
  whatItWasDoneTo: "What it was done to",
};
