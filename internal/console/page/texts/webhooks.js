// The texts of the pages of the webhooks.

export const texts = {
  webhook: "Webhook",
  added: "Added",
  lastSuccess: "Last success",
  tells: "Tells",
  /** @type {Record<string, string>} */
  types: {
    "session.started": "a sync has started",
    "session.completed": "a sync is COMPLETED",
    "session.failed": "a sync has FAILED",
    "session.cancelled": "a sync was CANCELLED",
    "session.stalled": "a sync no longer moves",
    "session.deletes_withheld": "deletes were withheld",
  },
  thereIsNoWebhook: "There is no webhook yet. A webhook tells another system what happens to syncs.",
  addAWebhook: "Add a webhook",
  addWebhook: "Add webhook",
  chooseAType: "Choose at least one thing to tell.",
  /** @param {string} name */
  isAdded: (name) => `Webhook ${name} is added.`,
  /** @param {string} name */
  isSaved: (name) => `Webhook ${name} is saved.`,
  /** @param {string} name */
  secretOf: (name) => `The secret of ${name}. The receiver verifies messages with it. Keep it now; it is not shown again. `,
  copySecret: "Copy secret",
  theSecret: "the secret",
  test: "Send a test",
  /** @param {string} name @param {number} ms */
  tookTheTest: (name, ms) => `${name} took the test message, after ${ms} ms.`,
  /** @param {string} name @param {string} problem */
  didNotTakeTheTest: (name, problem) => `${name} did not take the test message. ${problem}`,
  notTaken: "The receiver did not answer.",
  rotate: "New secret…",
  /** @param {string} name */
  rotateQuestion: (name) => `Give ${name} a new secret?`,
  rotateText: "For 24 hours messages are signed with both secrets, so that the receiver can change over. To end an old secret at once, do it twice.",
  rotateGo: "Make a new secret",
  /** @param {string} name */
  removeQuestion: (name) => `Remove webhook ${name}?`,
  removeText: "Its secret and its deliveries go too. Nothing more is sent to it.",
  removeGo: "Remove webhook",
  changeIt: "Change it",
  changeTheWebhook: "Change the webhook",
  switchedOn: "switched on",
  failing: "failing",
  /** @param {string} reason */
  switchedOffBecause: (reason) => `switched off by the node: ${reason}`,
  lastError: "Last error",
  bothSecretsUntil: "Both secrets sign until",
  /** @param {string} at @param {string} by */
  addedBy: (at, by) => `${at} by ${by}`,
  deliveries: "Deliveries",
  noDeliveries: "Nothing was sent to it in the last 30 days.",
  attempts: "Attempts",
  testMessage: "a test",
  /** @type {Record<string, string>} */
  states: { pending: "will be tried again", delivered: "taken", failed: "given up" },
  /** @param {string} state @param {string} at */
  nextAttempt: (state, at) => `${state}, at ${at}`,
  /** @param {string} at @param {string} answer @param {number} ms */
  attempt: (at, answer, ms) => `${at}: ${answer}, ${ms} ms`,
  /** @param {number} status */
  answered: (status) => `answer ${status}`,
};
