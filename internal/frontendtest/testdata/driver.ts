// The person in front of the application: reads the test's commands from standard input, one per line, and reports what
// a view would show on standard output, one JSON object per line.
import { type Api, Refused, connect } from "./client.js";
import { EventParser, type ServerEvent } from "./events.js";
import { cancel, find, startOrAsk } from "./sync.js";
import { watch } from "./watch.js";

declare const process: { stdin: AsyncIterable<Uint8Array>; stdout: { write(text: string): void }; exit(code: number): never };

interface Command {
  id: number;
  do: "connect" | "signIn" | "signOut" | "watch" | "start" | "cancel" | "parse";
  url: string;
  token: string;
  name: string;
  password: string;
  silence: number;
  choice: "watch" | "cancel" | "replace" | "nothing";
  /** The reason given when confirming; null for somebody who does not confirm. */
  reason: string | null;
  sessionId: string;
  text: string;
}

const tell = (what: string, value: unknown, id = 0) => process.stdout.write(`${JSON.stringify({ what, value, id })}\n`);

let api: Api;

async function obey(c: Command): Promise<unknown> {
  const confirm = async (about: { sessionId: string }) => {
    tell("confirm", about);
    return c.reason;
  };
  switch (c.do) {
    case "connect":
      api = connect(c.url, c.token, (token) => tell("token", token !== ""));
      return null;
    case "signIn":
      return api.signIn(c.name, c.password);
    case "signOut":
      return api.signOut();
    case "watch":
      watch(api, "main", {
        sessions: (all) => tell("sessions", all),
        status: (change) => tell("status", change),
        connection: (state, message) => tell("connection", { state, message }),
      }, { silence: c.silence, poll: 200 });
      return null;
    case "start":
      return startOrAsk(api, { action: "pull", targetPeer: "branch", options: { batchSize: 20 } }, async (running) => {
        tell("choose", running);
        return c.choice;
      }, confirm);
    case "cancel":
      return cancel(api, await find(api, c.sessionId), confirm);
    case "parse":
      return parse(new TextEncoder().encode(c.text));
  }
}

/** Reads a stream in pieces of every size, which must not make a difference. */
function parse(stream: Uint8Array): ServerEvent[] {
  const read = (size: number) => {
    const parser = new EventParser();
    const events: ServerEvent[] = [];
    for (let at = 0; at < stream.length; at += size) events.push(...parser.push(stream.slice(at, at + size)));
    return { retry: parser.retry, events };
  };
  const whole = read(stream.length);
  for (let size = 1; size < stream.length; size++) {
    if (JSON.stringify(read(size)) !== JSON.stringify(whole)) throw new Error(`in pieces of ${size}: ${JSON.stringify(read(size))}`);
  }
  if (whole.retry !== 2140) throw new Error(`retry ${whole.retry}`);
  return whole.events;
}

let rest = "";
const decoder = new TextDecoder();
for await (const piece of process.stdin) {
  const lines = (rest + decoder.decode(piece, { stream: true })).split("\n");
  rest = lines.pop() ?? "";
  for (const line of lines) {
    const c = JSON.parse(line) as Command;
    obey(c).then(
      (value) => tell("done", value ?? null, c.id),
      (failure: Error) => tell("failed", { message: failure.message, status: failure instanceof Refused ? failure.status : 0 }, c.id),
    );
  }
}
process.exit(0);
