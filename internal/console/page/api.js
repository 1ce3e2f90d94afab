// Calls the node's API. The token is kept for this tab only, and is gone when the tab is closed.

import { texts } from "./texts/common.js";

/** @typedef {import("fullsync-api").components["schemas"]} Schemas */
/** @typedef {Schemas["Session"]} Session */
/** @typedef {Schemas["Error"]} ErrorBody */

const tokenKey = "fullsync.token";
const patience = 30_000; // milliseconds for one answer
const shortPatience = 8_000; // if nobody is waiting for it
// With HTTP/1.1 a browser opens six connections to a node, for all its tabs. Requests that may take long leave some for a cancel.
const mostAtOnce = 3;

/** The API refused a request; the message is the API's sentence. */
export class Refused extends Error {
  /** @param {Response} response @param {ErrorBody | null} body */
  constructor(response, body) {
    super(sentence(response, body));
    this.status = response.status;
    this.code = body?.code ?? "";
    this.body = body;
  }
}

/** The node did not answer. It may have done what it was asked all the same. */
export class Unreachable extends Error {}

/** @param {Response} response @param {ErrorBody | null} body */
function sentence(response, body) {
  if (!body?.error) return texts.theNodeAnsweredInA(response.status);
  const said = body.message ? `${body.error}: ${body.message}` : body.error;
  return body.requestId ? texts.request(said, body.requestId) : said;
}

/** @returns {string} */
export function token() {
  return sessionStorage.getItem(tokenKey) ?? "";
}

/** @param {string} value */
export function keepToken(value) {
  if (value) sessionStorage.setItem(tokenKey, value);
  else sessionStorage.removeItem(tokenKey);
}

/** @type {(why: string) => void} */
let signedOut = () => {};

/**
 * Sets what happens when the node no longer accepts the token.
 * @param {(why: string) => void} then
 */
export function onSignedOut(then) {
  signedOut = then;
}

let underWay = 0;
/** @type {(() => void)[]} */
const waiting = [];

/**
 * Sends a request when its turn comes and returns the answer's body.
 * @template T
 * @param {string} method
 * @param {string} path
 * @param {unknown} [body]
 * @param {Record<string, string>} [headers]
 * @returns {Promise<T>} rejects with Refused or Unreachable
 */
export async function call(method, path, body, headers = {}) {
  if (underWay < mostAtOnce) underWay++;
  else await new Promise((resolve) => waiting.push(() => resolve(undefined)));
  try {
    return await exchange(method, path, body, { headers });
  } finally {
    const next = waiting.shift();
    if (next) next();
    else underWay--;
  }
}

/**
 * Like [call], for a request that must not wait for others to be answered: a cancel.
 * @template T
 * @param {string} path
 * @param {unknown} body
 * @returns {Promise<T>}
 */
export function callAtOnce(path, body) {
  return exchange("POST", path, body, { priority: "high" });
}

/**
 * Like [call], for what the page asks by itself and soon asks again.
 * @template T
 * @param {string} path
 * @returns {Promise<T>}
 */
export function poll(path) {
  return exchange("GET", path, undefined, { priority: "low" }, shortPatience);
}

/**
 * @param {string} method @param {string} path @param {unknown} body @param {RequestInit} init
 * @param {number} [milliseconds] for the answer
 */
async function exchange(method, path, body, init, milliseconds = patience) {
  const response = await send(method, path, {
    ...init,
    headers: body === undefined ? init.headers : { ...init.headers, "Content-Type": "application/json" },
    body: body === undefined ? undefined : JSON.stringify(body),
    signal: AbortSignal.timeout(milliseconds),
  });
  try {
    return await response.json();
  } catch (cause) {
    throw new Unreachable(texts.theNodesAnswerWasCut, { cause });
  }
}

/**
 * Reads an answer as the text that came, with the tag that stands for its content.
 * @param {string} path
 */
export async function readText(path) {
  const response = await send("GET", path, { signal: AbortSignal.timeout(patience) });
  return { text: await response.text(), etag: response.headers.get("ETag") ?? "" };
}

/**
 * Reads a file, which may be large and take long.
 * @param {string} path
 * @returns {Promise<Blob>}
 */
export async function readFile(path) {
  const response = await send("GET", path, {});
  try {
    return await response.blob();
  } catch (cause) {
    throw new Unreachable(texts.theFileWasCutBefore, { cause });
  }
}

/**
 * Opens a stream of events.
 * @param {string} lastEventId
 * @param {AbortSignal} signal
 * @returns {Promise<ReadableStream<Uint8Array>>} rejects with Refused or Unreachable
 */
export async function openStream(lastEventId, signal) {
  /** @type {Record<string, string>} */
  const headers = { Accept: "text/event-stream" };
  if (lastEventId) headers["Last-Event-ID"] = lastEventId;
  const response = await send("GET", "/api/admin/sync/full-sync/events", { headers, signal, priority: "low" });
  if (!response.body) throw new Unreachable(texts.theNodeSentNoEvents);
  return response.body;
}

/** @param {string} method @param {string} path @param {RequestInit} init */
async function send(method, path, init) {
  const headers = new Headers(init.headers);
  const sent = token();
  if (sent) headers.set("Authorization", `Bearer ${sent}`);
  /** @type {Response} */
  let response;
  try {
    // A relative address, so that a reverse proxy may serve the node under a path of its own.
    response = await fetch(`..${path}`, { ...init, method, headers, credentials: "omit", redirect: "error", cache: "no-store" });
  } catch (cause) {
    throw new Unreachable(texts.theNodeDoesNotAnswer, { cause });
  }
  if (response.ok) return response;
  throw await refusal(response, sent);
}

/**
 * Returns the error for an answer that refuses a request. If it refuses the token, the person is asked to sign in again.
 * @param {Response} response
 * @param {string} sent the token
 */
export async function refusal(response, sent) {
  const refused = new Refused(response, await response.json().catch(() => null));
  if (response.status === 401 && sent) signedOut(refused.message);
  return refused;
}
