// The texts of what a browser loads at once: of index.html, and of the modules that main.js imports.

import { count } from "../format.js";

export const texts = {
  access: "Access",
  name: "Name",
  stillSearching: "Still searching…",
  state: "State",
  actions: "Actions",
  a: "a",
  an: "an",
  switchOn: "Switch on",
  switchOff: "Switch off",
  switchedOff: "switched off",
  never: "never",
  notYet: "not yet",
  /** @param {string} duration */
  ago: (duration) => `${duration} ago`,
  /** @param {number} status */
  theNodeAnsweredInA: (status) => `The node answered ${status} in a way that this page does not understand. Is there a proxy in between?`,
  /** @param {string} said @param {string} requestId */
  request: (said, requestId) => `${said} (request ${requestId})`,
  theNodesAnswerWasCut: "The node's answer was cut. Check whether it happened before you try again.",
  theFileWasCutBefore: "The file was cut before its end. Try again.",
  theNodeSentNoEvents: "The node sent no events.",
  theNodeDoesNotAnswer: "The node does not answer. It may or may not have got the request; it is safe to look or to try again.",
  audit: "Audit",
  who: "Who",
  filters: "Filters",
  clearFilters: "Clear filters",
  change: "Change",
  nothingFits: "Nothing fits.",
  cancelThisSync: "Cancel this sync?",
  keepRunning: "Keep running",
  cancelSync: "Cancel sync",
  productsCommittedSoFarStay: "Products committed so far stay; no more are written.",
  /** @param {string} rest */
  theSyncStopsAtOnce: (rest) => `The sync stops at once. ${rest}`,
  /** @param {string} sourceNodeId @param {string} catalog @param {string} rest */
  thePullFromIntoCatalog: (sourceNodeId, catalog, rest) => `The pull from ${sourceNodeId} into catalog ${catalog} stops at once. ${rest}`,
  /** @param {string} targetNodeId @param {string} catalog */
  thePushToFromCatalog: (targetNodeId, catalog) => `The push to ${targetNodeId} from catalog ${catalog} stops here at once, and ${targetNodeId} is told. Products committed there so far stay.`,
  /** @param {string} sourceNodeId @param {string} catalog @param {string} rest */
  thePushByIntoCatalog: (sourceNodeId, catalog, rest) => `The push by ${sourceNodeId} into catalog ${catalog} stops at once. ${rest} It ends at ${sourceNodeId} too.`,
  /** @param {string | null} revertOf @param {string} catalog */
  theRevertOfInCatalog: (revertOf, catalog) => `The revert of ${revertOf} in catalog ${catalog} stops at once. What it has put back stays.`,
  /** @param {string} catalog @param {string} rest */
  theImportIntoCatalogStops: (catalog, rest) => `The import into catalog ${catalog} stops at once. ${rest}`,
  /** @param {string} targetNodeId */
  at: (targetNodeId) => ` at ${targetNodeId}`,
  /** @param {string} where */
  putBackWhatItHas: (where) => `Put back what it has changed${where} so far`,
  /** @param {number} n */
  countProductsWere: (n) => count(n, "product was", "products were"),
  /** @param {string} message @param {string} products */
  committedBeforeNoneCanFollow: (message, products) => `${message}. ${products} committed before; none can follow.`,
  /** @param {string} sync */
  progress: (sync) => `Progress: ${sync}`,
  notKnownYet: "not known yet",
  /** @param {string} lasted */
  finishedAfter: (lasted) => `finished after ${lasted}`,
  /** @param {string} estimatedTimeRemaining */
  about: (estimatedTimeRemaining) => `about ${estimatedTimeRemaining}`,
  /** @param {string} sync @param {number} progress */
  percent: (sync, progress) => `${sync}: ${progress} percent`,
  catalogs: "Catalogs",
  catalog: "Catalog",
  products: "Products",
  /** @param {number} n */
  countProducts: (n) => count(n, "product"),
  keepIt: "Keep it",
  /** @param {string} products */
  delete: (products) => `Delete ${products}`,
  search: "Search",
  downloadAll: "Download all",
  searchChanges: "Search changes",
  kind: "Kind ",
  productContains: "Product contains ",
  changes: "Changes",
  product: "Product",
  fields: "Fields",
  wouldChange: "would change",
  changed: "changed",
  /** @param {string} part */
  whatItProductByProduct: (part) => `What it ${part}, product by product`,
  /** @param {number} n */
  countProductsAre: (n) => count(n, "product is", "products are"),
  was: "was",
  were: "were",
  /** @param {string} products @param {string} sourceNodeId @param {string} part */
  missingAtAndNotDeleted: (products, sourceNodeId, part) => `${products} missing at ${sourceNodeId} and ${part} not deleted`,
  /** @param {string} products */
  deleted: (products) => `${products} deleted`,
  /** @param {string} products */
  deleteAsk: (products) => `Delete ${products}…`,
  /** @param {string} products */
  deleteQuestion: (products) => `Delete ${products}?`,
  /** @param {string} targetNodeId */
  aNewPushToRuns: (targetNodeId) => `A new push to ${targetNodeId} runs first. Then it deletes the listed products there, except those that are back here or that somebody has changed there since. Deleted products do not come back.`,
  /** @param {string} sourceNodeId */
  aNewPullFromRuns: (sourceNodeId) => `A new pull from ${sourceNodeId} runs first. Then it deletes the listed products, except those that are back at ${sourceNodeId} or that somebody has changed here since. Deleted products do not come back.`,
  keepThem: "Keep them",
  /** @param {string} sourceNodeId @param {string} catalog */
  pullFromIntoCatalog: (sourceNodeId, catalog) => `pull from ${sourceNodeId} into catalog ${catalog}`,
  /** @param {string} targetNodeId @param {string} catalog */
  pushToFromCatalog: (targetNodeId, catalog) => `push to ${targetNodeId} from catalog ${catalog}`,
  /** @param {string} sourceNodeId @param {string} catalog */
  pushedHereByIntoCatalog: (sourceNodeId, catalog) => `pushed here by ${sourceNodeId} into catalog ${catalog}`,
  /** @param {string | null} revertOf @param {string} catalog */
  revertOfInCatalog: (revertOf, catalog) => `revert of ${revertOf} in catalog ${catalog}`,
  /** @param {string} catalog */
  importIntoCatalog: (catalog) => `import into catalog ${catalog}`,
  /** @param {string} part @param {string} sync */
  dryRunOf: (part, sync) => `dry run of ${part} ${sync}`,
  /** @param {string} done @param {string} products */
  nOf: (done, products) => `${done} of ${products}`,
  /** @param {string} text @param {string} resumedRecords */
  ofThemBeforeItResumed: (text, resumedRecords) => `${text}, ${resumedRecords} of them before it resumed`,
  new: "new",
  unchanged: "unchanged",
  removed: "removed",
  refused: "refused",
  stillRunning: "still running",
  /** @param {string} products @param {string} bytes */
  perSecond: (products, bytes) => `${products}/s, ${bytes}/s`,
  /** @param {string} targetNodeId */
  notConfirmedByYet: (targetNodeId) => `not confirmed by ${targetNodeId} yet`,
  /** @param {string} startedBy @param {string} cancelledBy */
  cancelledBy: (startedBy, cancelledBy) => `${startedBy}; cancelled by ${cancelledBy}`,
  nothing: "nothing",
  sessions: "Sessions",
  recentSessions: "Recent sessions",
  noSessionFitsTheseFilters: "No session fits these filters.",
  noSyncHasRunHere: "No sync has run here yet.",
  /** @param {string} status */
  showTheSync: (status) => `${status}: show the sync`,
  /** @param {string} status */
  showTheReceipt: (status) => `${status}: show the receipt`,
  live: "Live",
  noLiveEventsAskingEvery: "No live events; asking every 3 seconds",
  theNodeDoesNotAnswerWhatYouSee: "The node does not answer; what you see is old",
  connectionLostWhatYouSee: "Connection lost; what you see may be old. Trying again…",
  schedules: "Schedules",
  /** @param {string} why */
  youHaveBeenSignedOut: (why) => `You have been signed out. ${why}`,
  /** @param {string} sentenceOf */
  reloadThisPageToTry: (sentenceOf) => `${sentenceOf} Reload this page to try again.`,
  /** @param {string} name @param {string} role @param {string} expiresAt */
  until: (name, role, expiresAt) => `${name} (${role}), until ${expiresAt}`,
  /** @param {string} duration */
  lastUpdateAgo: (duration) => `Last update ${duration} ago`,
  signedOutHere: "Signed out here.",
  theNodeDoesNotAnswerSoItCould: "The node does not answer, so it could not end the login. Try again when it answers, or close this tab.",
  /** @param {string} name */
  copied: (name) => `Copied ${name}`,
  theBrowserDoesNotLet: "The browser does not let this page copy. The text is selected; copy it with the keyboard.",
  overview: "Overview",
  productsHere: "Products here",
  runningNow: "Running now",
  peersOnline: "Peers online",
  /** @param {string} online @param {string} length */
  nOfOfOnline: (online, length) => `${online} of ${length}`,
  endedIn24Hours: "Ended in 24 hours",
  /** @param {number} n */
  countSyncs: (n) => count(n, "sync"),
  didNotFail: "Did not fail",
  productsAccepted: "Products accepted",
  peer: "Peer",
  peers: "Peers",
  address: "Address",
  lastSeen: "Last seen",
  peerStates: { off: "switched off", online: "online", offline: "offline", unchecked: "not checked yet" },
  /** @param {string} nodeId */
  removePeer: (nodeId) => `Remove peer ${nodeId}?`,
  itsTokenIsForgottenToo: "Its token is forgotten too. The products that came from it stay.",
  removePeerNow: "Remove peer",
  /** @param {string} nodeId */
  peerIsRemoved: (nodeId) => `Peer ${nodeId} is removed.`,
  /** @param {string} expiresAt */
  untilOfExpiresAt: (expiresAt) => `, until ${expiresAt}`,
  weMayPullFromIt: "We may pull from it and push to it.",
  weMayPullFromItButNotPush: "We may pull from it, but not push to it.",
  unknown: "unknown",
  /** @param {string} nodeId @param {number} latencyMs @param {string} role @param {string} until @param {string} may */
  peerAnsweredInMsAnd: (nodeId, latencyMs, role, until, may) => `Peer ${nodeId} answered in ${latencyMs} ms and accepts our token of role ${role}${until}. ${may}`,
  /** @param {string} nodeId */
  peerIsRegisteredCheckIt: (nodeId) => `Peer ${nodeId} is registered. Check it to see whether it answers.`,
  sync: "Sync",
  /** @param {string} status */
  receipt: (status) => `Receipt: ${status}`,
  leftUndone: "Left undone",
  whyItEnded: "Why it ended",
  cancel: "Cancel",
  started: "Started",
  /** @param {string} startedAt @param {string} startedBy */
  by: (startedAt, startedBy) => `${startedAt} by ${startedBy}`,
  ended: "Ended",
  /** @param {string} completedAt @param {string} lasted */
  after: (completedAt, lasted) => `${completedAt}, after ${lasted}`,
  batches: "Batches",
  /** @param {number} n */
  countBatches: (n) => count(n, "batch", "batches"),
  productIds: "Product ids",
  /** @param {string} firstKey @param {string | null} lastKey */
  toOfFirstKey: (firstKey, lastKey) => `${firstKey} to ${lastKey}`,
  whyEverythingWasRead: "Why everything was read",
  repaired: "Repaired",
  /** @param {number} n */
  countStoredHashes: (n) => count(n, "stored hash", "stored hashes"),
  /** @param {string} stored */
  didNotFitTheProduct: (stored) => `${stored} did not fit the product`,
  contentComparedBeforeTheDeletes: "Content compared, before the deletes",
  contentCompared: "Content compared",
  resumedFrom: "Resumed from",
  plan: "Plan",
  /** @param {string} planId */
  itAppliedTheDryRun: (planId) => `It applied the dry run ${planId}`,
  putBackBy: "Put back by",
  workers: "Workers",
  session: "Session",
  /** @param {string} created */
  newOfCreated: (created) => `${created} new`,
  /** @param {string} updated */
  changedOfUpdated: (updated) => `${updated} changed`,
  /** @param {string} deleted */
  removedOfDeleted: (deleted) => `${deleted} removed`,
  /** @param {string} targetNodeId */
  atLower: (targetNodeId) => `at ${targetNodeId}`,
  /** @param {string} catalog */
  inCatalog: (catalog) => `in catalog ${catalog}`,
  /** @param {string} products @param {string} where @param {string} parts */
  itChanges: (products, where, parts) => `It changes ${products} ${where}: ${parts}.`,
  /** @param {string} where */
  itChangesNoProduct: (where) => `It changes no product ${where}.`,
  /** @param {string} products */
  missingAtTheSourceAnd: (products) => ` ${products} missing at the source, and the guard withholds their deletes.`,
  applyExactlyThis: "Apply exactly this?",
  /** @param {string} changes @param {string} withheld */
  ifEitherSideIsNo: (changes, withheld) => `${changes}${withheld} If either side is no longer as the dry run saw it, nothing is written.`,
  doNotApplyIt: "Do not apply it",
  /** @param {string} products */
  changeOfProducts: (products) => `Change ${products}`,
  applyIt: "Apply it",
  /** @param {string} all */
  putBack: (all) => `Put back ${all}?`,
  /** @param {string} sync @param {string} all @param {string} catalog @param {string} parts */
  theChangedInCatalogWhat: (sync, all, catalog, parts) => `The ${sync} changed ${all} in catalog ${catalog}: ${parts}. What it changed or removed becomes what it was, and what was new is removed. Products that were changed since then stay as they are.`,
  leaveThem: "Leave them",
  /** @param {string} all */
  putBackOfAll: (all) => `Put back ${all}`,
  /** @param {string} products @param {string} sha256 */
  bothSidesHoldTheSame: (products, sha256) => `Both sides hold the same ${products}: SHA-256 ${sha256}`,
  /** @param {string} products @param {string} sha256 */
  sha256: (products, sha256) => `${products}, SHA-256 ${sha256}`,
  notKnown: "not known",
  /** @param {string} say @param {string} say2 */
  theSourceTheTarget: (say, say2) => `The source: ${say}. The target: ${say2}`,
  /** @param {string} worker @param {string} batches */
  lostWorkerAfter: (worker, batches) => `lost worker ${worker} after ${batches}`,
  /** @param {number} n */
  countAttempts: (n) => count(n, "attempt"),
  /** @param {number} n */
  countRetries: (n) => count(n, "retry", "retries"),
  /** @param {string} products */
  refusedOfProducts: (products) => `${products} refused`,
  theNodeDidNotSend: "The node did not send this page. Go there again once it answers.",
  /** @param {string} title @param {string} node */
  fullsync: (title, node) => `${title} · ${node} · fullsync`,
  /** @param {string} status */
  theSyncThatWasIn: (status) => `The sync that was in the way has ended: ${status}. You can start now.`,
  compareEveryProductAfterwards: "Compare every product afterwards",
  atTheEndDeleteProducts: "At the end, delete products that came from the source and no longer exist there",
  pullFromAPeer: "Pull from a peer",
  direction: "Direction",
  /** @param {string} number */
  now: (number) => `, ${number} now`,
  /** @param {string} products @param {string} now */
  speedSinceThisPageWatches: (products, now) => `Speed since this page watches: ${products}/s at most${now}`,
  /** @param {string} nodeName @param {string} nodeId */
  switchedOffOfNodeName: (nodeName, nodeId) => `${nodeName} (${nodeId}), switched off`,
  severalPeers: "Several peers",
  noPeerIsSwitchedOn: "No peer is switched on. An admin can switch one on under Peers.",
  thisNodeKnowsNoPeer: "This node knows no peer yet. An admin can add one under Peers.",
  /** @param {string} sync @param {string} outcome */
  completed: (sync, outcome) => `COMPLETED: ${sync}, ${outcome}.`,
  /** @param {string} sync @param {string | null} errorMessage */
  failed: (sync, errorMessage) => `FAILED: ${sync}. ${errorMessage}`,
  pushTo: "Push to",
  pullFrom: "Pull from",
  startPush: "Start push",
  startPull: "Start pull",
  /** @param {string} products @param {string} percent */
  ifMoreThanProductsOr: (products, percent) => `If more than ${products} products or ${percent} % of them would go, none is deleted until somebody has looked at the list and approved it.`,
  /** @param {string} peer @param {string} error @param {string} message */
  pushToOfPeer: (peer, error, message) => `Push to ${peer}: ${error}. ${message}`,
  /** @param {number} n */
  countPushes: (n) => count(n, "push", "pushes"),
  /** @param {string} pushes @param {string} all */
  startedTo: (pushes, all) => `Started ${pushes}: to ${all}`,
  /** @param {string} worker */
  worker: (worker) => `, worker ${worker}`,
  /** @param {number} attempts @param {string} part */
  attempt: (attempts, part) => ` (attempt ${attempts}${part})`,
  /** @param {string} startedBy */
  startedBy: (startedBy) => `Started by ${startedBy}`,
  anotherSession: "another session",
  resumed: "Resumed ",
  /** @param {string} products */
  afterOfProducts: (products) => ` after ${products}`,
  /** @param {string} lastHeartbeatAt */
  lastSignOfLife: (lastHeartbeatAt) => `last sign of life ${lastHeartbeatAt}`,
  noSignOfLife: "no sign of life",
  /** @param {string} worker @param {string} batches @param {string} sign */
  takenOverFromLostWorker: (worker, batches, sign) => `Taken over from lost worker ${worker} after ${batches}; ${sign}`,
  /** @param {string} products */
  lastBatchCommitted: (products) => `Last batch: ${products} committed`,
  showMore: "Show more",
  /** @param {string} products */
  loadedIntoCatalogMain: (products) => `Loaded ${products} into catalog main.`,
  signOut: "Sign out",
  dismiss: "Dismiss",
  signIn: "Sign in",
  password: "Password",
  thisNodeIsEmpty: "This node is empty",
  beginWithOneOfThese: "Begin with one of these:",
  addAPeer: "Add a peer",
  thenPullItsProducts: ", then pull its products",
  loadASampleCatalog: "Load a sample catalog",
  fullSync: "Full sync",
  noSyncIsRunning: "No sync is running.",
  startASync: "Start a sync",
  pushToAPeer: "Push to a peer",
  options: "Options",
  productsPerBatch: "Products per batch",
  maximumProductsPerSecond: "Maximum products per second",
  timeLimitInSeconds: "Time limit in seconds",
  compressOnTheWire: "Compress on the wire",
  readEveryProductInsteadOf: "Read every product instead of comparing first",
  productsToDeleteWithoutApproval: "Products to delete without approval",
  percentToDeleteWithoutApproval: "Percent to delete without approval",
  dryRun: "Dry run",
  status: "Status",
  allSessions: "all sessions",
  activeOnes: "active ones",
  outcome: "Outcome",
  any: "any",
  everythingDone: "everything done",
  productsRefused: "products refused",
  deletesWithheld: "deletes withheld",
  dryRunLower: "dry run",
  both: "both",
  pulls: "pulls",
  pushes: "pushes",
  person: "Person",
  startedAfter: "Started after",
  startedBefore: "Started before",
  duration: "Duration",
  showAllSessions: "All sessions",
  syncSession: "Sync session",
  copySessionId: "Copy session id",
  print: "Print",
  resume: "Resume",
  putBackWhatItChanged: "Put back what it changed…",
  startThisSync: "Start this sync",
  applyExactlyThisAsk: "Apply exactly this…",
  timeLine: "Time line",
  thereAreNoPeersYet: "There are no peers yet.",
  nodeId: "Node id",
  tokenOfRoleNodeOr: "Token of role node or node-push, issued there",
  checkFirst: "Check first",
  addPeer: "Add peer",
  apiReference: "API reference",
  reasonOptional: "Reason (optional)",
  step: "Step",
  progressLabel: "Progress",
  health: "Health",
  lastBatch: "Last batch",
  peerLastAnswered: "Peer last answered",
  watchIt: "Watch it",
  cancelIt: "Cancel it…",
  cancelItAndStartThis: "Cancel it and start this one",
  cancelTheSync: "Cancel Sync",
  openReceipt: "Receipt",
  speed: "Speed",
  timeLeft: "Time left",
  byLower: "by",
  itsCurrentStateIsUnknown: "Its current state is unknown.",
  copyId: "Copy id",
  check: "Check",
  remove: "Remove",
  pages: "Pages",
  figures: "Figures",
  theNodesSetting: "the node’s setting",
  noLimit: "no limit",
  theNodeId: "the node id",
  sampleThings: ["T-shirt", "Mug", "Lamp", "Notebook", "Scarf"],
  sampleColours: ["red", "blue", "green", "black", "white"],
  /** @param {string} thing @param {string} colour @param {number} n */
  sampleName: (thing, colour, n) => `${thing}, ${colour}, no. ${n}`,
  withoutAnId: "without an id",
  /** @param {number} s */
  seconds: (s) => `${s}\u00a0s`,
  /** @param {number} min @param {number} s */
  minutes: (min, s) => `${min}\u00a0min ${s}\u00a0s`,
  /** @param {number} h @param {number} min */
  hours: (h, min) => `${h}\u00a0h ${min}\u00a0min`,
  import: "Import",
  importAFile: "Import a file",
  dropAFileWithProducts: "Drop a file with products here, or choose one",
  webhooks: "Webhooks",
  settings: "Settings",
  addAFeed: "Add a feed: a file or list of another system",
  /** @param {string} nodeId @param {number} latencyMs @param {string} found */
  feedAnswered: (nodeId, latencyMs, found) => `Feed ${nodeId} answered in ${latencyMs} ms. ${found}`,
};
