// The texts of the page that imports a file.

import { bytes } from "../format.js";

export const texts = {
  title: "Import a file",
  choose: "Drop a file here, or choose one",
  kinds: "CSV, TSV, JSON, NDJSON or XML, also packed with gzip or zstd, in the form of any shop system. Nothing is imported before you have seen what would come in.",
  catalog: "Into catalog",
  looking: "Looking at the file…",
  beginning: "The file begins like this",
  mapping: "How to read it",
  proposal: "The file does not say which column is which. What is chosen below is only likely: check it.",
  deleteMissing: "At the end, delete products that were imported before and are not in the file",
  guard: (/** @type {string} */ products, /** @type {string} */ percent) =>
    `If more than ${products} products or ${percent} % of them would go, none is deleted until somebody has looked at the list and approved it.`,
  maxDeletes: "Products to delete without approval",
  maxDeletePercent: "Percent to delete without approval",
  maxRefused: "Stop if more are refused than",
  maxRefusedHint: "a number or a percentage",
  go: "Import",
  dry: "Dry run",
  stop: "Stop sending",
  stopped: "Sending was stopped before the node had the whole file, so nothing is imported.",
  sent: (/** @type {number} */ done, /** @type {number} */ all, /** @type {number} */ speed) => `Sent ${bytes(done)} of ${bytes(all)}, ${bytes(speed)}/s`,
  kept: "The file is at the node, which now prepares the import…",
  progress: "Sent",
  none: "Choose a file first.",
  several: "Drop one file at a time.",
  tooLarge: (/** @type {string} */ name, /** @type {number} */ size, /** @type {number} */ most) =>
    `${name} has ${bytes(size)}. Over this page a file may have ${bytes(most)}: pack it with gzip, or import it with "fullsync catalog import" on the node.`,
  unreadable: (/** @type {string} */ name) => `The browser cannot read ${name}. Is it a folder, or has it changed or gone? Choose it again.`,
  watch: "Look at that session",
};
