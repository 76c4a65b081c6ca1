/** The strip of key figures. */

import { date, percent } from "../numbers.js";
import { html } from "../ui.js";
import { t } from "../words.js";
import { firingOf, nameOf } from "./alerts.js";
import { isRunning, secondsOf } from "./jobs.js";
import { Bar, Icon, megabytes, room } from "./parts.js";
import { phaseOf } from "./refreshes.js";
import { Ago, duration, moment } from "./times.js";

/** Each figure is `{status, value, note, fraction}`, or null while it is loaded. */
export function Glance({ watch, integrity, disk, job, next }) {
  const nothing = watch.empty && { status: "unknown", value: t("status.none_yet") };
  const figures = {
    prices: nothing || (integrity && ofAge(integrity)),
    verdict: nothing || (integrity && ofVerdict(integrity)),
    memory: ofMemory(watch),
    disk: disk && ofDisk(disk),
    refresh: ofRefresh(job, next),
    alerts: watch.alerts && ofAlerts(firingOf(watch.alerts)),
  };
  return html`
    <section aria-labelledby="glance-title">
      <h2 class="vh" id="glance-title">${t("status.glance")}</h2>
      <dl class="glance">
        ${Object.entries(figures).map(([name, figure]) => html`
          <div data-glance=${name}>
            <dt>${t(`status.figure.${name}`)}</dt>
            ${figure ? html`<${Figure} ...${figure} />` : html`<dd class="glance__value skeleton"></dd>`}
          </div>
        `)}
      </dl>
    </section>
  `;
}

const Figure = ({ status, value, note, fraction }) => html`
  <dd class="glance__value">${status && html`<${Icon} status=${status} />`}<span>${value}</span></dd>
  <dd class="glance__note">${note}${fraction !== undefined && html`<${Bar} fraction=${fraction} />`}</dd>
`;

function ofAge({ checks }) {
  const { status, value: age } = checks.find((check) => check.name === "freshness");
  const text = (days) => t(age.exact ? "status.old" : "status.old.least", { count: days });
  const value = age.trading_days === null ? t("status.none") : age.trading_days === 0 ? t("status.fresh") : text(age.trading_days);
  return { status, value, note: t("status.closes", { date: date(age.priced_to) }) };
}

const VERDICTS = { OK: "status.verdict.ok", WARNING: "status.verdict.warning", CRITICAL: "status.verdict.critical" };

function ofVerdict(answer) {
  const { issues, warnings, checks } = answer;
  const found = [
    issues.length && t("status.findings", { count: issues.length }),
    warnings.length && t("status.warnings", { count: warnings.length }),
  ].filter(Boolean);
  const note = found.join(", ") || t("status.passed.all", { count: checks.length });
  return { status: answer.status.toLowerCase(), value: t(VERDICTS[answer.status] ?? answer.status), note };
}

function ofMemory({ samples, levels }) {
  const sample = samples?.at(-1);
  if (!sample) return null;
  const status = sample.percent >= levels.critical ? "critical" : sample.percent >= levels.warning ? "warning" : "ok";
  const note = t("status.of", { used: megabytes(sample.usage_mb), limit: megabytes(sample.limit_mb) });
  return { status, value: percent(sample.percent / 100, 1), note, fraction: sample.percent / 100 };
}

/** The room that a refresh works in, against its need. */
function ofDisk({ folders, needed_mb: needed, enough }) {
  const work = folders.at(-1);
  if (!work) return { status: "unknown", value: t("status.is.unknown") };
  return {
    status: enough === false ? "critical" : "ok",
    value: t("status.free", { size: room(work.free_mb) }),
    note: needed === null ? "" : t("status.needs", { size: room(needed) }),
  };
}

/** The running refresh, or the last one. */
function ofRefresh(job, next) {
  if (job === undefined) return null;
  const due = next ? t("status.next", { time: moment(next) }) : "";
  if (!job) return { status: "unknown", value: t("status.none_yet"), note: due };
  if (isRunning(job)) return { value: t("status.running", { share: percent(job.progress) }), note: phaseOf(job), fraction: job.progress };
  const failed = job.status === "failed";
  const how = failed ? "status.failed_after" : job.unchanged ? "status.unchanged_in" : "status.in";
  const note = [t(how, { time: duration(secondsOf(job)) }), due].filter(Boolean).join(" · ");
  return { status: failed ? "critical" : "ok", value: html`<${Ago} at=${job.finished_at} />`, note };
}

function ofAlerts(firing) {
  const critical = firing.filter((alert) => alert.severity === "critical").length;
  if (!firing.length) return { status: "ok", value: t("status.none"), note: t("status.alerts.none") };
  return {
    status: critical ? "critical" : "warning",
    value: t("status.firing", { count: firing.length }),
    note: critical ? t("status.critical", { count: critical }) : nameOf(firing[0].key),
  };
}
