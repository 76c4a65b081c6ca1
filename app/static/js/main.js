/** The page: loads what each panel shows, and keeps it right by the service's events. */

import { AlertList } from "./alerts.js";
import { change, read, Refused } from "./api.js";
import { Banners } from "./banners.js";
import { byId, el, show, skeletons, state } from "./dom.js";
import { Explain } from "./explain.js";
import { agoTime, clock, day, duration, inWords, keepTimes, megabytes, moment, share } from "./format.js";
import { Glance } from "./glance.js";
import { ageFigure, ageOf, drawIntegrity, drawNoIntegrity, verdictFigure } from "./integrity.js";
import { MemoryChart, spanOf } from "./memory.js";
import { Permission } from "./permission.js";
import { drawTens } from "./rankings.js";
import { asJob, drawHistory, drawJob, runs } from "./refreshes.js";
import { Stream } from "./stream.js";
import { themeButton } from "./theme.js";
import { Versions } from "./versions.js";

const AGE_EVERY_MS = 5 * 60_000;

class Dashboard {
  constructor() {
    this.banners = new Banners(byId("banners"));
    this.glance = new Glance();
    this.memory = new MemoryChart();
    this.permission = new Permission();
    this.explain = new Explain();
    this.versions = new Versions({ permission: this.permission, done: (version) => this.#rolledBack(version) });
    this.alerts = new AlertList({ changed: (firing) => this.#alerted(firing), say });
    this.job = null;
    this.history = [];
    this.version = undefined;
  }

  start() {
    this.#skeletons();
    this.#listen();
    keepTimes();
    setInterval(() => this.loadIntegrity(), AGE_EVERY_MS);
    this.stream = new Stream("/v1/system/stream", {
      link: (link) => this.#linked(link),
      hello: (hello) => this.#greeted(hello),
      memory: (sample) => this.#sampled(sample),
      refresh: (job) => this.#progressed(job),
      alert: (alert) => this.alerts.add(alert),
      version: (published) => this.#published(published),
    });
    this.loadAll();
  }

  #skeletons() {
    byId("memory-plot").replaceChildren(el("span", { class: "skeleton skeleton--plot" }));
    byId("tens").replaceChildren(...Array.from({ length: 4 }, () => el("div", { class: "ten" }, skeletons(10))));
    for (const [id, count] of Object.entries({ refresh: 5, alerts: 3, history: 6, versions: 6, integrity: 4 })) {
      byId(id).replaceChildren(skeletons(count));
    }
  }

  #listen() {
    themeButton(byId("theme"), () => { this.memory.redraw(); this.explain.redraw(); });
    document.addEventListener("click", (event) => this.#clicked(event));
    byId("lookup").addEventListener("submit", (event) => this.#lookedUp(event));
  }

  #clicked(event) {
    if (event.target instanceof HTMLDialogElement) return event.target.close(); // beside the dialog
    if (event.target.closest("[data-close]")) return event.target.closest("dialog").close();
    if (event.target.closest("[data-refresh]")) this.refreshNow();
  }

  #lookedUp(event) {
    event.preventDefault();
    this.explain.open(this.explain.firstStrategy, byId("lookup-ticker").value.trim());
  }

  // ------------------------------------------------------------------------------------ loading

  loadAll() {
    this.loadTop();
    this.loadIntegrity();
    this.loadHistory();
    this.loadAlerts();
    this.loadVersions();
  }

  loadVersions() {
    return this.#into("versions", "/v1/data/versions", (answer) => this.versions.draw(answer), () => this.versions.draw([]));
  }

  loadTop() {
    return this.#into("tens", "/v1/dashboard/top", (top) => {
      this.#setVersion(top.version, top.as_of);
      this.explain.setStrategies(top.strategies);
      drawTens(top, (strategy, ticker) => this.explain.open(strategy, ticker));
    }, () => nothingYet());
  }

  loadIntegrity() {
    return this.#into("integrity", "/v1/data/integrity", (answer) => this.#judged(answer), () => drawNoIntegrity());
  }

  loadHistory() {
    return this.#into("history", "/v1/data/sync-history?days=7", (answer) => {
      this.history = answer.history;
      this.next = answer.next_scheduled_sync;
      drawHistory(answer, this.memory.limit);
      this.#drawRefresh();
    });
  }

  loadAlerts() {
    this.alerts.expect();
    return this.#into("alerts", "/v1/data/alerts?include_resolved=true&limit=30", (answer) => this.alerts.reset(answer));
  }

  /** Read a path and draw it; a refusal is told in the region. `empty` draws when nothing is published. */
  async #into(id, path, draw, empty = null) {
    try {
      draw(await read(path));
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      if (error.status === 503 && empty && !this.version) return this.#nothing(id, empty);
      this.#failed(id, error, () => this.#into(id, path, draw, empty));
    }
  }

  #failed(id, error, again) {
    const region = byId(id);
    if (!region.hasAttribute("aria-busy")) return; // what is shown stays; the link tells its age
    region.replaceChildren(state("Not to be had now", error.message, el("button", { class: "button button--small", type: "button", click: again }, "Try again")));
  }

  #nothing(id, empty) {
    const drawn = empty();
    if (drawn) show(byId(id), drawn);
    this.#setVersion(null, null);
    this.glance.set("prices", { status: "unknown", value: "None yet" });
    this.glance.set("verdict", { status: "unknown", value: "Not yet" });
  }

  // -------------------------------------------------------------------------------------- events

  #greeted(hello) {
    const known = this.version;
    this.memory.reset(hello.samples, hello.limit_mb);
    this.memory.setLevels(hello.warning_percent, hello.critical_percent);
    if (hello.samples.length) this.#drawMemory(hello.samples.at(-1));
    this.job = hello.job;
    this.#setVersion(hello.version, hello.as_of);
    this.#drawRefresh();
    if (known !== undefined) this.loadAll(); // after a break nothing on the page is certain
  }

  #sampled(sample) {
    this.memory.add(sample);
    this.#drawMemory(sample);
  }

  #progressed(job) {
    const was = this.job;
    this.job = job;
    this.#drawRefresh();
    if (runs(job) && was?.phase !== job.phase) say(`Refresh: ${job.phase ? inWords(job.phase) : "waiting to start"}`);
    if (!runs(job)) this.#ended(job);
  }

  #ended(job) {
    say(job.status === "failed" ? `The refresh failed: ${job.error}` : "The refresh has succeeded.", job.status === "failed");
    this.loadHistory();
    this.#reload();
  }

  #published({ version, as_of }) {
    this.#setVersion(version, as_of);
    this.#reload();
  }

  #reload() {
    this.loadTop();
    this.loadIntegrity();
    this.loadVersions();
  }

  // --------------------------------------------------------------------------------------- state

  /** Note the published version; a date that is not told stays while the version does. */
  #setVersion(version, asOf = this.version === version ? this.asOf : null) {
    this.version = version;
    this.asOf = asOf;
    byId("as-of").textContent = asOf ? `Closes of ${day(asOf)}` : "";
    byId("foot-version").textContent = version ? `Version ${version}` : "Nothing is published.";
  }

  #judged(answer) {
    const age = ageOf(answer);
    drawIntegrity(answer);
    if (age) this.glance.set("prices", ageFigure(age, answer.checks.find((c) => c.name === "freshness").status));
    this.glance.set("verdict", verdictFigure(answer));
    this.banners.set("age", age && staleBanner(age));
  }

  #drawMemory(sample) {
    const { warning, critical } = this.memory.levels;
    const status = sample.percent >= critical ? "critical" : sample.percent >= warning ? "warning" : "ok";
    this.glance.set("memory", {
      status, value: share(sample.percent / 100), fraction: sample.percent / 100,
      note: `${megabytes(sample.usage_mb)} of ${megabytes(sample.limit_mb)}`,
    });
  }

  #drawRefresh() {
    const others = this.history.map(asJob).filter((job) => job.job_id !== this.job?.job_id);
    const job = runs(this.job) ? this.job : newer(this.job, others[0]);
    drawJob(job);
    this.memory.setSpans([...others, ...(this.job ? [this.job] : [])].map(spanOf));
    this.#drawRefreshFigure(job);
    this.#drawButtons(runs(job));
  }

  #drawRefreshFigure(job) {
    const next = this.next ? ` · next ${moment(this.next)}` : "";
    if (!job) return this.glance.set("refresh", { status: "unknown", value: "None yet", note: this.next ? `next ${moment(this.next)}` : "" });
    if (runs(job)) {
      return this.glance.set("refresh", { value: `Running, ${Math.round(100 * (job.progress ?? 0))}%`, note: job.phase ? inWords(job.phase) : "Waiting to start", fraction: job.progress ?? 0 });
    }
    const seconds = (Date.parse(job.finished_at) - Date.parse(job.started_at)) / 1000;
    const failed = job.status === "failed";
    this.glance.set("refresh", { status: failed ? "critical" : "ok", value: agoTime(job.finished_at), note: `${failed ? "failed after" : "in"} ${duration(seconds)}${next}` });
  }

  #drawButtons(running) {
    for (const button of document.querySelectorAll("[data-refresh]")) {
      button.setAttribute("aria-disabled", String(running));
      button.textContent = running ? "Refreshing" : "Refresh now";
    }
  }

  #alerted(firing) {
    const critical = firing.filter((a) => a.severity === "critical").length;
    document.title = firing.length ? `(${firing.length}) StockRank` : "StockRank";
    this.glance.set("alerts", {
      status: critical ? "critical" : firing.length ? "warning" : "ok",
      value: firing.length ? `${firing.length} firing` : "None",
      note: critical ? `${critical} critical` : firing.length ? inWords(firing[0].key.split(":")[0]) : "nothing fires",
    });
  }

  // ----------------------------------------------------------------------------------- changes

  refreshNow() {
    if (runs(this.job) || this.asking) return;
    this.asking = true;
    this.banners.set("refused", null);
    this.permission.attempt({
      title: "Start a refresh?",
      text: "The service asks for a token. The database is read and ranked again; until that is done the version of now is served.",
      button: "Refresh now",
      run: (token) => change("/v1/data/sync-now", token),
      done: () => say("The refresh has started."),
      failed: (text, error) => this.#refused(text, error),
    }).finally(() => { this.asking = false; });
  }

  #refused(text, { status }) {
    if (status === 409) return say("A refresh is running already.");
    const close = el("button", { class: "button button--small", type: "button", click: () => this.banners.set("refused", null) }, "Dismiss");
    this.banners.set("refused", { tone: "critical", title: "No refresh was started.", text, action: close });
  }

  #rolledBack(version) {
    say(`Version ${version} is published.`);
    this.#reload();
  }

  // ------------------------------------------------------------------------------------ the link

  #linked(link) {
    const lost = link === "lost" || link === "retrying";
    document.documentElement.dataset.link = lost ? "lost" : link;
    byId("link").dataset.state = lost ? "lost" : link;
    byId("link-text").textContent = lost ? "Disconnected" : { connecting: "Connecting", live: "Live" }[link];
    if (lost) this.#markOld();
    else this.#unmark();
    if (lost) this.#tellLoss();
    else this.banners.set("link", null);
  }

  #markOld() {
    this.lostAt ??= new Date();
    for (const mark of document.querySelectorAll(".old-mark")) {
      mark.textContent = `as of ${clock(this.lostAt)}`;
      mark.hidden = false;
    }
  }

  #unmark() {
    this.lostAt = null;
    for (const mark of document.querySelectorAll(".old-mark")) mark.hidden = true;
  }

  #tellLoss() {
    if (this.banners.nodes.has("link")) return; // said once; the reconnecting goes on
    const now = el("button", { class: "button button--small", type: "button", click: () => this.stream.retry() }, "Try now");
    this.banners.set("link", {
      tone: "critical", title: "The connection is lost.", action: now,
      text: `What you see was true at ${clock(this.lostAt)}. The page connects again by itself as soon as the service answers.`,
    });
  }
}

const newer = (a, b) => (!a || (b && Date.parse(b.started_at) > Date.parse(a.started_at)) ? b : a);

const STEPS = ["Reads the database", "Ranks every stock by four strategies", "Publishes the result at once"];

function nothingYet() {
  return el("div", { class: "first" },
    el("h3", {}, "Nothing is published yet"),
    el("p", {}, "The first refresh makes the top tens. It takes from seconds to minutes, as large as the database is."),
    el("ol", { class: "first__steps" }, STEPS.map((step) => el("li", {}, step))),
    el("button", { class: "button button--strong", type: "button", "data-refresh": true }, "Refresh now"));
}

function staleBanner(age) {
  if (age.label === "fresh") return null;
  const days = age.trading_days === null ? "of an unknown age" : `${age.exact ? "" : "at least "}${age.trading_days} trading days old`;
  return {
    tone: age.label === "stale" ? "warning" : "critical",
    title: age.label === "stale" ? "The prices are stale." : "The prices are too old to trade on.",
    text: `The newest closes are of ${day(age.priced_to)}, ${days}. Refresh, or see whether the database is still filled.`,
  };
}

/** Say something to screen readers. */
function say(text, urgent = false) {
  byId(urgent ? "say-now" : "say").textContent = text;
}

new Dashboard().start();
