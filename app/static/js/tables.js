/** Parts of tables and lists that panels share. */

import { el } from "./dom.js";

/** A list of names and values; a null value is left out. */
export const facts = (pairs) =>
  el(
    "dl",
    { class: "facts" },
    pairs
      .filter(([, value]) => value !== null && value !== undefined)
      .map(([name, value]) => [el("dt", {}, name), el("dd", {}, value)]),
  );

export const head = (text) => el("th", { scope: "col" }, text);
export const headOfNumbers = (text) => el("th", { scope: "col", class: "num" }, text);
