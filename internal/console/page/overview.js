// The first page: the figures of the node, what runs now, the form that starts a sync, and the newest sessions.

import { call, poll } from "./api.js";
import { byId, make } from "./dom.js";
import { number } from "./format.js";
import { showNewest } from "./history.js";
import { isShown } from "./route.js";
import { isActive, onSession } from "./sessions.js";
import "./start.js";
import { showWelcome } from "./welcome.js";
import { texts } from "./texts/common.js";

/** @typedef {import("fullsync-api").components["schemas"]["StatsResponse"]} Stats */

const refresh = 10_000; // milliseconds
const figures = byId("figures", HTMLElement);

/** @type {import("./route.js").View} */
export const overview = {
  path: "overview",
  label: texts.overview,
  show() {
    showNewest();
    showFigures(call("GET", "/api/sync/stats"));
    return texts.overview;
  },
};

onSession((now, before) => {
  if (before && isActive(before) && !isActive(now)) again();
});
setInterval(again, refresh);

function again() {
  if (isShown("overview") && !document.hidden) showFigures(poll("/api/sync/stats"));
}

/** @param {Promise<Stats>} asked */
function showFigures(asked) {
  asked.then(show, () => figures.replaceChildren()); // rather none than old ones; the top of the page says what is wrong
}

/** @param {Stats} stats */
function show({ products, syncNodes, overview, last24Hours, sessions }) {
  const active = syncNodes.filter((p) => p.isActive);
  showWelcome(products.total === 0 && syncNodes.length === 0 && sessions.total === 0);
  const online = active.filter((p) => p.isOnline).length;
  const running = (sessions.byStatus.PREPARING ?? 0) + (sessions.byStatus.TRANSFERRING ?? 0);
  /** @type {[string, string, boolean][]} */
  const all = [
    [texts.productsHere, number(products.total), false],
    [texts.runningNow, number(running), false],
    [texts.peersOnline, texts.nOfOfOnline(number(online), number(active.length)), online < active.length],
    [texts.endedIn24Hours, texts.countSyncs(last24Hours.sessions), false],
    [texts.didNotFail, `${number(overview.healthScore)} %`, overview.healthScore < 100],
    [texts.productsAccepted, `${number(overview.successRate)} %`, overview.successRate < 100],
  ];
  figures.replaceChildren(
    ...all.map(([name, value, bad]) => make("div", { className: bad ? "attention" : "" }, make("dt", {}, name), make("dd", {}, value))),
  );
}
