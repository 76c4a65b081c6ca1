/** The condition of the lake, where it is not as it should be. */

import { read, sentence } from "./api.js";
import { byId } from "./dom.js";

const TITLES = {
  unreadable: "The lake cannot be read.",
  damaged: "The published version is damaged.",
};

/**
 * The banner for a lake in trouble; null where its version is whole or none is published.
 * A roll-back is told of, too.
 * @param {{state: string, version: string | null, reason: string | null,
 *   rolled_back: string | null}} lake
 */
export function lakeBanner({ state, version, reason, rolled_back: back }) {
  if (back && state === "readable") {
    const text = `Version ${back} was rolled back; version ${version} is served in its place.`;
    return { tone: "warning", title: "An older version is served.", text };
  }
  const title = TITLES[state];
  const text = `Do not trade on these rankings. ${sentence(reason ?? "")}`;
  return title ? { tone: "critical", title, text, first: true } : null;
}

/** Calls a demo market a demo, at the top of the page. */
export async function showNotice() {
  const health = await read("/v1/health").catch(() => null);
  byId("notice").textContent = health?.notice ? sentence(health.notice) : "";
  byId("demo").hidden = !health?.notice;
}

/** True where nothing was published yet; false where a version cannot be read. */
export async function isEmpty() {
  const health = await read("/v1/health").catch(() => null);
  return health?.lake === "empty";
}
