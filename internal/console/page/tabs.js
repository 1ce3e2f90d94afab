// The tabs of one browser in which the same user is signed in: one of them, the leader, asks the node and passes on to the others
// what it learns. A browser opens six connections to a node (by HTTP/1.1) for all its tabs together, and a stream keeps one: if
// every tab had its own, a cancel in the seventh would wait for ever.
//
// The leader is a tab that can be seen, since one in the background may be frozen. It says every second that it leads. When it
// falls silent, or says that it leaves, another takes its place. Web Locks could choose the leader, but browsers have them with https only.

const beatEvery = 1_000; // milliseconds
const deaf = 3_500; // a leader that has said nothing for so long has crashed, or hangs
const hearing = 200; // how long a candidate waits for somebody to object
// Users of one browser may share nothing, so each has a leader; no more of those than this have a stream.
const mostStreams = 2;

/**
 * @typedef {object} Duty
 * @property {(signal: AbortSignal) => void} lead begins to ask the node, until the signal
 * @property {() => void} follow another tab asks from now on
 * @property {() => unknown} state what a leader says of itself with every beat
 * @property {(state: any) => void} beat what the leader has said of itself
 * @property {(news: any) => void} news what the leader has learned
 * @property {() => void} crowded a leader must give up its stream: there are too many
 */

/** @typedef {{kind: "claim" | "beat" | "leave", group: string, id: string, since?: number, state?: unknown}} Word */

export class Tabs {
  #id = [...crypto.getRandomValues(new Uint32Array(2))].join();
  /** What all tabs say to one another, whoever is signed in there. @type {BroadcastChannel | null} */
  #floor = null;
  /** What is passed on among the tabs of one user. @type {BroadcastChannel | null} */
  #news = null;
  /** @type {"out" | "candidate" | "follower" | "leader"} */
  #role = "out";
  #heard = 0; // when the leader's last beat came
  /** Leaders of other users that have a stream: since when, and when each was heard last. @type {Map<string, {since: number, heard: number}>} */
  #others = new Map();
  #since = 0; // when this tab began its stream, by the clock that all tabs share; 0 without one
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

  /** Comes to the others; what this tab is to do it is told. */
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

  /** Goes, because this tab is closed or cannot be seen any more. */
  leave() {
    if (this.#role === "leader") this.#say("leave");
    this.#role = "out";
    this.#resign.abort();
    clearInterval(this.#timer);
    this.#floor?.close();
    this.#news?.close();
    this.#floor = this.#news = null;
  }

  /** Passes on to the others what this tab has learned as the leader. @param {unknown} news */
  pass(news) {
    if (this.#role === "leader") this.#news?.postMessage(news);
  }

  /** Tells the others at once how this tab is, as the leader. */
  beat() {
    if (this.#role === "leader") this.#say("beat", { since: this.#since, state: this.duty.state() });
  }

  /**
   * Whether this tab, as the leader, may have a stream: of too many those stay that began first. Without a way to agree with the
   * others it may not.
   */
  mayStream() {
    if (!this.#floor) return false;
    const now = performance.now();
    /** @param {string} id @param {number} since */
    const first = (id, since) => !this.streams || since < this.#since || (since === this.#since && id < this.#id);
    const before = [...this.#others].filter(([id, { since, heard }]) => now - heard < deaf && first(id, since));
    return before.length < mostStreams;
  }

  /** Stands for leader. Of several candidates the one with the smallest id wins. */
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
      if (word.kind === "claim") this.beat(); // who comes is to know who has a stream
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
          this.beat(); // two lead; the other one goes
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
