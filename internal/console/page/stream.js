// Reads one stream of events from beginning to end.

import { openStream } from "./api.js";

/** @typedef {{type: string, id: string, data: string, retry: number}} StreamEvent */

// The node sends the snapshot at once, and then at least a comment every 3 s; a node of the previous version, every 15 s. If a
// proxy holds them back, that counts as having no stream.
const firstSilence = 10_000; // milliseconds
const silence = 20_000;

/**
 * Reads a stream to its end, or until it has been silent for too long.
 * @param {string} lastEventId the event after which to continue, if not empty
 * @param {AbortSignal} signal
 * @param {object} to
 * @param {() => void} to.word the node has sent something, even if only a comment
 * @param {(event: StreamEvent) => void} to.event
 * @returns {Promise<void>} rejects with Refused or Unreachable, or an AbortError
 */
export async function readStream(lastEventId, signal, to) {
  const hangUp = new AbortController();
  const end = () => hangUp.abort();
  signal.addEventListener("abort", end);
  let alarm = setTimeout(end, firstSilence);
  try {
    signal.throwIfAborted();
    const body = await openStream(lastEventId, hangUp.signal);
    let rest = "";
    let begun = false;
    for await (const text of pieces(body)) {
      const blocks = (rest + text).split("\n\n");
      rest = blocks.pop() ?? "";
      for (const block of blocks) {
        const event = parse(block);
        begun ||= event.type !== "";
        to.event(event);
      }
      if (!begun) continue;
      to.word();
      clearTimeout(alarm);
      alarm = setTimeout(end, silence);
    }
  } finally {
    clearTimeout(alarm);
    signal.removeEventListener("abort", end);
    hangUp.abort();
  }
}

/**
 * Parses one event of the stream: the lines between two empty ones.
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
