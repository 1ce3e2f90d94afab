// Sends a file, and says how far it is. fetch cannot tell that.

import { refusal, token, Unreachable } from "./api.js";
import { texts } from "./texts/send.js";

/**
 * Sends a file and returns the text of the answer.
 * @param {string} path
 * @param {Blob} file
 * @param {AbortSignal} signal
 * @param {(bytes: number) => void} [progress] called with how much of it has been sent
 * @returns {Promise<string>} rejects with Refused or Unreachable, and with the signal's reason once it is given
 */
export function sendFile(path, file, signal, progress) {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open("POST", `..${path}`);
    const key = token();
    request.setRequestHeader("Authorization", `Bearer ${key}`);
    request.setRequestHeader("Content-Type", "application/octet-stream");
    if (progress) request.upload.addEventListener("progress", (event) => progress(event.loaded));
    request.addEventListener("load", () => {
      if (request.status < 300) resolve(request.responseText);
      else void refusal(new Response(request.responseText, { status: request.status }), key).then(reject);
    });
    request.addEventListener("error", () => reject(new Unreachable(texts.lost)));
    request.addEventListener("abort", () => reject(signal.reason));
    signal.addEventListener("abort", () => request.abort(), { once: true });
    request.send(file);
  });
}
