/** The page: loads what each panel shows, and keeps it up to date by the service's events. */

import { AlertList } from "./alerts.js";
import { change } from "./api.js";
import { Banners } from "./banners.js";
import { byId, el, skeletons } from "./dom.js";
import { Explain } from "./explain.js";
import { day, inWords, keepTimes } from "./format.js";
import { alertFigure, diskFigure, Glance, memoryFigure, refreshFigure } from "./glance.js";
import {
  ageBanner,
  ageFigure,
  ageOf,
  drawIntegrity,
  drawNoIntegrity,
  verdictFigure,
} from "./integrity.js";
import { isEmpty, lakeBanner, showNotice } from "./lake.js";
import { Link } from "./link.js";
import { MemoryChart, spanOf } from "./memory.js";
import { Permission } from "./permission.js";
import { drawNoTens, drawTens } from "./rankings.js";
import { asJob, drawButtons, drawHistory, drawJob, isRunning, newer } from "./refreshes.js";
import { load } from "./regions.js";
import { Stream } from "./stream.js";
import { themeButton } from "./theme.js";
import { Versions } from "./versions.js";

const AGE_EVERY_MS = 5 * 60_000;
const DISK_EVERY_MS = 60_000;
const SAID = 5;
const SKELETONS = { refresh: 5, alerts: 3, history: 6, versions: 6, integrity: 4 };

class Dashboard {
  constructor() {
    this.banners = new Banners(byId("banners"));
    this.glance = new Glance();
    this.memory = new MemoryChart();
    this.permission = new Permission();
    this.explain = new Explain();
    this.link = new Link(this.banners, () => this.stream.retry());
    this.versions = new Versions({
      permission: this.permission,
      done: (version) => this.#rolledBack(version),
    });
    this.alerts = new AlertList({ changed: (firing) => this.#alerted(firing), say });
    this.history = null; // until it is loaded
    this.job = null;
    this.version = null;
  }

  start() {
    drawSkeletons();
    this.#listen();
    keepTimes();
    setInterval(() => this.#loadIntegrity(), AGE_EVERY_MS);
    setInterval(() => this.#loadDisk(), DISK_EVERY_MS);
    this.stream = new Stream("/v1/system/stream", {
      link: (state) => this.link.set(state),
      hello: (hello) => this.#greeted(hello),
      memory: (sample) => this.#sampled(sample),
      refresh: (job) => this.#progressed(job),
      alert: (alert) => this.alerts.add(alert),
      version: ({ version, as_of }) => this.#published(version, as_of),
      lake: (lake) => this.#lakeChanged(lake),
    });
    this.#loadAll();
  }

  #listen() {
    themeButton(byId("theme"), () => this.#recoloured());
    document.addEventListener("click", (event) => this.#clicked(event));
    byId("lookup").addEventListener("submit", (event) => this.#lookedUp(event));
  }

  #recoloured() {
    this.memory.redraw();
    this.explain.redraw();
  }

  #clicked({ target }) {
    if (target instanceof HTMLDialogElement)
      target.close(); // beside what the dialog holds
    else if (target.closest("[data-close]")) target.closest("dialog").close();
    else if (target.closest("[data-refresh]")) this.#refreshNow();
  }

  #lookedUp(event) {
    event.preventDefault();
    this.explain.open(
      this.explain.firstStrategy,
      String(new FormData(event.target).get("ticker")).trim(),
    );
  }

  // ------------------------------------------------------------------------------------ loading

  #loadAll() {
    this.#loadVersion();
    this.#loadHistory();
    this.#loadDisk();
    this.#loadAlerts();
  }

  /** All that depends on which version is published. */
  #loadVersion() {
    load(
      "tens",
      "/v1/dashboard/top",
      (top) => this.#ranked(top),
      () => this.#nothing(drawNoTens),
    );
    this.#loadIntegrity();
    load(
      "versions",
      "/v1/data/versions",
      (versions) => this.versions.draw(versions),
      () => this.#nothing(() => this.versions.draw([])),
    );
  }

  #loadIntegrity() {
    return load(
      "integrity",
      "/v1/data/integrity",
      (answer) => this.#judged(answer),
      () => this.#nothing(drawNoIntegrity),
    );
  }

  #loadHistory() {
    return load("history", "/v1/data/sync-history?days=7", (answer) => this.#remembered(answer));
  }

  #loadDisk() {
    return load("glance", "/v1/system/disk", (usage) =>
      this.glance.set("disk", diskFigure(usage)),
    );
  }

  #loadAlerts() {
    this.alerts.expect();
    return load("alerts", "/v1/data/alerts?include_resolved=true&limit=30", (alerts) =>
      this.alerts.reset(alerts),
    );
  }

  // ------------------------------------------------------------------------------------ answers

  #ranked(top) {
    this.#setVersion(top.version, top.as_of);
    showNotice();
    this.explain.setStrategies(top.strategies);
    drawTens(top, (strategy, ticker) => this.explain.open(strategy, ticker));
  }

  #judged(answer) {
    const age = ageOf(answer);
    drawIntegrity(answer);
    this.glance.set("prices", ageFigure(age));
    this.glance.set("verdict", verdictFigure(answer));
    this.banners.set("age", ageBanner(age.value));
  }

  #remembered(answer) {
    this.history = answer.history;
    this.next = answer.next_scheduled_sync;
    drawHistory(answer, this.memory.limit);
    this.#drawRefresh();
  }

  /** Draw that nothing is published; false if something is, and the service cannot answer. */
  async #nothing(draw) {
    if (!(await isEmpty())) return false;
    draw();
    this.#setVersion(null);
    this.glance.setNothing();
    drawButtons(isRunning(this.job));
    return true;
  }

  // ------------------------------------------------------------------------------------- events

  #greeted(hello) {
    this.memory.setLevels(hello.warning_percent, hello.critical_percent);
    this.memory.reset(hello.samples, hello.limit_mb);
    if (hello.samples.length) this.#drawMemory(hello.samples.at(-1));
    this.job = hello.job;
    byId("foot-release").textContent = `StockRank ${hello.release}.`;
    this.#setVersion(hello.version, hello.as_of);
    this.banners.set("lake", lakeBanner(hello.lake));
    this.#drawRefresh();
    if (this.greeted) this.#loadAll(); // after a break nothing on the page is certain
    this.greeted = true;
  }

  #sampled(sample) {
    this.memory.add(sample);
    this.#drawMemory(sample);
  }

  #progressed(job) {
    const before = this.job?.phase;
    this.job = job;
    this.#drawRefresh();
    if (!isRunning(job)) this.#ended(job);
    else if (before !== job.phase)
      say(`Refresh: ${job.phase ? inWords(job.phase) : "waiting to start"}`);
  }

  #ended(job) {
    const failed = job.status === "failed";
    const well = job.unchanged ? "The refresh found nothing new." : "The refresh has succeeded.";
    say(failed ? `The refresh failed: ${job.error}` : well, failed);
    this.#loadHistory();
    this.#loadDisk();
    this.#loadVersion();
  }

  #published(version, asOf) {
    this.#setVersion(version, asOf);
    this.#loadVersion();
  }

  #lakeChanged(lake) {
    this.banners.set("lake", lakeBanner(lake));
    this.#loadVersion();
  }

  #alerted(firing) {
    document.title = firing.length ? `(${firing.length}) StockRank` : "StockRank";
    this.glance.set("alerts", alertFigure(firing));
  }

  // ------------------------------------------------------------------------------------ drawing

  /** Note the published version; without a date, the old one stays as long as the version does. */
  #setVersion(version, asOf = this.version === version ? this.asOf : null) {
    this.version = version;
    this.asOf = asOf;
    byId("as-of").textContent = asOf ? `Closes of ${day(asOf)}` : "";
    byId("foot-version").textContent = version ? `Version ${version}` : "Nothing is published.";
  }

  #drawMemory(sample) {
    this.glance.set("memory", memoryFigure(sample, this.memory.levels));
  }

  #drawRefresh() {
    if (!this.history && !this.job) return; // the history may have one
    const others = (this.history ?? []).map(asJob).filter((job) => job.job_id !== this.job?.job_id);
    const job = isRunning(this.job) ? this.job : newer(this.job, others[0]);
    drawJob(job);
    drawButtons(isRunning(job));
    this.glance.set("refresh", refreshFigure(job, this.next));
    this.memory.setSpans([...others, this.job].filter(Boolean).map(spanOf));
  }

  // ------------------------------------------------------------------------------------ changes

  async #refreshNow() {
    if (isRunning(this.job) || this.asking) return;
    this.asking = true;
    this.banners.set("refused", null);
    await this.permission.attempt({
      title: "Start a refresh?",
      text: "The service asks for a token. The present version is served until the refresh has ended.",
      button: "Refresh now",
      run: (token) => change("/v1/data/sync-now", token),
      done: () => say("The refresh has started."),
      failed: (text, status) => this.#refused(text, status),
    });
    this.asking = false;
  }

  #refused(text, status) {
    if (status === 409) return say("A refresh is already running.");
    const dismiss = () => this.banners.set("refused", null);
    const action = el(
      "button",
      { class: "button button--small", type: "button", click: dismiss },
      "Dismiss",
    );
    this.banners.set("refused", {
      tone: "critical",
      title: "No refresh was started.",
      text,
      action,
    });
  }

  #rolledBack(version) {
    say(`Version ${version} is published.`);
    this.#loadVersion();
  }
}

function drawSkeletons() {
  byId("memory-plot").replaceChildren(el("span", { class: "skeleton skeleton--plot" }));
  byId("tens").replaceChildren(
    ...Array.from({ length: 4 }, () => el("div", { class: "ten" }, skeletons(10))),
  );
  for (const [id, count] of Object.entries(SKELETONS)) byId(id).replaceChildren(skeletons(count));
}

/** Say something to screen readers, after what was said just before. */
function say(text, urgent = false) {
  const region = byId(urgent ? "say-now" : "say");
  region.append(el("p", {}, text));
  if (region.children.length > SAID) region.firstChild.remove();
}

new Dashboard().start();
