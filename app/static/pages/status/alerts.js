/** The alerts that fire now, and those that fired lately. */

import { Failed, Loading } from "../states.js";
import { html } from "../ui.js";
import { t, term } from "../words.js";
import { GRAVITY, Icon, Panel, Quiet, sentence } from "./parts.js";
import { Ago, duration } from "./times.js";

/** Those that fire, the gravest and newest first. */
export const firingOf = (alerts) =>
  [...alerts.values()]
    .filter((alert) => alert.state === "firing")
    .sort((a, b) => GRAVITY[a.severity] - GRAVITY[b.severity] || b.since.localeCompare(a.since));

/** The name of a key, refresh_failed or rank_churn:trendande_varde, in words. */
export function nameOf(key) {
  const [kind, ...of] = key.split(":");
  return [term("alert", kind), ...of.map((one) => one.replaceAll("_", " "))].join(", ");
}

export function Alerts({ watch, old }) {
  const { alerts, alertsError: error } = watch;
  const firing = alerts ? firingOf(alerts) : [];
  return html`
    <${Panel} name="alerts" title=${t("status.alerts")} old=${old} aside=${firing.length > 0 && t("status.firing", { count: firing.length })}>
      ${alerts ? html`<${Lists} alerts=${alerts} firing=${firing} />` : error ? html`<${Failed} error=${error} again=${() => watch.loadAlerts()} />` : html`<${Loading} rows=${3} />`}
    <//>
  `;
}

function Lists({ alerts, firing }) {
  const past = [...alerts.values()]
    .filter((alert) => alert.state === "resolved")
    .sort((a, b) => b.resolved_at.localeCompare(a.resolved_at));
  return html`
    ${firing.length ? html`<${List} alerts=${firing} />` : html`<${Quiet} title=${t("status.alerts.quiet")} text=${t("status.alerts.quiet.text")} />`}
    ${past.length > 0 &&
    html`<details class="fold"><summary>${t("status.resolved", { count: past.length })}</summary><${List} alerts=${past} /></details>`}
  `;
}

const List = ({ alerts }) => html`
  <ul class="alerts">${alerts.map((alert) => html`<${Alert} key=${alert.id} alert=${alert} />`)}</ul>
`;

function Alert({ alert }) {
  const over = alert.state === "resolved";
  const lasted = (Date.parse(alert.resolved_at) - Date.parse(alert.since)) / 1000;
  return html`
    <li class="alert alert--${alert.state}" data-key=${alert.key}>
      <${Icon} status=${over ? "ok" : alert.severity} />
      <p class="alert__head">
        ${nameOf(alert.key)}
        <span class="quiet">${over ? t("status.lasted", { time: duration(lasted) }) : html`<${Ago} at=${alert.since} />`}</span>
      </p>
      <p class="alert__text">
        <span lang="en">${sentence(alert.message)}</span>
        ${over && html` <span class="quiet">${t("status.resolved.at")} <${Ago} at=${alert.resolved_at} /></span>`}
      </p>
    </li>
  `;
}
