/** The age of the data and its checks. */

import { sentence } from "./api.js";
import { byId, el, icon, show, state } from "./dom.js";
import { dated, day, inWords } from "./format.js";

const ORDER = { critical: 0, warning: 1 };
const VERDICT = { OK: "Safe to trade", WARNING: "Read the warnings", CRITICAL: "Do not trade" };

/** Show all checks, the gravest first. */
export function drawIntegrity(answer) {
  byId("integrity-verdict").textContent = sentence(answer.recommendation);
  const found = answer.checks
    .filter((check) => check.status !== "ok")
    .sort((a, b) => ORDER[a.status] - ORDER[b.status]);
  const passed = answer.checks.filter((check) => check.status === "ok");
  show(
    byId("integrity"),
    found.length > 0 && list(found),
    passed.length > 0 && folded(passed, found.length),
  );
}

const list = (checks) => el("ul", { class: "checks" }, checks.map(drawn));

/** The checks that passed, folded where there is little room. */
const folded = (passed, others) =>
  el(
    "details",
    { class: "checks__passed", open: matchMedia("(min-width: 50rem)").matches },
    el("summary", {}, `${passed.length} ${others ? "other checks" : "checks"} passed`),
    list(passed),
  );

const drawn = (check) =>
  el(
    "li",
    { class: "check" },
    icon(check.status),
    el("p", { class: "check__name" }, inWords(check.name)),
    el("p", { class: "check__text" }, sentence(dated(check.message))),
  );

export function drawNoIntegrity() {
  byId("integrity-verdict").textContent = "";
  show(
    byId("integrity"),
    state("Nothing to check yet", "The first version is checked before it is published."),
  );
}

/** The check of the prices' age; its value is `{label, trading_days, exact, priced_to}`. */
export const ageOf = (answer) => answer.checks.find((check) => check.name === "freshness");

/** The figures of the strip. */
export function ageFigure({ status, value: age }) {
  const least = age.exact ? "" : "at least ";
  const days = age.trading_days === 1 ? "1 trading day" : `${age.trading_days} trading days`;
  const value =
    age.trading_days === null
      ? "None"
      : age.trading_days === 0
        ? "Up to date"
        : `${least}${days} old`;
  return { status, value, note: `closes of ${day(age.priced_to)}` };
}

export function verdictFigure(answer) {
  const parts = [
    count(answer.issues.length, "critical finding"),
    count(answer.warnings.length, "warning"),
  ].filter(Boolean);
  return {
    status: answer.status.toLowerCase(),
    value: VERDICT[answer.status] ?? inWords(answer.status.toLowerCase()),
    note: parts.join(", ") || `all ${answer.checks.length} checks passed`,
  };
}

const count = (n, noun) => (n ? `${n} ${noun}${n === 1 ? "" : "s"}` : null);

/** The banner for old prices; null where they are fresh. */
export function ageBanner(age) {
  if (age.label === "fresh") return null;
  const days =
    age.trading_days === null
      ? "of an unknown age"
      : `${age.exact ? "" : "at least "}${age.trading_days} trading days old`;
  return {
    tone: age.label === "stale" ? "warning" : "critical",
    title: age.label === "stale" ? "The prices are stale." : "The prices are too old to trade on.",
    text: `The newest closes are of ${day(age.priced_to)}, ${days}. Refresh, or check that the database still gets new prices.`,
  };
}
