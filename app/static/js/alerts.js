/** The alerts that fire now, and those that fired lately. */

import { sentence } from "./api.js";
import { byId, el, icon, show, state } from "./dom.js";
import { agoTime, dated, duration, inWords } from "./format.js";

/**
 * @typedef {{id: string, key: string, severity: "warning"|"critical", message: string,
 *   state: "pending"|"firing"|"resolved", since: string, resolved_at: string | null}} Alert
 */

const GRAVITY = { critical: 0, warning: 1 };

export class AlertList {
  /** `changed(firing)` is called after each change, `say(text, urgent)` for what is new. */
  constructor({ changed, say }) {
    /** @type {Map<string, Alert>} */ this.alerts = new Map();
    this.changed = changed;
    this.say = say;
  }

  /** All alerts are being asked for: those that arrive meanwhile are newer than the answer. */
  expect() {
    this.meanwhile = [];
  }

  /** Take all alerts, without announcing them. @param {Alert[]} alerts */
  reset(alerts) {
    this.alerts = new Map(alerts.map((alert) => [alert.id, alert]));
    for (const alert of this.meanwhile ?? []) this.#note(alert);
    this.meanwhile = null;
    this.#draw();
  }

  /** An alert has begun or ended. @param {Alert} alert */
  add(alert) {
    const before = this.alerts.get(alert.id)?.state;
    this.meanwhile?.push(alert);
    this.#note(alert);
    this.#draw();
    if (before !== alert.state && this.alerts.has(alert.id) && alert.state !== "pending") {
      this.say(spoken(alert), alert.state === "firing" && alert.severity === "critical");
    }
  }

  /** Forget an alert that ended without firing. */
  #note(alert) {
    const fired = this.alerts.get(alert.id)?.state !== "pending";
    if (alert.state === "resolved" && !fired) this.alerts.delete(alert.id);
    else this.alerts.set(alert.id, alert);
  }

  get firing() {
    return this.#of("firing").sort(
      (a, b) => GRAVITY[a.severity] - GRAVITY[b.severity] || b.since.localeCompare(a.since),
    );
  }

  #of(wanted) {
    return [...this.alerts.values()].filter((alert) => alert.state === wanted);
  }

  #draw() {
    const { firing } = this;
    const past = this.#of("resolved").sort((a, b) => b.resolved_at.localeCompare(a.resolved_at));
    const wasOpen = byId("alerts").querySelector("details")?.open ?? false;
    byId("alerts-count").textContent = firing.length ? `${firing.length} firing` : "";
    show(
      byId("alerts"),
      firing.length ? el("ul", { class: "alerts" }, firing.map(drawn)) : quiet(),
      past.length > 0 && history(past, wasOpen),
    );
    this.changed(firing);
  }
}

const quiet = () => state("No alert is firing", "Memory, refreshes and data are within their limits.");
const spoken = (alert) =>
  `${alert.severity} alert ${alert.state === "resolved" ? "resolved" : ""}: ${alert.message}`;

function history(past, open) {
  return el(
    "details",
    { class: "alerts__past", open },
    el("summary", {}, `Recently resolved (${past.length})`),
    el("ul", { class: "alerts" }, past.map(drawn)),
  );
}

/** The name of a key, refresh_failed or rank_churn:trendande_varde, in words. */
const named = (key) => key.split(":").map(inWords).join(", ");

function drawn(alert) {
  const over = alert.state === "resolved";
  return el(
    "li",
    { class: `alert alert--${alert.state}`, "data-key": alert.key },
    icon(over ? "ok" : alert.severity, over ? `resolved, ${alert.severity}` : alert.severity),
    el(
      "p",
      { class: "alert__head" },
      named(alert.key),
      over ? el("span", {}, lasted(alert)) : agoTime(alert.since),
    ),
    el(
      "p",
      { class: "alert__text" },
      sentence(dated(alert.message)),
      over && [" Resolved ", agoTime(alert.resolved_at), "."],
    ),
  );
}

const lasted = (alert) =>
  `lasted ${duration((Date.parse(alert.resolved_at) - Date.parse(alert.since)) / 1000)}`;
