/** The refresh that runs, and the earlier ones. */

import { NONE, percent, whole } from "../numbers.js";
import { Loading } from "../states.js";
import { PHASES } from "../terms.js";
import { html } from "../ui.js";
import { t, term } from "../words.js";
import { isRunning, isUnchanged, secondsOf } from "./jobs.js";
import { Bar, Icon, megabytes, Pairs, Panel, Quiet, sentence, Shown } from "./parts.js";
import { Ago, duration, Moment, moment, Since } from "./times.js";

const SHOWN = 7;

export const phaseOf = (job) => (job.phase ? term("phase", job.phase) : t("status.waiting"));

/** The running or last job: undefined while it is loaded, null where there is none. */
export const Refresh = ({ job, old }) => html`
  <${Panel} name="refresh" title=${t("status.refresh")} old=${old}>
    ${job === undefined ? html`<${Loading} rows=${5} />` : job === null ? html`<${Quiet} title=${t("status.refresh.none")} text=${t("status.refresh.none.text")} />` : isRunning(job) ? html`<${Running} job=${job} />` : html`<${Finished} job=${job} />`}
  <//>
`;

function Running({ job }) {
  const known = PHASES.indexOf(job.phase);
  const at = job.phase && known < 0 ? PHASES.length : known; // what comes after has no step of its own
  const phase = phaseOf(job);
  const progress = job.progress ?? 0;
  return html`
    <div class="job">
      <p class="job__phase">${phase}<span class="job__percent">${percent(progress)}</span></p>
      <progress max="1" value=${progress} aria-label=${t("status.said.phase", { phase })} />
      <ol class="job__phases" aria-hidden="true">
        ${PHASES.map((one, i) => html`<li class=${i < at ? "is-done" : i === at ? "is-now" : null}>${term("phase", one)}</li>`)}
      </ol>
      <${Pairs}
        of=${[
          [t("status.started"), html`<${Ago} at=${job.started_at} />`],
          [t("status.running_for"), html`<${Since} at=${job.started_at} />`],
          [t("status.usually"), job.estimated_seconds ? t("status.about", { time: duration(job.estimated_seconds) }) : null],
          [t("status.rows"), whole(job.rows)],
          [t("status.peak"), megabytes(job.peak_memory_mb)],
          [t("status.mode"), job.low_memory ? t("status.low_memory") : null],
        ]}
      />
    </div>
  `;
}

function Finished({ job }) {
  const failed = job.status === "failed";
  return html`
    <div class="job">
      <p class="job__phase"><${Icon} status=${failed ? "critical" : "ok"} mute />${outcome(!failed, job.unchanged)}</p>
      ${failed && job.error && html`<p class="job__error" lang="en">${sentence(job.error)}</p>`}
      <${Pairs}
        of=${[
          [t("status.finished"), html`<${Ago} at=${job.finished_at} />`],
          [t("status.trigger"), job.trigger ? term("trigger", job.trigger) : null],
          [t("status.duration"), duration(secondsOf(job))],
          [t("status.peak"), megabytes(job.peak_memory_mb)],
          [t("status.rows"), job.rows ? whole(job.rows) : null],
          [t("status.mode"), job.low_memory ? t("status.low_memory") : null],
        ]}
      />
    </div>
  `;
}

const outcome = (success, unchanged) => t(!success ? "status.failed" : unchanged ? "status.unchanged" : "status.succeeded");

/** The table of the last refreshes; bars are of the memory limit. */
export const History = ({ history, limit, old }) => html`
  <${Panel}
    name="history"
    title=${t("status.history")}
    old=${old}
    aside=${history.data && (history.data.next_scheduled_sync ? t("status.next", { time: moment(history.data.next_scheduled_sync) }) : t("status.unscheduled"))}
  >
    <${Shown} of=${history} rows=${6}>
      ${({ history: entries }) =>
        entries.length
          ? html`<${Table} entries=${entries.slice(0, SHOWN)} limit=${limit} />`
          : html`<${Quiet} title=${t("status.history.none")} text=${t("status.history.none.text")} />`}
    <//>
  <//>
`;

const Table = ({ entries, limit }) => html`
  <table class="stack">
    <caption class="vh">${t("status.history.caption")}</caption>
    <thead>
      <tr>
        <th scope="col">${t("status.started")}</th>
        <th scope="col">${t("status.outcome")}</th>
        <th scope="col" class="num">${t("status.duration")}</th>
        <th scope="col" class="num">${t("status.peak")}</th>
        <th scope="col" class="num">${t("status.prices")}</th>
      </tr>
    </thead>
    <tbody>${entries.map((entry) => html`<${Line} key=${entry.id} entry=${entry} limit=${limit} />`)}</tbody>
  </table>
`;

const Line = ({ entry, limit }) => html`
  <tr>
    <th scope="row" class="s-main"><${Moment} at=${entry.timestamp} /> <small>${term("trigger", entry.sync_type ?? "")}</small></th>
    <td class=${entry.error_message ? "s-side s-side--long" : "s-side"}>
      <span class="nowrap"><${Icon} status=${entry.success ? "ok" : "critical"} mute /> ${outcome(entry.success, isUnchanged(entry))}</span>
      ${entry.error_message && html`<small class="cell-error" lang="en">${sentence(entry.error_message)}</small>`}
    </td>
    <td class="num" data-label=${t("status.duration")}>${duration(entry.duration_seconds)}</td>
    <td class="num" data-label=${t("status.peak")}>
      ${megabytes(entry.peak_memory_mb)}${entry.peak_memory_mb != null && html`<${Bar} fraction=${entry.peak_memory_mb / limit} />`}
    </td>
    <td class="num" data-label=${t("status.prices")}>${entry.prices_updated ? whole(entry.prices_updated) : NONE}</td>
  </tr>
`;
