/** The refresh that runs, and the earlier ones. */

import { sentence } from "./api.js";
import { bar, byId, el, icon, show, state } from "./dom.js";
import {
  agoTime,
  duration,
  inWords,
  megabytes,
  moment,
  momentTime,
  NONE,
  sinceTime,
  whole,
} from "./format.js";
import { facts, head, headOfNumbers } from "./tables.js";
import { NOTHING_NEW, PHASES } from "./terms.js";

const SHOWN = 7;

/**
 * @typedef {{job_id: string, trigger: string, status: string, phase: string | null, progress: number | null,
 *   rows: number | null, unchanged: boolean, estimated_seconds: number | null, started_at: string, finished_at: string | null, error: string | null,
 *   peak_memory_mb: number | null}} Job
 */

export const isRunning = (job) => job?.status === "queued" || job?.status === "running";

/** Show the running or last job. @param {Job | null} job */
export function drawJob(job) {
  const region = byId("refresh");
  if (isRunning(job)) return show(region, running(job));
  show(
    region,
    job
      ? finished(job)
      : state(
          "No refresh yet",
          "A refresh reads the database, ranks the stocks and publishes a new version.",
        ),
  );
}

function running(job) {
  const phase = job.phase ? inWords(job.phase) : "Waiting to start";
  const progress = job.progress ?? 0;
  return el(
    "div",
    { class: "job" },
    el(
      "p",
      { class: "job__phase" },
      phase,
      el("span", { class: "job__percent" }, `${Math.round(100 * progress)}%`),
    ),
    el("progress", { max: 1, value: progress, "aria-label": `Refresh: ${phase}` }),
    el("ol", { class: "job__phases", "aria-hidden": "true" }, steps(job)),
    facts([
      ["Started", agoTime(job.started_at)],
      ["Running for", sinceTime(job.started_at)],
      ["Usually", job.estimated_seconds ? `about ${duration(job.estimated_seconds)}` : null],
      ["Rows", whole(job.rows)],
      ["Peak memory", megabytes(job.peak_memory_mb)],
      ["Mode", job.low_memory ? "low memory, second try" : null],
    ]),
  );
}

function steps(job) {
  const at = PHASES.indexOf(job.phase);
  return PHASES.map((phase, i) =>
    el("li", { class: i < at ? "is-done" : i === at ? "is-now" : null }, inWords(phase)),
  );
}

function finished(job) {
  const failed = job.status === "failed";
  const seconds = job.finished_at
    ? (Date.parse(job.finished_at) - Date.parse(job.started_at)) / 1000
    : null;
  return el(
    "div",
    { class: "job" },
    el(
      "p",
      { class: "job__phase" },
      icon(failed ? "critical" : "ok", null),
      outcomeOf(job.status === "succeeded", job.unchanged),
    ),
    failed && job.error && el("p", { class: "job__error" }, sentence(job.error)),
    facts([
      ["Finished", agoTime(job.finished_at)],
      ["Trigger", job.trigger ? inWords(job.trigger) : null],
      ["Duration", duration(seconds)],
      ["Peak memory", megabytes(job.peak_memory_mb)],
      ["Rows", job.rows ? whole(job.rows) : null],
      ["Mode", job.low_memory ? "low memory, second try" : null],
    ]),
  );
}

function outcomeOf(success, unchanged) {
  if (!success) return "Failed";
  return unchanged ? sentence(NOTHING_NEW) : "Succeeded";
}

/** An entry of the history as a job, for the panel of the last one. */
export const asJob = (entry) => ({
  job_id: String(entry.id),
  trigger: entry.sync_type,
  status: entry.success ? "succeeded" : "failed",
  phase: null,
  progress: null,
  rows: entry.rows,
  unchanged: entry.outcome === NOTHING_NEW,
  estimated_seconds: null,
  started_at: entry.timestamp,
  finished_at: new Date(
    Date.parse(entry.timestamp) + 1000 * (entry.duration_seconds ?? 0),
  ).toISOString(),
  error: entry.error_message,
  peak_memory_mb: entry.peak_memory_mb ?? null,
  low_memory: false,
});

/** The later of two jobs, either of which may be missing. */
export const newer = (a, b) =>
  !a || (b && Date.parse(b.started_at) > Date.parse(a.started_at)) ? b : a;

/** Let the buttons that start a refresh say that one runs. */
export function drawButtons(running) {
  for (const button of document.querySelectorAll("[data-refresh]")) {
    button.setAttribute("aria-disabled", String(running));
    button.textContent = running ? "Refreshing" : "Refresh now";
  }
}

/** The table of the last refreshes; bars are of the memory limit. */
export function drawHistory(answer, limit) {
  const rows = answer.history.slice(0, SHOWN);
  byId("history-next").textContent = answer.next_scheduled_sync
    ? `next ${moment(answer.next_scheduled_sync)}`
    : "no schedule is set";
  if (!rows.length)
    return show(
      byId("history"),
      state(
        "No refresh in the last 7 days",
        "Refreshes are listed here with their duration and peak memory.",
      ),
    );
  show(
    byId("history"),
    el(
      "table",
      { class: "stack" },
      el("caption", { class: "vh" }, "Refreshes of the last 7 days, newest first"),
      el(
        "thead",
        {},
        el(
          "tr",
          {},
          ["Started", "Outcome"].map(head),
          ["Duration", "Peak memory", "Prices"].map(headOfNumbers),
        ),
      ),
      el(
        "tbody",
        {},
        rows.map((entry) => line(entry, limit)),
      ),
    ),
  );
}

function line(entry, limit) {
  const outcome = outcomeOf(entry.success, entry.outcome === NOTHING_NEW);
  return el(
    "tr",
    {},
    el(
      "th",
      { scope: "row", class: "nowrap s-main" },
      momentTime(entry.timestamp),
      " ",
      el("span", { class: "cell-2 s-inline" }, inWords(entry.sync_type ?? "")),
    ),
    el(
      "td",
      { class: "s-side" },
      el("span", { class: "nowrap" }, icon(entry.success ? "ok" : "critical", null), ` ${outcome}`),
      entry.error_message &&
        el("span", { class: "cell-2 cell-error" }, sentence(entry.error_message)),
    ),
    el("td", { class: "num s-one" }, duration(entry.duration_seconds)),
    el("td", { class: "num s-two" }, peak(entry.peak_memory_mb, limit)),
    el(
      "td",
      { class: `num s-end${entry.prices_updated ? " s-prices" : ""}` },
      entry.prices_updated ? whole(entry.prices_updated) : NONE,
    ),
  );
}

const peak = (mb, limit) =>
  mb === null || mb === undefined ? NONE : [megabytes(mb), bar(mb / limit)];
