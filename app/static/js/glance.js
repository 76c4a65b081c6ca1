/** The strip of key figures. */

import { bar, byId, el, icon } from "./dom.js";

const CELLS = { prices: "Prices", verdict: "Trading", memory: "Memory", refresh: "Last refresh", alerts: "Alerts" };

export class Glance {
  constructor() {
    this.cells = {};
    for (const [name, title] of Object.entries(CELLS)) this.#add(name, title);
  }

  #add(name, title) {
    const value = el("dd", { class: "glance__value skeleton" });
    const note = el("dd", { class: "glance__note" });
    byId("glance").append(el("div", { "data-glance": name }, el("dt", {}, title), value, note));
    this.cells[name] = { value, note };
  }

  /** Show a figure: its status, if it has one, the value and a note; `fraction` adds a bar. */
  set(name, { status = null, value, note = null, fraction = null }) {
    const cell = this.cells[name];
    cell.value.classList.remove("skeleton");
    cell.value.replaceChildren(...(status ? icon(status) : []).filter(Boolean), el("span", {}, value));
    cell.note.replaceChildren(...[note ?? "", fraction === null ? null : bar(fraction)].flat().filter((n) => n !== null));
  }
}
