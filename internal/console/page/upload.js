// The page that imports a file: it shows how the file would be read, and what would come in, before anything begins.

import { Refused } from "./api.js";
import { busy } from "./busy.js";
import { make } from "./dom.js";
import { exactly } from "./exact.js";
import { forgetMapping, mappingFields, mappingQuery, propose, showFound } from "./found.js";
import { inWords } from "./mapping.js";
import { say, sentenceOf } from "./message.js";
import { go, href, isShown } from "./route.js";
import { newSample, short } from "./sample.js";
import { sendFile } from "./send.js";
import { put } from "./sessions.js";
import { newSection } from "./views.js";
import { texts as common } from "./texts/common.js";
import { texts } from "./texts/upload.js";

/** @typedef {import("fullsync-api").components["schemas"]} Schemas */

const path = "import";
const most = 1 << 30; // bytes in one file
const begins = 300_000; // bytes that decide how it is read
const shownLines = 6;

const { section, problem } = newSection(path, texts.title, { text: common.catalogs, href: href("catalogs") });
const chooser = make("input", { type: "file", id: "import-file" });
const drop = make("div", { className: "drop" }, make("label", {}, texts.choose, chooser), make("p", { className: "hint" }, texts.kinds));
const catalog = make("input", { value: "main", required: true, maxLength: 63, autocapitalize: "none", spellcheck: false });
const summary = make("p", { role: "status" });
const beginning = make("pre", { tabIndex: 0, role: "region", ariaLabel: texts.beginning });
const begin = make("div", {}, make("h3", {}, texts.beginning), beginning);
const sample = newSample();
const deleteMissing = make("input", { type: "checkbox" });
const maxDeletes = make("input", { type: "number", min: "0", max: "10000000", inputMode: "numeric", placeholder: "500" });
const maxDeletePercent = make("input", { type: "number", min: "0", max: "100", inputMode: "numeric", placeholder: "10" });
const maxRefused = make("input", { maxLength: 20, placeholder: texts.maxRefusedHint, autocomplete: "off" });
const guard = make("p", { className: "hint" });
const guards = make("div", {}, guard, fields({ [texts.maxDeletes]: maxDeletes, [texts.maxDeletePercent]: maxDeletePercent }));
const bar = make("progress", { max: 100, ariaLabel: texts.progress });
const sent = make("span", {});
const stop = make("button", { type: "button" }, texts.stop);
const sending = make("div", { className: "bar", hidden: true }, bar, sent, stop);
const failed = make("p", { className: "problem", role: "alert" });
const watch = make("a", { hidden: true }, texts.watch);
const start = make("button", { className: "main" }, texts.go);
const dry = make("button", { type: "button" }, texts.dry);
const mapping = make("form", { ariaLabel: texts.mapping }, make("h3", {}, texts.mapping), fields(mappingFields));
const options = make(
  "form",
  { ariaLabel: texts.title },
  fields({ [texts.catalog]: catalog, [texts.maxRefused]: maxRefused }),
  make("label", { className: "check" }, deleteMissing, texts.deleteMissing),
  guards,
  failed,
  watch,
  sending,
  start,
  " ",
  dry,
);
const found = make("div", { hidden: true }, begin, mapping, summary, sample.hints, problem, sample.place, options);
section.dataset.may = "operator";
section.append(drop, found);

/** @type {File | undefined} */
let file;
/** Stops the question that is being asked about the file. */
let asking = new AbortController();
/** Stops the sending of the file. */
let running = new AbortController();

/** @type {import("./route.js").View} */
export const upload = {
  path,
  label: common.import,
  may: "operator",
  show(_, query) {
    const wanted = query.get("catalog");
    if (wanted) catalog.value = wanted;
    return texts.title;
  },
};

chooser.addEventListener("change", () => chooser.files?.length && take(chooser.files));
for (const kind of ["dragover", "drop"]) {
  document.addEventListener(kind, (event) => {
    if (!isShown(path) || !(event instanceof DragEvent) || !event.dataTransfer?.types.includes("Files")) return;
    event.preventDefault(); // or the browser would open the file in place of this page
    drop.dataset.over = String(kind === "dragover");
    if (kind === "drop") take(event.dataTransfer.files);
  });
}
document.addEventListener("dragleave", (event) => event.relatedTarget || (drop.dataset.over = "false"));
mapping.addEventListener("submit", (event) => event.preventDefault());
mapping.addEventListener("change", () => void look());
options.addEventListener("input", showGuard);
options.addEventListener("submit", (event) => {
  event.preventDefault();
  void busy(start, failed, () => send(false));
});
dry.addEventListener("click", () => options.reportValidity() && void busy(dry, failed, () => send(true)));
stop.addEventListener("click", () => running.abort(new Error(texts.stopped)));
showGuard();

/** Shows a file that was dropped or chosen, on whatever page that was. @param {FileList} files */
export function take(files) {
  file = files[0];
  if (!isShown(path)) go(path);
  if (files.length > 1) file = undefined;
  found.hidden = false;
  forgetMapping();
  failed.textContent = "";
  watch.hidden = true;
  if (!file) return void forget(texts.several);
  chooser.files = files; // which shows its name
  void look();
}

/** Asks how the file would be read, and shows the answer. @returns {Promise<boolean>} whether the file can be read */
async function look() {
  asking.abort();
  asking = new AbortController();
  const { signal } = asking;
  if (!file) return false;
  if (file.size > most) return forget(texts.tooLarge(file.name, file.size, most));
  problem.textContent = "";
  summary.textContent = texts.looking;
  const head = file.slice(0, begins);
  try {
    await head.arrayBuffer().catch(() => Promise.reject(new Error(texts.unreadable(file?.name ?? ""))));
    /** @type {Schemas["ImportPreview"]} */
    const preview = exactly(await sendFile(`/api/catalogs/main/imports/preview?${mappingQuery()}`, head, signal));
    await showBeginning(head, preview.packed, preview.encoding);
    showFound(preview);
    summary.textContent = preview.summary;
    sample.show(preview.hints, preview.records);
    return true;
  } catch (failure) {
    if (signal.aborted) return false; // there is a newer question
    forget(inWords(sentenceOf(failure)));
    const unclear = failure instanceof Refused ? /** @type {Schemas["ImportUnclear"] | null} */ (failure.body) : null;
    if (unclear?.columns) await showBeginning(head, null, unclear.encoding ?? "");
    const proposed = unclear !== null && propose(unclear) && (await look());
    if (proposed) sample.hints.prepend(make("li", {}, texts.proposal));
    return proposed;
  }
}

/** Shows nothing of the file but what is wrong with it. @param {string} why @returns {false} */
function forget(why) {
  summary.textContent = "";
  sample.show([], []);
  begin.hidden = true;
  problem.textContent = why;
  return false;
}

/** Shows the first lines as they are. @param {Blob} head @param {string | null} packed @param {string} encoding */
async function showBeginning(head, packed, encoding) {
  begin.hidden = true;
  if (packed === "zstd") return; // which browsers cannot unpack
  try {
    const plain = packed === "gzip" ? head.stream().pipeThrough(new DecompressionStream("gzip")) : head.stream();
    const { value } = await plain.getReader().read();
    const lines = new TextDecoder(encoding).decode(value).split(/\r\n|\r|\n/);
    beginning.textContent = lines.slice(0, shownLines).map(short).join("\n");
    begin.hidden = false;
  } catch {
    // It is only to look at, and the products below are shown all the same.
  }
}

/** @param {Record<string, HTMLElement>} all by their labels */
function fields(all) {
  return make("div", { className: "fields" }, ...Object.entries(all).map(([text, input]) => make("label", {}, text, input)));
}

function showGuard() {
  guards.hidden = !deleteMissing.checked;
  guard.textContent = texts.guard(maxDeletes.value || "500", maxDeletePercent.value || "10");
}

/** Sends the file, and goes to the session that imports it. @param {boolean} dryRun */
async function send(dryRun) {
  if (!file) throw new Error(texts.none);
  if (file.size > most) throw new Error(texts.tooLarge(file.name, file.size, most));
  const query = mappingQuery();
  query.set("name", file.name.slice(-200));
  if (dryRun) query.set("dryRun", "true");
  if (maxRefused.value.trim()) query.set("maxRefused", maxRefused.value.trim());
  if (deleteMissing.checked) {
    query.set("deleteMissing", "true");
    for (const [name, { value }] of Object.entries({ maxDeletes, maxDeletePercent })) if (value) query.set(name, value);
  }
  watch.hidden = true;
  running = new AbortController();
  const all = file.size;
  const began = performance.now();
  showSent(0);
  sending.hidden = false;
  try {
    const answer = await sendFile(`/api/catalogs/${encodeURIComponent(catalog.value.trim())}/imports?${query}`, file, running.signal, showSent);
    /** @type {Schemas["StartResponse"]} */
    const started = JSON.parse(answer);
    put(started.session);
    go(`sessions/${started.sessionId}`);
    say("success", started.message);
  } catch (failure) {
    if (!(failure instanceof Refused)) throw failure;
    watch.hidden = failure.code !== "SYNC_IN_PROGRESS";
    if (!watch.hidden) watch.href = href(`sessions/${/** @type {Schemas["SyncInProgress"]} */ (failure.body).sessionId}`);
    throw new Error(inWords(failure.message));
  } finally {
    sending.hidden = true;
  }

  /** @param {number} done */
  function showSent(done) {
    const seconds = Math.max(performance.now() - began, 1) / 1_000;
    bar.value = all ? Math.min((done / all) * 100, 100) : 100;
    stop.hidden = done >= all; // it may have begun by then
    sent.textContent = done < all ? texts.sent(done, all, done / seconds) : texts.kept;
  }
}
