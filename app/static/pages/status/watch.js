/** What the service tells of itself, kept up to date by its events. */

import { call, forget } from "../api.js";
import { useEffect, useRef, useState } from "../ui.js";
import { t, term } from "../words.js";
import { isRunning } from "./jobs.js";
import { Stream } from "./stream.js";

export const WINDOW_MS = 15 * 60_000;
const SAID = 5;
const ALERTS = "/v1/data/alerts?include_resolved=true&limit=30";

class Watch {
  /** `changed()` is called after each change. */
  constructor(changed) {
    this.changed = changed;
    this.link = "connecting";
    this.lostAt = null;
    this.lake = null; // until the service has told of it
    this.samples = null;
    this.levels = { warning: 75, critical: 90 };
    this.limit = 1024;
    this.job = null;
    this.alerts = null; // by id, until they are loaded
    this.turn = 0; // what is loaded is asked for anew when this changes
    this.said = { calm: [], urgent: [] };
    this.count = 0;
  }

  start() {
    this.stream = new Stream("/v1/system/stream", {
      link: (state) => this.#linked(state),
      hello: (hello) => this.#greeted(hello),
      memory: (sample) => this.#sampled(sample),
      refresh: (job) => this.#progressed(job),
      alert: (alert) => this.#alerted(alert),
      version: (version) => this.#published(version),
      lake: (lake) => this.#set({ lake, turn: this.turn + 1 }),
    });
    this.loadAlerts();
  }

  stop() {
    this.stream.close();
    this.changed = () => {};
  }

  /** True where nothing was published yet; null while that is not known. */
  get empty() {
    return this.lake && this.lake.state === "empty";
  }

  /** Say something to screen readers, after what was said just before. */
  say(text, urgent = false) {
    const kind = urgent ? "urgent" : "calm";
    this.said[kind] = [...this.said[kind], { id: ++this.count, text }].slice(-SAID);
    this.changed();
  }

  /** Ask for all alerts: those that arrive meanwhile are newer than the answer. The last question counts. */
  async loadAlerts() {
    const meanwhile = [];
    this.meanwhile = meanwhile;
    const [found, error] = await call(ALERTS).then((all) => [all, null], (failed) => [null, failed]);
    if (this.meanwhile !== meanwhile) return;
    this.alertsError = error;
    if (found) {
      this.alerts = new Map(found.map((alert) => [alert.id, alert]));
      for (const alert of meanwhile) this.#note(alert);
    }
    this.meanwhile = null;
    this.changed();
  }

  #set(values) {
    Object.assign(this, values);
    this.changed();
  }

  #linked(state) {
    const link = state === "retrying" ? "lost" : state;
    // It is told once; the reconnecting goes on.
    this.#set({ link, lostAt: link === "lost" ? (this.lostAt ?? new Date()) : null });
  }

  #greeted(hello) {
    const again = this.lake !== null;
    this.levels = { warning: hello.warning_percent ?? 75, critical: hello.critical_percent ?? 90 };
    this.#set({
      samples: hello.samples,
      limit: hello.limit_mb ?? hello.samples.at(-1)?.limit_mb ?? this.limit,
      job: hello.job,
      release: hello.release,
      lake: { ...hello.lake, version: hello.version },
    });
    if (again) this.#reload(); // after a break nothing on the page is certain
  }

  #reload() {
    forget();
    this.#set({ turn: this.turn + 1 });
    this.loadAlerts();
  }

  #sampled(sample) {
    const first = Date.parse(sample.at) - WINDOW_MS;
    const samples = [...(this.samples ?? []).filter((one) => Date.parse(one.at) >= first), sample];
    const values = { samples, limit: sample.limit_mb ?? this.limit };
    if (document.hidden) Object.assign(this, values);
    else this.#set(values);
  }

  #progressed(job) {
    const before = this.job?.phase;
    this.#set({ job });
    if (!isRunning(job)) this.#ended(job);
    else if (before !== job.phase)
      this.say(t("status.said.phase", { phase: job.phase ? term("phase", job.phase) : t("status.waiting") }));
  }

  #ended(job) {
    const failed = job.status === "failed";
    const text = failed ? t("status.said.failed", { error: job.error }) : t(job.unchanged ? "status.said.unchanged" : "status.said.done");
    this.say(text, failed);
    this.#set({ turn: this.turn + 1 });
  }

  #published({ version }) {
    forget();
    const state = this.empty ? "readable" : (this.lake?.state ?? "readable");
    this.#set({ lake: { ...this.lake, state, version }, turn: this.turn + 1 });
  }

  /** An alert has begun or ended. */
  #alerted(alert) {
    const before = this.alerts?.get(alert.id)?.state;
    this.meanwhile?.push(alert);
    if (this.alerts) this.#note(alert);
    this.changed();
    if (before === alert.state || !this.alerts?.has(alert.id) || alert.state === "pending") return;
    const told = t(`status.said.alert.${alert.state}`, { severity: t(`status.is.${alert.severity}`), message: alert.message });
    this.say(told, alert.state === "firing" && alert.severity === "critical");
  }

  /** Keep an alert; one that ended without firing is forgotten. */
  #note(alert) {
    const fired = this.alerts.get(alert.id)?.state !== "pending";
    if (alert.state === "resolved" && !fired) this.alerts.delete(alert.id);
    else this.alerts.set(alert.id, alert);
  }
}

/** The service as it is now; the component is drawn anew whenever that changes. */
export function useWatch() {
  const [, again] = useState(0);
  const held = useRef(null);
  held.current ??= new Watch(() => again((count) => count + 1));
  useEffect(() => {
    held.current.start();
    return () => held.current.stop();
  }, []);
  return held.current;
}

/**
 * The answer to a path, `{data, error, again}`: asked for anew with each `turn`, and every so many
 * milliseconds. Where the service does not answer, the data from before stays.
 */
export function useFresh(path, turn, every = 0) {
  const [state, set] = useState({});
  const [tries, count] = useState(0);
  const again = () => count((one) => one + 1);
  useEffect(() => {
    let current = true;
    call(path).then(
      (data) => current && set({ data }),
      (error) => current && set((before) => ({ data: before.data, error })),
    );
    return () => (current = false);
  }, [path, turn, tries]);
  useEffect(() => {
    const timer = every ? setInterval(again, every) : null;
    return () => clearInterval(timer);
  }, [every]);
  return { ...state, again };
}
