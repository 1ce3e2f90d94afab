// An application with a generated client: it starts a sync, watches it and cancels it, then lets the next one finish.
// docs/frontend.md says how to generate the client. Arguments: the node's URL, an operator's token, a peer.
import {
  cancelFullSync, getFullSync, getFullSyncStatus, startFullSync, streamFullSyncEvents,
  type Session, type StatusEvent,
} from "./api/index.js";
import { client } from "./api/client.gen.js";

declare const process: { argv: string[] };
const [url = "", token = "", peer = ""] = process.argv.slice(2);
client.setConfig({ baseUrl: url, auth: () => token });

function expect(holds: boolean, what: string, seen: unknown): asserts holds {
  if (!holds) throw new Error(`expected ${what}, saw ${JSON.stringify(seen)}`);
}

// To OpenAPI the stream is just text; the client has parsed it.
type Event = { name: string; data: unknown };
const heard: Event[] = [];
let wake = () => {};
const stop = new AbortController();
const { stream } = await streamFullSyncEvents({
  query: { catalog: "main" },
  signal: stop.signal,
  sseMaxRetryAttempts: 1,
  onSseEvent: ({ event, data }) => {
    if (event) heard.push({ name: event, data });
    wake();
  },
});
const reading = (async () => { for await (const _ of stream); })();

/** Waits for an event for which cond holds. */
async function until(name: string, cond: (data: unknown) => boolean): Promise<void> {
  while (!heard.some((e) => e.name === name && cond(e.data))) {
    await new Promise<void>((done) => { wake = done; });
  }
}
const session = (id: string, cond: (s: Session) => boolean) =>
  until("session", (data) => (data as Session).sessionId === id && cond(data as Session));
const status = (id: string, wanted: Session["status"]) =>
  until("status", (data) => (data as StatusEvent).sessionId === id && (data as StatusEvent).status === wanted);

await until("snapshot", () => true);

// Start slowly, so that there is time to cancel.
const first = await startFullSync({
  body: { action: "pull", targetPeer: peer, options: { batchSize: 1, maxProductsPerSecond: 1 } },
});
expect(first.response.status === 202 && first.data !== undefined && "sessionId" in first.data, "202", first.error);
const id = first.data.sessionId;

// Watch.
await status(id, "TRANSFERRING");
await session(id, (s) => s.transferredRecords > 0 && s.totalRecords === 100);
const active = await getFullSyncStatus({ query: { catalog: "main" } });
expect(active.data?.active?.sessionId === id && active.data.last === null, "the session as the only one", active.data);
expect((await getFullSync({ path: { sessionId: id } })).data?.receipt === null, "no receipt yet", id);

// A second start is refused, and the answer is typed too.
const second = await startFullSync({ body: { action: "pull", targetPeer: { nodeId: peer, port: 8080 } } });
expect(second.error?.code === "SYNC_IN_PROGRESS" && "cancelUrl" in second.error, "a conflict", second);

// Cancel.
const cancelled = await cancelFullSync({ body: { sessionId: id, reason: "wrong peer" } });
expect(cancelled.data?.session.status === "CANCELLED" && !cancelled.data.alreadyCancelled, "a cancelled session", cancelled);
await status(id, "CANCELLED");
const ended = await getFullSync({ path: { sessionId: id } });
expect(ended.data?.receipt?.cancelReason === "wrong peer", "a receipt with the reason", ended.data);

// Let the next one finish.
const next = await startFullSync({ body: { action: "pull", targetPeer: peer, options: null } });
expect(next.data !== undefined && "sessionId" in next.data, "202", next.error);
await status(next.data.sessionId, "COMPLETED");
const after = await getFullSyncStatus({ query: { catalog: "main" } });
expect(after.data?.active === null && after.data.last?.transferredRecords === 100, "a whole sync", after.data);

stop.abort();
await reading;
console.log("done");
