// The place for a secret that is shown once, so that a person copies it.

import { make } from "./dom.js";
import { copy } from "./message.js";
import { button } from "./views.js";

/** Makes the place. @param {string} press the text of the button that copies @param {string} called what to call the secret instead of showing it */
export function newSecret(press, called) {
  const place = make("div", { className: "message success", role: "status", hidden: true });
  return {
    place,
    /** @param {string} sentence says whose it is @param {string} secret */
    show(sentence, secret) {
      const code = make("code", { className: "secret" }, secret);
      const text = make("p", { tabIndex: -1 }, sentence, code);
      place.replaceChildren(text, button(press, () => copy(secret, code, called)));
      place.hidden = false;
      text.focus();
    },
    /** Forgets it. */
    hide() {
      place.replaceChildren();
      place.hidden = true;
    },
  };
}
