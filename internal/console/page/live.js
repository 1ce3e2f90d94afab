// Keeps the page up to date: by the stream of events, and by asking every few seconds while there is no stream.

import { openStream, Refused } from "./api.js";

/** @typedef {import("fullsync-api").components["schemas"]} Schemas */
/** @typedef {"live" | "polling" | "lost"} Connection */

/**
 * @typedef {object} Listener
 * @property {(snapshot: Schemas["SnapshotEvent"]) => void} snapshot the state to begin with, after every connect
 * @property {(change: Schemas["StatusEvent"]) => void} status a session took another status
 * @property {(session: Schemas["Session"]) => void} session something of a session changed
 * @property {() => Promise<void>} refresh asks for the state while there is no stream; rejects when the node does not answer
 * @property {(connection: Connection) => void} connection how the page is kept up to date now
 */

const pollEvery = 3_000; // milliseconds
const longestWait = 10_000; // milliseconds between two tries to connect
// The node sends at least a comment every 15 s, and the snapshot at once. A proxy that holds them back counts as no stream.
const firstSilence = 10_000;
const silence = 35_000;

/**
 * Follows all sessions for as long as the page is open.
 * @param {Listener} to
 */
export function follow(to) {
  const link = new Link(to);
  void link.stream();
  void link.poll();
}

class Link {
  #lastEventId = "";
  #retry = 2_000; // milliseconds, as the node wishes
  #streaming = false;
  /** @type {Connection | ""} */
  #shown = "";

  /** Ends the pause between two streams. */
  #wake = () => {};

  /** @param {Listener} to */
  constructor(to) {
    this.to = to;
    addEventListener("online", () => this.#wake());
  }

  /** Reads one stream after another. */
  async stream() {
    for (let failures = 0; ; ) {
      try {
        await this.#read();
      } catch (failure) {
        if (isSignedOut(failure)) return;
      }
      failures = this.#streaming ? 0 : failures + 1;
      this.#streaming = false;
      void this.#ask();
      await this.#pause(Math.min(this.#retry * 2 ** failures, longestWait));
    }
  }

  /** Asks every few seconds while there is no stream. */
  async poll() {
    do await wait(pollEvery);
    while (this.#streaming || (await this.#ask()));
  }

  /** Asks once, and reports false when the page is signed out. */
  async #ask() {
    /** @type {Connection} */
    let found = "polling";
    try {
      await this.to.refresh();
    } catch (failure) {
      if (isSignedOut(failure)) return false;
      found = "lost";
    }
    if (this.#streaming) return true;
    if (found === "polling" && this.#shown === "lost") this.#wake(); // the node is back: no need to wait any longer
    this.#show(found);
    return true;
  }

  async #read() {
    const hangUp = new AbortController();
    let alarm = setTimeout(() => hangUp.abort(), firstSilence);
    try {
      const body = await openStream(this.#lastEventId, hangUp.signal);
      let rest = "";
      for await (const text of pieces(body)) {
        const blocks = (rest + text).split("\n\n");
        rest = blocks.pop() ?? "";
        for (const block of blocks) this.#take(parse(block));
        if (!this.#streaming) continue;
        clearTimeout(alarm);
        alarm = setTimeout(() => hangUp.abort(), silence);
      }
    } finally {
      clearTimeout(alarm);
      hangUp.abort();
    }
  }

  /** @param {StreamEvent} event */
  #take(event) {
    if (event.retry) this.#retry = event.retry;
    switch (event.type) {
      case "snapshot":
        this.#streaming = true;
        this.#show("live");
        this.to.snapshot(JSON.parse(event.data));
        break;
      case "status":
        this.to.status(JSON.parse(event.data));
        break;
      case "session":
        this.to.session(JSON.parse(event.data));
        break;
    }
    // Only now: what could not be taken must come again.
    if (event.id) this.#lastEventId = event.id;
  }

  /** @param {number} milliseconds */
  async #pause(milliseconds) {
    const woken = new Promise((resolve) => (this.#wake = () => resolve(undefined)));
    await Promise.race([woken, wait(milliseconds)]);
  }

  /** @param {Connection} connection */
  #show(connection) {
    if (connection === this.#shown) return;
    this.#shown = connection;
    this.to.connection(connection);
  }
}

/** @param {unknown} failure */
function isSignedOut(failure) {
  return failure instanceof Refused && failure.status === 401;
}

/** @typedef {{type: string, id: string, data: string, retry: number}} StreamEvent */

/**
 * Reads one event of the stream, the lines between two empty ones.
 * @param {string} block
 * @returns {StreamEvent}
 */
function parse(block) {
  const event = { type: "", id: "", data: "", retry: 0 };
  for (const line of block.split("\n")) {
    const [, name, value] = /^(\w+): ?(.*)$/.exec(line) ?? []; // a comment has no name
    if (name === "event") event.type = value;
    else if (name === "id") event.id = value;
    else if (name === "data") event.data += value;
    else if (name === "retry") event.retry = Number(value);
  }
  return event;
}

/** @param {ReadableStream<Uint8Array>} body */
async function* pieces(body) {
  const reader = body.getReader();
  const decoder = new TextDecoder();
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    yield decoder.decode(value, { stream: true });
  }
}

/** @param {number} milliseconds */
function wait(milliseconds) {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}
