/** The condition of the lake, where it is not as it should be. */

import { read, sentence } from "./api.js";

const TITLES = {
  unreadable: "The lake cannot be read.",
  damaged: "The published version is damaged.",
};

/**
 * The banner for a lake in trouble; null where its version is whole or none is published.
 * @param {{state: string, reason: string | null}} lake
 */
export function lakeBanner({ state, reason }) {
  const title = TITLES[state];
  const text = `Do not trade on these rankings. ${sentence(reason ?? "")}`;
  return title ? { tone: "critical", title, text, first: true } : null;
}

/**
 * Shows what to know of a demo market.
 * @param {HTMLElement} place
 */
export async function showNotice(place) {
  const health = await read("/v1/health").catch(() => null);
  place.textContent = health?.notice ?? "";
  place.hidden = !place.textContent;
}

/** True where nothing was published yet; false where a version cannot be read. */
export async function isEmpty() {
  const health = await read("/v1/health").catch(() => null);
  return health?.lake === "empty";
}
