// What an empty node shows first: three ways to begin.

import { call } from "./api.js";
import { busy } from "./busy.js";
import { byId } from "./dom.js";
import { count } from "./format.js";
import { complain, say } from "./message.js";
import { go } from "./route.js";

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
  say("success", `Loaded ${count(products.length, "product")} into catalog main.`);
}

function madeUp() {
  const what = ["T-shirt", "Mug", "Lamp", "Notebook", "Scarf"];
  const colours = ["red", "blue", "green", "black", "white"];
  return Array.from({ length: 100 }, (_, i) => ({
    id: `sample-${String(i + 1).padStart(3, "0")}`,
    name: `${what[i % 5]}, ${colours[Math.floor(i / 5) % 5]}, no. ${i + 1}`,
    price: `${5 + (i % 40)}.90`,
    currency: "EUR",
  }));
}
