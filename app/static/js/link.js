/** The connection to the service: the sign in the top bar, the banner, the marks of old panels. */

import { byId, el } from "./dom.js";
import { clock } from "./format.js";

const TEXTS = { connecting: "Connecting", live: "Live", lost: "Disconnected" };

export class Link {
  /** `retry` connects at once. */
  constructor(banners, retry) {
    this.banners = banners;
    this.retry = retry;
  }

  /** @param {"connecting"|"live"|"lost"|"retrying"} state */
  set(state) {
    const shown = state === "retrying" ? "lost" : state;
    document.documentElement.dataset.link = shown;
    byId("link").dataset.state = shown;
    byId("link-text").textContent = TEXTS[shown];
    if (shown === "lost") this.#lose();
    else this.#find();
  }

  #lose() {
    if (this.lostAt) return; // told once; the reconnecting goes on
    this.lostAt = new Date();
    mark(`as of ${clock(this.lostAt)}`);
    this.banners.set("link", {
      tone: "critical",
      title: "The connection is lost.",
      text: `The page shows the state of ${clock(this.lostAt)}. It reconnects as soon as the service answers.`,
      action: el(
        "button",
        { class: "button button--small", type: "button", click: this.retry },
        "Try now",
      ),
    });
  }

  #find() {
    this.lostAt = null;
    mark("");
    this.banners.set("link", null);
  }
}

/** Say on every panel how old it is; nothing takes the marks away. */
function mark(text) {
  for (const node of document.querySelectorAll(".old-mark")) {
    node.textContent = text;
    node.toggleAttribute("hidden", !text);
  }
}
