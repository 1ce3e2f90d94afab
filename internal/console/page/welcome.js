// What an empty node shows first: three ways to begin.

import { call } from "./api.js";
import { busy } from "./busy.js";
import { byId } from "./dom.js";
import { complain, say } from "./message.js";
import { go } from "./route.js";
import { texts } from "./texts/common.js";

/** @typedef {import("fullsync-api").components["schemas"]} Schemas */

const atOnce = 1_000; // products in one request

const section = byId("welcome", HTMLElement);
const sample = byId("welcome-sample", HTMLButtonElement);
const file = byId("welcome-file", HTMLInputElement);
const problem = byId("welcome-problem", HTMLElement);

sample.addEventListener("click", () => busy(sample, problem, () => load(madeUp())));
byId("welcome-peer", HTMLAnchorElement).addEventListener("click", () => (byId("add-peer", HTMLDetailsElement).open = true));
file.addEventListener("change", () => void bring(file.files).then(() => (file.value = ""), complain));
for (const kind of ["dragover", "drop"]) {
  section.addEventListener(kind, (event) => {
    if (!(event instanceof DragEvent) || !event.dataTransfer?.types.includes("Files")) return;
    event.preventDefault(); // or the browser would open the file in place of this page
    if (kind === "drop") void bring(event.dataTransfer.files).catch(complain);
  });
}

/** Shows files that were dropped or chosen on the page that imports. @param {FileList | null} files */
async function bring(files) {
  if (files?.length) (await import("./upload.js")).take(files);
}

/** Shows the ways to begin on an empty node. @param {boolean} empty */
export function showWelcome(empty) {
  section.hidden = !empty;
}

/** Puts products into catalog main. Doing it again does no harm. @param {unknown[]} products */
async function load(products) {
  for (let i = 0; i < products.length; i += atOnce) {
    await call("POST", "/api/catalogs/main/products:batch", { edits: products.slice(i, i + atOnce).map((put) => ({ put })) });
  }
  go("catalogs/main");
  say("success", texts.loadedIntoCatalogMain(texts.countProducts(products.length)));
}

function madeUp() {
  const things = texts.sampleThings;
  const colours = texts.sampleColours;
  return Array.from({ length: 100 }, (_, i) => ({
    id: `sample-${String(i + 1).padStart(3, "0")}`,
    name: texts.sampleName(things[i % things.length] ?? "", colours[Math.floor(i / things.length) % colours.length] ?? "", i + 1),
    price: `${5 + (i % 40)}.90`,
    currency: "EUR",
  }));
}
