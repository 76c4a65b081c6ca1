/** The operator's page: what each panel shows is loaded, and kept up to date by the service's events. */

import { change } from "./api.js";
import { date } from "./numbers.js";
import { Alerts, firingOf } from "./status/alerts.js";
import { Banners } from "./status/banners.js";
import { Checks } from "./status/checks.js";
import { Glance } from "./status/glance.js";
import { isRunning, jobsOf } from "./status/jobs.js";
import { Memory } from "./status/memory.js";
import { usePermission } from "./status/permission.js";
import { History, Refresh } from "./status/refreshes.js";
import { Tens } from "./status/tens.js";
import { clock } from "./status/times.js";
import { Versions } from "./status/versions.js";
import { useFresh, useWatch } from "./status/watch.js";
import { titled } from "./title.js";
import { html, useRef, useState } from "./ui.js";
import { t } from "./words.js";

const AGE_EVERY_MS = 5 * 60_000;
const DISK_EVERY_MS = 60_000;

/** Start a refresh, with a token where one is asked for; `[start, refused, dismiss]`. */
function useRefresh(watch, job, permission) {
  const asking = useRef(false);
  const [refused, refuse] = useState(null);
  const failed = (text, status) => (status === 409 ? watch.say(t("status.said.running")) : refuse(text));
  const start = async () => {
    if (isRunning(job) || asking.current) return;
    asking.current = true;
    refuse(null);
    await permission.attempt({
      title: t("status.refresh.ask"),
      text: t("status.refresh.ask.text"),
      button: t("status.refresh.now"),
      run: (token) => change("/v1/data/sync-now", token),
      done: () => watch.say(t("status.said.started")),
      failed,
    });
    asking.current = false;
  };
  return [start, refused, () => refuse(null)];
}

export function Page() {
  const watch = useWatch();
  const { turn } = watch;
  const top = useFresh("/v1/dashboard/top", turn);
  const integrity = useFresh("/v1/data/integrity", turn, AGE_EVERY_MS);
  const versions = useFresh("/v1/data/versions", turn);
  const history = useFresh("/v1/data/sync-history?days=7", turn);
  const disk = useFresh("/v1/system/disk", turn, DISK_EVERY_MS);
  const permission = usePermission();
  const jobs = jobsOf(watch.job, history.data?.history);
  const [start, refused, dismiss] = useRefresh(watch, jobs.shown, permission);
  const firing = watch.alerts ? firingOf(watch.alerts).length : 0;
  titled(firing ? `(${firing}) ${t("nav.status")}` : t("nav.status"));

  const old = watch.lostAt && t("status.as_of", { time: clock(watch.lostAt) });
  const refresh = html`<${RefreshButton} running=${isRunning(jobs.shown)} onClick=${start} />`;
  const rolledBack = (version) => {
    watch.say(t("status.said.published", { version }));
    versions.again();
  };
  return html`
    <div class="status">
      <header class="page-head">
        <h1>${t("status.title")}${top.data && !watch.empty && html`<small>${t("status.closes", { date: date(top.data.as_of) })}</small>`}</h1>
        <div class="status__do"><${Link} state=${watch.link} />${refresh}</div>
      </header>
      <${Banners} watch=${watch} refused=${refused} onDismiss=${dismiss} />
      <${Glance} watch=${watch} integrity=${integrity.data} disk=${disk.data} job=${jobs.shown} next=${history.data?.next_scheduled_sync} />
      <div class="status__now">
        <${Memory} watch=${watch} jobs=${jobs.all} old=${old} />
        <${Refresh} job=${jobs.shown} old=${old} />
        <${Alerts} watch=${watch} old=${old} />
      </div>
      <${Tens} top=${top} watch=${watch} old=${old} refresh=${refresh} />
      <div class="panels">
        <${History} history=${history} limit=${watch.limit} old=${old} />
        <${Versions} versions=${versions} watch=${watch} old=${old} ask=${permission.ask} done=${rolledBack} />
      </div>
      <${Checks} integrity=${integrity} watch=${watch} old=${old} />
      <${About} watch=${watch} />
      <div class="vh" id="say" role="status" aria-atomic="false">${watch.said.calm.map(({ id, text }) => html`<p key=${id}>${text}</p>`)}</div>
      <div class="vh" id="say-now" role="alert" aria-atomic="false">${watch.said.urgent.map(({ id, text }) => html`<p key=${id}>${text}</p>`)}</div>
      ${permission.dialog}
    </div>
  `;
}

const RefreshButton = ({ running, onClick }) => html`
  <button class="button button--strong" type="button" aria-disabled=${String(running)} onClick=${onClick}>
    ${t(running ? "status.refreshing" : "status.refresh.now")}
  </button>
`;

const Link = ({ state }) => html`
  <p class="link-state" id="link" data-state=${state} role="status"><i aria-hidden="true"></i>${t(`status.link.${state}`)}</p>
`;

const About = ({ watch: { release, lake, empty } }) => html`
  <p class="status__about" id="about">
    ${release && t("status.release", { release })} ${empty ? t("status.unpublished") : lake?.version && t("status.version.is", { version: lake.version })}
    <a href="/metrics">${t("status.metrics")}</a>
    <a href="/health">${t("status.health")}</a>
  </p>
`;
