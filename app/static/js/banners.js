/** Banners above the page, which say what is wrong with its figures. */

import { el, icon } from "./dom.js";

export class Banners {
  constructor(region) {
    this.region = region;
    this.nodes = new Map();
  }

  /** Show a banner under a key, in place of the one before; null takes it away. */
  set(key, banner) {
    this.nodes.get(key)?.remove();
    this.nodes.delete(key);
    if (!banner) return;
    const node = drawn(banner);
    this.nodes.set(key, node);
    if (banner.first) this.region.prepend(node);
    else this.region.append(node);
  }
}

/**
 * One that is `first` is large, and above all others.
 * @param {{tone: "warning"|"critical"|"unknown", title: string, text: string|Node, action?: Node,
 *   first?: boolean}} banner
 */
const drawn = ({ tone, title, text, action, first }) =>
  el(
    "div",
    { class: `banner banner--${tone} ${first ? "banner--first" : ""}` },
    icon(tone, null),
    el("p", {}, el("strong", {}, title), " ", text),
    action,
  );
