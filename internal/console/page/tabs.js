// The tabs of one browser in which the same user is signed in. One of them, the leader, asks the node and passes on what it
// learns. With HTTP/1.1 a browser opens six connections to a node for all its tabs together, and a stream keeps one: if every tab
// had its own, a cancel in the seventh would wait for ever.
//
// The leader is a visible tab, because a tab in the background may be frozen. It says every second that it leads. If it falls
// silent, or says that it is leaving, another takes its place. Web Locks could choose the leader, but they need https.

const beatEvery = 1_000; // milliseconds
const deaf = 3_500; // a leader that has said nothing for so long has crashed, or hangs
const hearing = 200; // how long a candidate waits for objections
// Users of one browser must not share anything, so each has a leader. At most this many leaders have a stream.
const mostStreams = 2;

/**
 * @typedef {object} Duty
 * @property {(signal: AbortSignal) => void} lead begins to ask the node, until the signal
 * @property {() => void} follow from now on another tab asks
 * @property {() => unknown} state what a leader says about itself with every beat
 * @property {(state: any) => void} beat what the leader has said about itself
 * @property {(news: any) => void} news what the leader has learned
 * @property {() => void} crowded a leader must give up its stream, because there are too many
 */

/** @typedef {{kind: "claim" | "beat" | "leave", group: string, id: string, since?: number, state?: unknown}} Word */

export class Tabs {
  #id = [...crypto.getRandomValues(new Uint32Array(2))].join();
  /** Where all tabs talk to each other, whoever is signed in. @type {BroadcastChannel | null} */
  #floor = null;
  /** Where the tabs of one user pass on what they learn. @type {BroadcastChannel | null} */
  #news = null;
  /** @type {"out" | "candidate" | "follower" | "leader"} */
  #role = "out";
  #heard = 0; // when the leader's last beat came
  /** Leaders of other users that have a stream: since when, and when each was last heard. @type {Map<string, {since: number, heard: number}>} */
  #others = new Map();
  #since = 0; // when this tab began its stream, by the clock that all tabs share; 0 without a stream
  #resign = new AbortController();
  #timer = 0;

  /**
   * @param {string} group the tabs that may share
   * @param {Duty} duty
   */
  constructor(group, duty) {
    this.group = group;
    this.duty = duty;
  }

  /** Whether this tab, as the leader, has a stream or is opening one. */
  get streams() {
    return this.#since > 0;
  }

  set streams(on) {
    if (on !== this.streams) this.#since = on ? Date.now() : 0;
  }

  /** Joins the other tabs. The duty then says what this tab has to do. */
  join() {
    if (this.#role !== "out") return;
    this.#role = "candidate";
    if (typeof BroadcastChannel === "undefined") return this.#lead();
    this.#floor = new BroadcastChannel("fullsync tabs");
    this.#floor.onmessage = ({ data }) => this.#take(data);
    this.#news = new BroadcastChannel(`fullsync news ${this.group}`);
    this.#news.onmessage = ({ data }) => this.duty.news(data);
    this.#timer = setInterval(() => this.#tick(), beatEvery);
    void this.#stand();
  }

  /** Leaves the others, because this tab is closed or hidden. */
  leave() {
    if (this.#role === "leader") this.#say("leave");
    this.#role = "out";
    this.#resign.abort();
    clearInterval(this.#timer);
    this.#floor?.close();
    this.#news?.close();
    this.#floor = this.#news = null;
  }

  /** As the leader, passes on what this tab has learned. @param {unknown} news */
  pass(news) {
    if (this.#role === "leader") this.#news?.postMessage(news);
  }

  /** As the leader, tells the others at once how this tab is. */
  beat() {
    if (this.#role === "leader") this.#say("beat", { since: this.#since, state: this.duty.state() });
  }

  /**
   * Whether this tab, as the leader, may have a stream. If there are too many, those that began first keep theirs. Without a way
   * to agree with the others it may not.
   */
  mayStream() {
    if (!this.#floor) return false;
    const now = performance.now();
    /** @param {string} id @param {number} since */
    const first = (id, since) => !this.streams || since < this.#since || (since === this.#since && id < this.#id);
    const before = [...this.#others].filter(([id, { since, heard }]) => now - heard < deaf && first(id, since));
    return before.length < mostStreams;
  }

  /** Stands for leader. If there are several candidates, the one with the smallest id wins. */
  async #stand() {
    const floor = this.#floor;
    this.#role = "candidate";
    this.#say("claim");
    await new Promise((resolve) => setTimeout(resolve, hearing));
    if (this.#role === "candidate" && this.#floor === floor) this.#lead();
  }

  #lead() {
    this.#role = "leader";
    this.#resign = new AbortController();
    this.beat();
    this.duty.lead(this.#resign.signal);
  }

  #follow() {
    this.#heard = performance.now();
    if (this.#role === "follower") return;
    this.#role = "follower";
    this.#resign.abort();
    this.duty.follow();
  }

  #tick() {
    if (this.#role === "leader") {
      if (this.streams && !this.mayStream()) this.duty.crowded();
      this.beat();
    } else if (this.#role === "follower" && performance.now() - this.#heard > deaf) void this.#stand();
  }

  /** @param {Word} word */
  #take(word) {
    if (word.group !== this.group) {
      if (word.kind === "claim") this.beat(); // a new tab must know who has a stream
      else if (word.since) this.#others.set(word.id, { since: word.since, heard: performance.now() });
      else this.#others.delete(word.id);
      return;
    }
    const first = word.id < this.#id;
    switch (word.kind) {
      case "claim":
        if (this.#role === "leader") this.beat();
        else if (this.#role === "candidate" && first) this.#follow();
        else if (this.#role === "candidate") this.#say("claim");
        break;
      case "beat":
        if (this.#role === "leader" && !first) {
          this.beat(); // there are two leaders, and the other one must give way
          break;
        }
        this.#follow();
        this.duty.beat(word.state);
        break;
      case "leave":
        if (this.#role === "follower") void this.#stand();
        break;
    }
  }

  /** @param {Word["kind"]} kind @param {Partial<Word>} [more] */
  #say(kind, more) {
    this.#floor?.postMessage({ kind, group: this.group, id: this.#id, ...more });
  }
}
