/** Lines of real points as SVG: with gaps as gaps, an axis in words, and a reading by pointer. */

import { html, useLayoutEffect, useRef, useState } from "./ui.js";

/** So many points are drawn each. */
const FEW = 30;
/** The width of a character of an axis at most, and what is left beside a text, in pixels. */
const [CHARACTER, BESIDE] = [7, 10];

const time = (text) => Date.parse(`${text.slice(0, 10)}T00:00:00Z`);

/** Round steps between two values, about `many`. */
export function steps(low, high, many = 4) {
  const span = high - low || Math.abs(high) || 1;
  const rough = span / many;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 2.5, 5, 10].map((n) => n * power).find((one) => one >= rough);
  const found = [];
  for (let at = Math.ceil(low / step) * step; at <= high + step / 1e6; at += step) found.push(at);
  return found;
}

/** Levels between two values that are as far from each other as they look on a scale of growth. */
export function powers(low, high) {
  for (const digits of [[1], [1, 2, 5]]) {
    const found = [];
    for (let power = Math.floor(Math.log10(low)); 10 ** power <= high; power++)
      found.push(...digits.map((n) => n * 10 ** power).filter((at) => low <= at && at <= high));
    if (found.length > 2) return found;
  }
  return steps(low, high);
}

/** The path of a line; it is broken before a point without a value or after a gap. */
export function path(dates, values, x, y, gapDays) {
  let text = "";
  let before = null;
  dates.forEach((date, i) => {
    const value = values[i];
    if (value == null) return void (before = null);
    const at = time(date);
    const joined = before !== null && (!gapDays || at - before <= gapDays * 864e5);
    text += `${joined ? "L" : "M"}${x(at).toFixed(1)} ${y(value).toFixed(1)}`;
    if (!joined) text += "h.01";
    before = at;
  });
  return text;
}

/**
 * @param lines `[{name, values, kind}]` over `dates`, the first one on top
 * @param marks `[{date, text, kind}]`
 * @param down true where small values belong on top, as for ranks
 */
export function Lines({ dates, lines: given, marks = [], height = 200, label, value, day, gapDays, down = false, log = false }) {
  const [at, point] = useState(null);
  const [W, widen] = useState(600);
  const box = useRef();
  useLayoutEffect(() => {
    if (!box.current) return;
    const observer = new ResizeObserver(([entry]) => widen(Math.max(200, Math.round(entry.contentRect.width))));
    observer.observe(box.current.parentNode);
    return () => observer.disconnect();
  }, []);
  const lines = given.filter((line) => line.values.some((one) => one != null));
  const all = lines.flatMap((line) => line.values).filter((one) => one != null);
  if (!all.length) return null;
  const scale = log ? Math.log : (one) => one;
  const [low, high] = bounds(all);
  const [first, last] = [time(dates[0]), time(dates.at(-1))];
  const levels = (log ? powers : steps)(low, high).map((at) => ({ at, text: value(at) }));
  const longest = Math.max(0, ...levels.map(({ text }) => text.length));
  const room = { left: Math.max(48, longest * CHARACTER + BESIDE), right: 12, top: 10, bottom: 22 };
  const x = (when) => room.left + ((when - first) / (last - first || 1)) * (W - room.left - room.right);
  const span = scale(high) - scale(low) || 1;
  const y = (one) => {
    const share = (scale(one) - scale(low)) / span;
    return room.top + (down ? share : 1 - share) * (height - room.top - room.bottom);
  };
  const look = (event) => {
    const edge = box.current.getBoundingClientRect();
    const when = first + (((event.clientX - edge.left) / edge.width) * W - room.left) / (W - room.left - room.right) * (last - first);
    point(nearest(dates, when));
  };
  return html`
    <figure class="lines" aria-label=${label} role="group">
      <svg ref=${box} viewBox="0 0 ${W} ${height}" role="img" aria-label=${label} onPointerMove=${look} onPointerLeave=${() => point(null)}>
        ${levels.map(
          ({ at, text }) => html`
            <line class="lines__grid" x1=${room.left} x2=${W - room.right} y1=${y(at)} y2=${y(at)} />
            <text class="lines__text" x=${room.left - 6} y=${y(at) + 4} text-anchor="end">${text}</text>
          `,
        )}
        ${years(dates, W).map(
          (one) => html`<text class="lines__text" x=${x(time(one.date))} y=${height - 6} text-anchor=${one.anchor}>${one.text}</text>`,
        )}
        ${marks.map((mark) => html`
          <g class="lines__mark lines__mark--${mark.kind}">
            <title>${mark.text}</title>
            <line x1=${x(time(mark.date))} x2=${x(time(mark.date))} y1=${room.top} y2=${height - room.bottom} />
            <circle cx=${x(time(mark.date))} cy=${height - room.bottom} r="3.5" />
          </g>
        `)}
        ${[...lines].reverse().map((line) => html`<path class="line line--${line.kind}" d=${path(dates, line.values, x, y, gapDays)} />`)}
        ${dates.length <= FEW &&
        lines.map((line) =>
          line.values.map((one, i) => one != null && html`<circle class="point point--${line.kind}" cx=${x(time(dates[i]))} cy=${y(one)} r="2.5" />`),
        )}
        ${at !== null &&
        html`<line class="lines__at" x1=${x(time(dates[at]))} x2=${x(time(dates[at]))} y1=${room.top} y2=${height - room.bottom} />`}
      </svg>
      <figcaption class="legend">
        ${lines.map(
          (line) => html`<span><i class="key key--${line.kind}" aria-hidden="true"></i>${line.name}
            <b>${value(line.values[at ?? dates.length - 1])}</b></span>`,
        )}
        <span class="quiet">${day(dates[at ?? dates.length - 1])}</span>
      </figcaption>
    </figure>
  `;
}

function bounds(values) {
  let low = Infinity;
  let high = -Infinity;
  for (const one of values) {
    if (one < low) low = one;
    if (one > high) high = one;
  }
  return [low, high];
}

function nearest(dates, when) {
  let [low, high] = [0, dates.length - 1];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (time(dates[middle]) < when) low = middle + 1;
    else high = middle;
  }
  return low && Math.abs(time(dates[low - 1]) - when) < Math.abs(time(dates[low]) - when) ? low - 1 : low;
}

/** A few days of the axis, with the text of each: years, or months of a short time. */
function years(dates, width) {
  const short = time(dates.at(-1)) - time(dates[0]) < 550 * 864e5;
  const key = (text) => text.slice(0, short ? 7 : 4);
  const starts = dates.filter((one, i) => i > 0 && key(one) !== key(dates[i - 1]));
  const every = Math.ceil((starts.length * 84) / width) || 1;
  return starts.filter((_, i) => i % every === 0).map((date) => ({ date, text: key(date), anchor: "middle" }));
}
