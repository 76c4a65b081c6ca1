/** Times of day and lengths of time, kept up to date. */

import { NONE, decimal, whole } from "../numbers.js";
import { html, useEffect, useState } from "../ui.js";
import { locale } from "../words.js";

const MOMENT = { day: "numeric", month: "short", hour: "2-digit", minute: "2-digit" };
const CLOCK = { hour: "2-digit", minute: "2-digit", second: "2-digit" };
const MINUTE = { hour: "2-digit", minute: "2-digit" };

const written = (at, options) => new Intl.DateTimeFormat(locale(), options).format(new Date(at));
/** A day with hour and minute, where the reader is. */
export const moment = (at) => (at ? written(at, MOMENT) : NONE);
export const clock = (at) => written(at, CLOCK);
export const minute = (at) => written(at, MINUTE);

/** Seconds as 12.3 s, 2 min 5 s or 1 h 4 min. */
export function duration(seconds) {
  if (seconds == null) return NONE;
  if (seconds < 60) return `${seconds < 10 ? decimal(seconds, 1) : whole(seconds)} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes} min ${Math.floor(seconds % 60)} s`;
  return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

const UNITS = [
  ["day", 86_400, 36 * 3600],
  ["hour", 3600, 90 * 60],
  ["minute", 60, 45],
];

/** How long ago, or in how long. */
function ago(at) {
  const seconds = (Date.parse(at) - Date.now()) / 1000;
  const found = UNITS.find(([, , from]) => Math.abs(seconds) >= from);
  const format = new Intl.RelativeTimeFormat(locale(), { style: "short", numeric: found ? "always" : "auto" });
  return found ? format.format(Math.sign(seconds) * Math.max(1, Math.round(Math.abs(seconds) / found[1])), found[0]) : format.format(0, "second");
}

function useTick(every) {
  const [, tick] = useState(0);
  useEffect(() => {
    const timer = setInterval(() => tick((count) => count + 1), every);
    return () => clearInterval(timer);
  }, [every]);
}

export function Ago({ at }) {
  useTick(10_000);
  return at ? html`<time datetime=${at} title=${moment(at)}>${ago(at)}</time>` : NONE;
}

/** How long something has lasted. */
export function Since({ at }) {
  useTick(1_000);
  const seconds = Math.max(0, Math.floor((Date.now() - Date.parse(at)) / 1000));
  return html`<time datetime=${at} title=${moment(at)}>${duration(seconds)}</time>`;
}

export const Moment = ({ at }) => (at ? html`<time datetime=${at} title=${at}>${moment(at)}</time>` : NONE);
