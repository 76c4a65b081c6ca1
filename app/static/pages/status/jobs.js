/** Refreshes as jobs: the one that runs, the last one, those of the history. */

import { NOTHING_NEW } from "../terms.js";

export const isRunning = (job) => job?.status === "queued" || job?.status === "running";
export const isUnchanged = (entry) => entry.outcome === NOTHING_NEW;

/** An entry of the history as a job. */
const asJob = (entry) => ({
  job_id: String(entry.id),
  trigger: entry.sync_type,
  status: entry.success ? "succeeded" : "failed",
  rows: entry.rows,
  unchanged: isUnchanged(entry),
  started_at: entry.timestamp,
  finished_at: new Date(Date.parse(entry.timestamp) + 1000 * (entry.duration_seconds ?? 0)).toISOString(),
  error: entry.error_message,
  peak_memory_mb: entry.peak_memory_mb ?? null,
});

const newer = (a, b) => (!a || (b && Date.parse(b.started_at) > Date.parse(a.started_at)) ? b : a);

/**
 * The job to show, and all that are known. The job is undefined while the history, which may have
 * one, is not loaded, and null where there is none.
 */
export function jobsOf(job, history) {
  if (!history && !job) return { shown: undefined, all: [] };
  const others = (history ?? []).map(asJob).filter((one) => one.job_id !== job?.job_id);
  const shown = isRunning(job) ? job : (newer(job, others[0]) ?? null);
  return { shown, all: [...others, job].filter(Boolean) };
}

export const secondsOf = (job) =>
  job.finished_at ? (Date.parse(job.finished_at) - Date.parse(job.started_at)) / 1000 : null;
