/** Load the content of a region, and show a sentence where that fails. */

import { read, Refused } from "./api.js";
import { byId, el, show, state } from "./dom.js";

/**
 * Read a path and draw the answer in a region. `nothing`, if given, draws where nothing is
 * published. A region that shows something already keeps it when the service cannot be read.
 * @param {string} id
 * @param {string} path
 * @param {(answer: any) => void} draw
 * @param {() => boolean | Promise<boolean>} [nothing] false where something is published after all
 */
export async function load(id, path, draw, nothing = () => false) {
  try {
    draw(await read(path));
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    if (error.status === 503 && (await nothing())) return;
    fail(byId(id), error, () => load(id, path, draw, nothing));
  }
}

function fail(region, error, again) {
  if (!region.hasAttribute("aria-busy")) return; // the link tells how old it is
  const button = el(
    "button",
    { class: "button button--small", type: "button", click: again },
    "Try again",
  );
  show(region, state("Cannot be loaded now", error.message, button));
  region.setAttribute("aria-busy", "false");
}
