// Finds what the modules of the admin page show to a person without having it from texts/, and texts that nothing uses. It prints
// one line for each. Its argument is the page's directory; it runs where typescript is installed.

import { readdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";

const ts = createRequire(join(process.cwd(), "package.json"))("typescript");
const page = process.argv[2];

// What holds no text for people: members with these names, and arguments of these functions.
const members = new Set("className type id autocomplete autocapitalize inputMode role scope name href path may method headers credentials redirect cache priority kind dateStyle timeStyle value accept".split(" "));
const functions = new Set("byId copyOf querySelector querySelectorAll closest matches getElementById addEventListener createElement call callAtOnce poll readText readFile openStream setRequestHeader go href get has set includes append encodeURIComponent BroadcastChannel exchange send import".split(" "));
const firstOnly = new Set(["make", "later", "say", "newSection", "setAttribute", "lines"]);
const headers = new Set(["Accept", "Authorization", "Content-Type", "Last-Event-ID", "Idempotency-Key", "If-Match"]);

const isLiteral = (node) => ts.isStringLiteralLike(node) || ts.isTemplateExpression(node);

/** The text of a literal, with {} for each value in it. */
function contentOf(node) {
  return ts.isStringLiteralLike(node) ? node.text : node.head.text + node.templateSpans.map((span) => `{}${span.literal.text}`).join("");
}

/** Whether a person would read it: it has words, or begins with a capital. */
function reads(text) {
  return / \p{L}{2}|\p{L}{2} |^\p{Lu}\p{Ll}/u.test(text) && !/^([#./?&[]|fullsync[. ])/.test(text);
}

function nameOf(expression) {
  if (expression.kind === ts.SyntaxKind.ImportKeyword) return "import";
  return ts.isPropertyAccessExpression(expression) ? expression.name.text : expression.text ?? "";
}

/** Whether a literal is somewhere where nobody reads it. */
function isInternal(node, file) {
  let inner = node;
  let outer = node.parent;
  while (ts.isParenthesizedExpression(outer) || ts.isConditionalExpression(outer) || ts.isArrayLiteralExpression(outer)) [inner, outer] = [outer, outer.parent];
  if (ts.isImportDeclaration(outer) || ts.isCaseClause(outer) || ts.isElementAccessExpression(outer)) return true;
  if (ts.isPropertyAssignment(outer)) return inner === outer.name ? headers.has(inner.text) : members.has(outer.name.text);
  if (ts.isBinaryExpression(outer) && ts.isPropertyAccessExpression(outer.left)) return members.has(outer.left.name.text) || outer.left.expression.getText().endsWith(".dataset");
  if (!ts.isCallExpression(outer) && !ts.isNewExpression(outer)) return false;
  const name = nameOf(outer.expression);
  return functions.has(name) || (firstOnly.has(name) && outer.arguments[0] === inner) || (file === "dom.js" && name === "Error");
}

const files = readdirSync(page).filter((name) => name.endsWith(".js"));
const sources = new Map(files.map((name) => [name, readFileSync(join(page, name), "utf8")]));
for (const [file, text] of sources) {
  const source = ts.createSourceFile(file, text, ts.ScriptTarget.ES2022, true, ts.ScriptKind.JS);
  (function visit(node) {
    const key = ts.isPropertyAssignment(node) && ts.isIdentifier(node.name) ? node.name.text : "";
    const found = isLiteral(node) && reads(contentOf(node)) && !isInternal(node, file) ? contentOf(node) : /^\p{Lu}\p{Ll}/u.test(key) && !headers.has(key) ? key : "";
    if (found) console.log(`${file}:${source.getLineAndCharacterOfPosition(node.getStart()).line + 1}: ${found}`);
    ts.forEachChild(node, visit);
  })(source);
}

const index = readFileSync(join(page, "index.html"), "utf8");
const [, body = ""] = index.split("</noscript>");
const brands = new Set(["fullsync", "openapi.yaml", "COMPLETED", "FAILED", "CANCELLED"]);
for (const [, text = ""] of [...body.matchAll(/>([^<>]*)</g), ...body.matchAll(/ (?:placeholder|aria-label|data-label)="([^"]*)"/g)]) {
  const rest = text.replaceAll(/\{\w+\}/g, "").trim();
  if (/\p{L}/u.test(rest) && !brands.has(rest) && !rest.startsWith("https://")) console.log(`index.html: ${rest}`);
}

/** Of each file of texts, the names that are used. */
const used = new Map();
const use = (file, name) => used.set(file, (used.get(file) ?? new Set()).add(name));
for (const [, name] of index.matchAll(/\{(\w+)\}/g)) use("common.js", name);
for (const text of sources.values()) {
  for (const [, alias = "texts", file] of text.matchAll(/^import \{ texts(?: as (\w+))? \} from "\.\/texts\/(.+)";$/gm)) {
    for (const [, name] of text.matchAll(new RegExp(`\\b${alias}\\.(\\w+)`, "g"))) use(file, name);
  }
}
for (const file of readdirSync(join(page, "texts"))) {
  for (const [, name] of readFileSync(join(page, "texts", file), "utf8").matchAll(/^ {2}(\w+):/gm)) {
    if (!used.get(file)?.has(name)) console.log(`texts/${file}: nothing uses ${name}`);
  }
}
