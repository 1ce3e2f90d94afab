// What an empty node shows first: three ways to begin.

import { call } from "./api.js";
import { busy } from "./busy.js";
import { byId } from "./dom.js";
import { exactly } from "./exact.js";
import { count } from "./format.js";
import { say } from "./message.js";
import { go } from "./route.js";

/** @typedef {import("fullsync-api").components["schemas"]} Schemas */

const atOnce = 1_000; // products in one request

const section = byId("welcome", HTMLElement);
const sample = byId("welcome-sample", HTMLButtonElement);
const file = byId("welcome-file", HTMLInputElement);
const bring = byId("welcome-bring", HTMLButtonElement);
const problem = byId("welcome-problem", HTMLElement);

sample.addEventListener("click", () => busy(sample, problem, () => load(madeUp())));
bring.addEventListener("click", () =>
  busy(bring, problem, async () => {
    const chosen = file.files?.[0];
    if (!chosen) throw new Error("Choose a file first.");
    const lines = (await chosen.text()).split("\n").filter((line) => line.trim());
    await load(lines.map((line, i) => read(line, i + 1)));
  }),
);

/** Shows the ways to begin on an empty node. @param {boolean} empty */
export function showWelcome(empty) {
  section.hidden = !empty;
}

/** @param {string} line @param {number} number */
function read(line, number) {
  try {
    return exactly(line);
  } catch {
    throw new Error(`Line ${number} of the file is not JSON. The file must have one product per line.`);
  }
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
