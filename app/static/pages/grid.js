/** A table of any number of rows, of which only those in sight are drawn. */

import { COLUMNS, titleOf } from "./columns.js";
import { html, useEffect, useLayoutEffect, useRef, useState } from "./ui.js";
import { t } from "./words.js";

/** So many rows are drawn beyond those in sight, and so many pass before others are drawn. */
const OVER = 6;
const STEP = 4;

/** The height of a row: enough for a finger where fingers point. */
const rowHeight = () => (matchMedia("(pointer: coarse), (max-width: 40rem)").matches ? 44 : 36);

/** On a phone the first two columns leave room for the one after. */
const PHONE = { rank: 60, name: 160 };
const widths = () => {
  const narrow = matchMedia("(max-width: 40rem)").matches;
  return (name) => (narrow && PHONE[name]) || COLUMNS[name].width;
};

/**
 * @param columns names of columns; the first two stay in sight when scrolled sideways
 * @param rows indices of rows, in order
 * @param cell `(row, column)` to what a cell shows
 * @param sort `{by, falls}`
 */
export function Grid({ columns, rows, cell, sort, onSort, label, about }) {
  const box = useRef();
  const [at, scrolled] = useState(0); // the first row in sight, in steps
  const [seen, resized] = useState(700);
  const height = rowHeight();
  useLayoutEffect(() => {
    const look = () => resized(box.current.clientHeight);
    const observer = new ResizeObserver(look);
    observer.observe(box.current);
    look();
    return () => observer.disconnect();
  }, []);
  useEffect(() => {
    box.current.scrollTop = 0;
    scrolled(0);
  }, [sort.by, sort.falls]);
  const first = Math.max(0, Math.min(at, rows.length) - OVER);
  const last = Math.min(rows.length, at + STEP + Math.ceil(seen / height) + OVER);
  const line = useLines([columns, rows, cell, height]);
  const widthOf = widths();
  const width = columns.reduce((sum, name) => sum + widthOf(name), 0);
  return html`
    <div
      class="grid"
      ref=${box}
      tabindex="0"
      role="region"
      aria-label=${label}
      onScroll=${(event) => scrolled(STEP * Math.floor(event.currentTarget.scrollTop / height / STEP))}
    >
      <table style=${{ minWidth: `${width}px` }} aria-rowcount=${rows.length + 1}>
        <colgroup>${columns.map((name) => html`<col style=${{ width: `${widthOf(name)}px` }} />`)}</colgroup>
        <thead>
          <tr aria-rowindex="1">${columns.map((name, i) => html`<${Head} key=${name} name=${name} place=${i} ...${{ sort, onSort, about }} />`)}</tr>
        </thead>
        <tbody>
          ${first > 0 && html`<tr class="grid__room" aria-hidden="true" style=${{ height: `${first * height}px` }}><td colspan=${columns.length}></td></tr>`}
          ${rows.slice(first, last).map(
            (row, i) => line(row, () => html`
              <tr key=${row} aria-rowindex=${first + i + 2} style=${{ height: `${height}px` }}>
                ${columns.map((name, place) => cellOf(name, place, cell(row, name)))}
              </tr>
            `),
          )}
          ${last < rows.length && html`<tr class="grid__room" aria-hidden="true" style=${{ height: `${(rows.length - last) * height}px` }}><td colspan=${columns.length}></td></tr>`}
        </tbody>
      </table>
    </div>
  `;
}

const classOf = (name, place) =>
  `grid__${COLUMNS[name].kind}${place < 2 ? ` grid__stays grid__stays--${place}` : ""}`;

function Head({ name, place, sort, onSort, about }) {
  const sorted = sort.by === name;
  const { anchor } = COLUMNS[name];
  return html`
    <th scope="col" class=${classOf(name, place)} aria-sort=${sorted ? (sort.falls ? "descending" : "ascending") : null}>
      <button type="button" title=${about(name)} onClick=${() => onSort(name)}>
        ${titleOf(name)}
        <span class="grid__arrow" aria-hidden="true">${sorted ? (sort.falls ? "↓" : "↑") : ""}</span>
      </button>
      ${anchor && html`<a class="grid__help" href=${`/method#${anchor}`} aria-label=${t("grid.help", { column: titleOf(name) })}>?</a>`}
    </th>
  `;
}

const cellOf = (name, place, content) =>
  name === "name"
    ? html`<th scope="row" class=${classOf(name, place)}>${content}</th>`
    : html`<td class=${classOf(name, place)}>${content}</td>`;

/**
 * A line that was drawn the last time is given again as it was, so that nothing of it is compared;
 * all are made anew where one of `parts` is another.
 */
function useLines(parts) {
  const held = useRef({ parts, lines: new Map() });
  const isSame = held.current.parts.every((one, i) => one === parts[i]);
  const before = isSame ? held.current.lines : new Map();
  const lines = new Map();
  held.current = { parts, lines };
  return (row, draw) => {
    const found = before.get(row) ?? draw();
    lines.set(row, found);
    return found;
  };
}
