/** How numbers, times and names are written, in one place. */

import { el, hidden, seenAs } from "./dom.js";

const LOCALE = "en-GB";
export const NONE = "–";

const numbers = (digits, options = {}) =>
  new Intl.NumberFormat(LOCALE, {
    minimumFractionDigits: digits,
    maximumFractionDigits: digits,
    ...options,
  });
const SIGNED = numbers(1, { style: "percent", signDisplay: "exceptZero" });
const SHARE = numbers(1, { style: "percent" });
const WHOLE = numbers(0);
const ONE = numbers(1);
const TWO = numbers(2);
const FOUR = numbers(4);
const DAY = new Intl.DateTimeFormat(LOCALE, {
  day: "numeric",
  month: "short",
  year: "numeric",
  timeZone: "UTC",
});
const MOMENT = new Intl.DateTimeFormat(LOCALE, {
  day: "numeric",
  month: "short",
  hour: "2-digit",
  minute: "2-digit",
});
const CLOCK = new Intl.DateTimeFormat(LOCALE, {
  hour: "2-digit",
  minute: "2-digit",
  second: "2-digit",
});
const MINUTE = new Intl.DateTimeFormat(LOCALE, { hour: "2-digit", minute: "2-digit" });

/** Written by a formatter, with a true minus; a dash for null. */
const written = (format, value) =>
  value === null || value === undefined ? NONE : format.format(value).replace("-", "\u2212");

/** A fraction as +12.3%. */
export const signed = (fraction) => written(SIGNED, fraction);
/** A fraction as 12.3%. */
export const share = (fraction) => written(SHARE, fraction);
export const whole = (value) => written(WHOLE, value);
export const decimal = (value) => written(TWO, value);
export const percentile = (value) => written(TWO, value);
export const megabytes = (value) =>
  value === null || value === undefined ? NONE : `${whole(value)} MB`;
export const ofBytes = (bytes) =>
  bytes === null || bytes === undefined ? NONE : `${ONE.format(bytes / 1e6)} MB`;

/** A number with so many decimals. */
export const fixed = (value, digits) => written(numbers(digits), value);

/** A score: in percent if it is a fraction, else as a number. */
export const scored = (value, isFraction) => (isFraction ? signed(value) : number(value));
/** A number of any size. */
export const number = (value) =>
  value !== null && Math.abs(value) >= 1000 ? whole(value) : decimal(value);

/** A price with as many digits as it needs. */
export const price = (value) => written(value !== null && Math.abs(value) < 1 ? FOUR : TWO, value);

/** A day, 2026-11-20, as 20 Nov 2026. */
export const day = (iso) => (iso ? DAY.format(new Date(`${iso.slice(0, 10)}T00:00:00Z`)) : NONE);
/** Days in a message, written as everywhere on the page. */
export const dated = (text) => text.replace(/\b\d{4}-\d{2}-\d{2}\b/g, (iso) => day(iso));

export const clock = (date) => CLOCK.format(date);
export const minute = (date) => MINUTE.format(date);

/** Seconds as 12.3 s, 2 min 5 s or 1 h 4 min. */
export function duration(seconds) {
  if (seconds === null || seconds === undefined) return NONE;
  if (seconds < 60) return `${(seconds < 10 ? ONE : WHOLE).format(seconds)} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes} min ${Math.floor(seconds % 60)} s`;
  return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

/** How long ago, or in how long. */
export function ago(iso, now = Date.now()) {
  const seconds = (now - Date.parse(iso)) / 1000;
  const size = Math.abs(seconds);
  if (size < 45) return seconds < 0 ? "in a moment" : "just now";
  const text = lasting(size);
  return seconds < 0 ? `in ${text}` : `${text} ago`;
}

function lasting(seconds) {
  if (seconds < 90 * 60) return `${Math.max(1, Math.round(seconds / 60))} min`;
  if (seconds < 36 * 3600) return `${Math.round(seconds / 3600)} h`;
  return `${Math.round(seconds / 86400)} d`;
}

/** A time element that says how long ago, and is kept up to date by `keepTimes`. */
export const agoTime = (iso) =>
  iso ? el("time", { datetime: iso, title: moment(iso), "data-ago": true }, ago(iso)) : NONE;

/** A time element that says how long it has lasted since, and is kept up to date by `keepTimes`. */
export const sinceTime = (iso) =>
  el("time", { datetime: iso, title: moment(iso), "data-since": true }, lasted(iso));

const lasted = (iso) => duration(Math.max(0, Math.floor((Date.now() - Date.parse(iso)) / 1000)));

/** A time element with day, hour and minute where the reader is. */
export const momentTime = (iso) =>
  iso ? el("time", { datetime: iso, title: iso }, moment(iso)) : NONE;
export const moment = (iso) => MOMENT.format(new Date(iso));

/** Keep all `agoTime` and `sinceTime` elements up to date. */
export function keepTimes() {
  setInterval(() => {
    /** @type {NodeListOf<HTMLTimeElement>} */
    const times = document.querySelectorAll("time[data-since]");
    for (const node of times) node.textContent = lasted(node.dateTime);
  }, 1_000);
  setInterval(() => {
    /** @type {NodeListOf<HTMLTimeElement>} */
    const times = document.querySelectorAll("time[data-ago]");
    for (const node of times) node.textContent = ago(node.dateTime);
  }, 10_000);
}

/** A return: signed, so that it is read without its colour too. */
export const returned = (fraction) =>
  el(
    "span",
    { class: direction(fraction) },
    signed(fraction),
    fraction === null && hidden(" unknown"),
  );

const direction = (value) => (value > 0 ? "up" : value < 0 ? "down" : null);

/** Where a rank came from. */
export function change(rank, before) {
  if (before === null) return seenAs("new", "new in the ranking", { class: "tag tag--accent" });
  if (before === rank) return seenAs("=", "unchanged", { class: "muted" });
  const by = Math.abs(before - rank);
  return before > rank
    ? seenAs(`▲ ${by}`, `up ${by}`, { class: "up" })
    : seenAs(`▼ ${by}`, `down ${by}`, { class: "down" });
}

const NAMES = {
  pe: "P/E",
  pb: "P/B",
  ps: "P/S",
  p_fcf: "P/FCF",
  ev_ebitda: "EV/EBITDA",
  roe: "ROE",
  roa: "ROA",
  roic: "ROIC",
  fcfroe: "FCF/equity",
  dividend_yield: "Dividend yield",
  isins: "ISINs",
  index_prices: "Index prices",
  fx_rates: "Currency rates",
  f_score: "F-score",
  stockholmsborsen: "Stockholmsbörsen",
  first_north: "First North",
  sdb: "Depositary receipt",
  net_income_positive: "Net income is positive",
  operating_cf_positive: "Operating cash flow is positive",
  roa_rose: "Return on assets rose",
  cash_exceeds_income: "Cash flow exceeds income",
  leverage_fell: "Long-term debt fell against assets",
  current_ratio_rose: "Current ratio rose",
  shares_did_not_rise: "No new shares",
  gross_margin_rose: "Gross margin rose",
  asset_turnover_rose: "Asset turnover rose",
};

/** A name of the service's in words: index_prices as Index prices. */
export const inWords = (name) => NAMES[name] ?? capital(String(name).replaceAll("_", " "));
const capital = (text) => text.charAt(0).toUpperCase() + text.slice(1);
