/** The strip of key figures. */

import { bar, byId, el, icon } from "./dom.js";
import { agoTime, duration, inWords, megabytes, moment, share } from "./format.js";
import { isRunning } from "./refreshes.js";

/**
 * @typedef {{status?: "ok"|"warning"|"critical"|"unknown", value: string | Node, note?: string,
 *   fraction?: number}} Figure
 */

const CELLS = {
  prices: "Prices",
  verdict: "Trading",
  memory: "Memory",
  disk: "Disk",
  refresh: "Last refresh",
  alerts: "Alerts",
};

export class Glance {
  constructor() {
    this.cells = Object.fromEntries(
      Object.entries(CELLS).map(([name, title]) => [name, added(name, title)]),
    );
  }

  /** Show a figure under its name. @param {string} name @param {Figure} figure */
  set(name, { status, value, note = "", fraction }) {
    const cell = this.cells[name];
    cell.value.classList.remove("skeleton");
    cell.value.replaceChildren(...(status ? icon(status) : []), el("span", {}, value));
    cell.note.replaceChildren(note, ...(fraction === undefined ? [] : [bar(fraction)]));
  }

  /** Nothing is published. */
  setNothing() {
    this.set("prices", { status: "unknown", value: "None yet" });
    this.set("verdict", { status: "unknown", value: "Not yet" });
  }
}

function added(name, title) {
  const value = el("dd", { class: "glance__value skeleton" });
  const note = el("dd", { class: "glance__note" });
  byId("glance").append(el("div", { "data-glance": name }, el("dt", {}, title), value, note));
  return { value, note };
}

/** @returns {Figure} */
export const memoryFigure = (sample, { warning, critical }) => ({
  status: sample.percent >= critical ? "critical" : sample.percent >= warning ? "warning" : "ok",
  value: share(sample.percent / 100),
  note: `${megabytes(sample.usage_mb)} of ${megabytes(sample.limit_mb)}`,
  fraction: sample.percent / 100,
});

/** The room that a refresh works in, against its need. @returns {Figure} */
export function diskFigure({ folders, needed_mb, enough }) {
  const work = folders.at(-1);
  if (!work) return { status: "unknown", value: "Unknown" };
  return {
    status: enough === false ? "critical" : "ok",
    value: `${megabytes(work.free_mb)} free`,
    note: needed_mb === null ? "" : `a refresh needs ${megabytes(needed_mb)}`,
  };
}

/** @returns {Figure} */
export const alertFigure = (firing) => {
  const critical = firing.filter((alert) => alert.severity === "critical").length;
  if (!firing.length) return { status: "ok", value: "None", note: "no alert is firing" };
  return {
    status: critical ? "critical" : "warning",
    value: `${firing.length} firing`,
    note: critical ? `${critical} critical` : inWords(firing[0].key),
  };
};

/** The running refresh, or the last one; `next` is when one is due. @returns {Figure} */
export function refreshFigure(job, next) {
  const due = next ? `next ${moment(next)}` : "";
  if (!job) return { status: "unknown", value: "None yet", note: due };
  if (isRunning(job)) return runningFigure(job);
  const seconds = (Date.parse(job.finished_at) - Date.parse(job.started_at)) / 1000;
  const failed = job.status === "failed";
  const how = failed ? "failed after" : job.unchanged ? "nothing new, in" : "in";
  const told = `${how} ${duration(seconds)}`;
  return {
    status: failed ? "critical" : "ok",
    value: agoTime(job.finished_at),
    note: [told, due].filter(Boolean).join(" · "),
  };
}

const runningFigure = (job) => ({
  value: `Running, ${Math.round(100 * job.progress)}%`,
  note: job.phase ? inWords(job.phase) : "Waiting to start",
  fraction: job.progress,
});
