// Keeps the page up to date: from the stream of events, by polling every few seconds while there is no stream, or from what
// another tab of this browser passes on. While the page is hidden it does none of this, and later catches up.

import { Refused } from "./api.js";
import { readStream } from "./stream.js";
import { Tabs } from "./tabs.js";

/** @typedef {import("fullsync-api").components["schemas"]} Schemas */
/** @typedef {import("./stream.js").StreamEvent} StreamEvent */
/**
 * How the page is kept up to date. "silent": nothing is known to be broken, but the node has said nothing for a while.
 * @typedef {"live" | "polling" | "silent" | "lost"} Connection
 */

/**
 * @typedef {object} Listener
 * @property {(change: Schemas["StatusEvent"]) => void} status a session's status changed
 * @property {(session: Schemas["Session"]) => void} session something about a session changed
 * @property {() => Promise<Schemas["Session"][]>} ask asks for the newest sessions; rejects if the node does not answer
 * @property {(sessions: Schemas["Session"][]) => void} state the active sessions, and some that have ended
 * @property {() => void} missed something may have happened that was not reported
 * @property {() => Promise<unknown>} check makes sure that the token is still valid
 * @property {(connection: Connection, age: number) => void} connection how the page is kept up to date now, and how many
 *   milliseconds old the figures are; called every second
 */

const pollEvery = 3_000; // milliseconds
const longestWait = 10_000; // between two tries to connect
/** The age in milliseconds from which the figures count as old. */
export const oldAge = 10_000;
const checkEvery = 15_000; // as often as the node checks the token of a stream

/**
 * Follows all sessions for as long as the page is open.
 * @param {Listener} to
 * @param {string} user who is signed in, and where: tabs of the same user share what they learn
 * @returns {{begin: () => void, end: () => void}} functions that end it and begin again
 */
export function follow(to, user) {
  const link = new Link(to, user);
  const attend = () => (document.visibilityState === "visible" ? link.begin() : link.end());
  document.addEventListener("visibilitychange", attend);
  addEventListener("pagehide", () => link.end());
  addEventListener("pageshow", attend);
  attend();
  return { begin: attend, end: () => link.end() };
}

class Link {
  #lastEventId = "";
  #retry = 2_000; // milliseconds, set by the node
  /** Whether there has been a snapshot. Only after one can anything be missed. */
  #begun = false;
  /** @type {Connection | ""} */
  #connection = "";
  /** Whether the stream has begun, and when it last brought something. */
  #streaming = false;
  #streamWord = 0;
  /** When the node sent the figures on the page. */
  #lastWord = performance.now();
  /** Since when the page has been visible. */
  #seen = performance.now();
  /** @type {number[]} */
  #timers = [];
  #hangUp = new AbortController();

  /** Ends the pause between two streams. */
  #wake = () => {};

  /** @param {Listener} to @param {string} user */
  constructor(to, user) {
    this.to = to;
    this.tabs = new Tabs(user, {
      lead: (signal) => {
        void this.#stream(signal);
        void this.#poll(signal);
      },
      follow: () => void this.#catchUp(),
      state: () => ({ connection: this.#connection, age: this.#age() }),
      beat: ({ connection, age }) => {
        this.#lastWord = Math.max(this.#lastWord, performance.now() - age);
        if (connection) this.#show(connection);
      },
      news: ({ event, list }) => (event ? this.#take(event) : this.to.state(list)),
      crowded: () => this.#hangUp.abort(),
    });
    addEventListener("online", () => this.#wake());
  }

  /** Begins, because the page is visible. */
  begin() {
    if (this.#timers.length > 0) return;
    this.#seen = performance.now();
    this.#timers = [
      setInterval(() => this.#report(), 1_000),
      setInterval(() => this.to.check().catch(() => {}), checkEvery), // otherwise a tab that only follows would not notice
    ];
    this.tabs.join();
  }

  /** Ends, because it is hidden. */
  end() {
    for (const timer of this.#timers) clearInterval(timer);
    this.#timers = [];
    this.tabs.leave();
  }

  /** Catches up with a tab that has been listening all the time. */
  async #catchUp() {
    if (this.#begun) this.to.missed();
    this.#begun = true;
    await this.to.ask().then(this.to.state, () => {}); // the leader says what is wrong
  }

  /** Reads one stream after another. @param {AbortSignal} signal */
  async #stream(signal) {
    for (let failures = 0; !signal.aborted; ) {
      this.tabs.streams = this.tabs.mayStream();
      try {
        if (this.tabs.streams) await this.#read(signal);
      } catch (failure) {
        if (isSignedOut(failure)) return;
      }
      failures = this.#streaming ? 0 : failures + 1;
      this.#streaming = this.tabs.streams = false;
      if (signal.aborted) return;
      void this.#ask(signal);
      await this.#pause(Math.min(this.#retry * 2 ** failures, longestWait), signal);
    }
  }

  /** @param {AbortSignal} signal */
  async #read(signal) {
    this.#hangUp = new AbortController();
    const end = () => this.#hangUp.abort();
    signal.addEventListener("abort", end);
    try {
      await readStream(this.#lastEventId, this.#hangUp.signal, {
        word: () => {
          this.#streamWord = this.#lastWord = performance.now();
          this.#show("live");
        },
        event: (event) => {
          if (event.retry) this.#retry = event.retry;
          if (!event.type) return;
          if (event.type === "snapshot") this.#streaming = true;
          this.#take(event);
          this.tabs.pass({ event });
        },
      });
    } finally {
      signal.removeEventListener("abort", end);
    }
  }

  /** Polls every few seconds while there is no stream, or it is silent. @param {AbortSignal} signal */
  async #poll(signal) {
    do await wait(pollEvery, signal);
    while (!signal.aborted && (this.#speaks() || (await this.#ask(signal))));
  }

  /** Asks once, and returns false if the page is signed out. @param {AbortSignal} signal */
  async #ask(signal) {
    /** @type {Connection} */
    let found = "polling";
    try {
      const list = await this.to.ask();
      if (signal.aborted) return true;
      this.#lastWord = performance.now();
      this.to.state(list);
      this.tabs.pass({ list });
    } catch (failure) {
      if (isSignedOut(failure)) return false;
      found = "lost";
    }
    if (signal.aborted || this.#speaks()) return true;
    if (found === "polling" && this.#connection === "lost") this.#wake(); // the node is back, so stop waiting
    this.#show(found);
    return true;
  }

  /** @param {StreamEvent} event */
  #take(event) {
    switch (event.type) {
      case "snapshot": {
        /** @type {Schemas["SnapshotEvent"]} */
        const snapshot = JSON.parse(event.data);
        this.to.state(snapshot.sessions);
        if (this.#begun && !snapshot.resumed) this.to.missed();
        this.#begun = true;
        break;
      }
      case "status":
        this.to.status(JSON.parse(event.data));
        break;
      case "session":
        this.to.session(JSON.parse(event.data));
        break;
    }
    // Only now, so that an event that failed above comes again.
    if (event.id) this.#lastEventId = event.id;
  }

  /** @param {number} milliseconds @param {AbortSignal} signal */
  async #pause(milliseconds, signal) {
    const woken = new Promise((resolve) => (this.#wake = () => resolve(undefined)));
    await Promise.race([woken, wait(milliseconds, signal)]);
  }

  /** Whether there is a stream, and it is not silent. */
  #speaks() {
    return this.#streaming && performance.now() - this.#streamWord < oldAge;
  }

  /** How many milliseconds old the figures are. */
  #age() {
    return performance.now() - this.#lastWord;
  }

  /** @param {Connection} connection */
  #show(connection) {
    if (connection === this.#connection) return;
    this.#connection = connection;
    this.#report();
    this.tabs.beat();
  }

  #report() {
    if (!this.#connection) return;
    // The figures on a page that was hidden are old, but the node has not had a chance to send new ones.
    const silent = this.#connection !== "lost" && Math.min(this.#age(), performance.now() - this.#seen) >= oldAge;
    this.to.connection(silent ? "silent" : this.#connection, this.#age());
  }
}

/** @param {unknown} failure */
function isSignedOut(failure) {
  return failure instanceof Refused && failure.status === 401;
}

/**
 * @param {number} milliseconds
 * @param {AbortSignal} signal ends the wait
 */
function wait(milliseconds, signal) {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, milliseconds);
    signal.addEventListener("abort", () => (clearTimeout(timer), resolve(undefined)), { once: true });
  });
}
