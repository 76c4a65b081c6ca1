/** Which rows of a table are shown, and in which order. */

import { COLUMNS } from "./columns.js";
import { plain } from "./numbers.js";
import { locale } from "./words.js";

/** What the query asks for. */
export const filtersOf = (query) => ({
  text: plain(query.get("q")).trim(),
  sector: query.get("sector") ?? "",
  market: query.get("market") ?? "",
  cap: Number(query.get("cap") ?? 0),
  turnover: Number(query.get("turnover") ?? 0),
  show: query.get("show") ?? "ranked",
  reason: query.get("reason") ?? "",
});

export function sortOf(query) {
  const text = query.get("sort") ?? "rank";
  const by = text.replace(/^-/, "");
  return { by: by in COLUMNS ? by : "rank", falls: text.startsWith("-") };
}

/** The indices of the rows that pass. */
export function filtered(columns, filters) {
  const found = [];
  const texts = filters.text ? searchable(columns) : null;
  for (let i = 0; i < columns.ticker.length; i++) {
    const ranked = columns.rank[i] !== null;
    if (filters.show === "ranked" && !ranked) continue;
    if (filters.show === "excluded" && ranked) continue;
    if (filters.reason && columns.excluded_by[i] !== filters.reason) continue;
    if (filters.sector && columns.sector[i] !== filters.sector) continue;
    if (filters.market && columns.market[i] !== filters.market) continue;
    if (filters.cap && !(columns.market_cap_msek[i] >= filters.cap)) continue;
    if (filters.turnover && !(columns.turnover[i] >= filters.turnover)) continue;
    if (texts && !texts[i].includes(filters.text)) continue;
    found.push(i);
  }
  return found;
}

const searched = new WeakMap();
function searchable(columns) {
  if (!searched.has(columns))
    searched.set(columns, columns.ticker.map((ticker, i) => plain(`${ticker} ${columns.name[i] ?? ""}`)));
  return searched.get(columns);
}

/** Rows by a column; those without a value stay last either way. */
export function sorted(rows, columns, { by, falls }) {
  const values = columns[by];
  if (!values || (by === "rank" && !falls)) return rows;
  const way = falls ? -1 : 1;
  const words = new Intl.Collator(locale());
  const order = COLUMNS[by].kind === "text" ? (a, b) => words.compare(a, b) : (a, b) => a - b;
  return [...rows].sort((a, b) => {
    const [left, right] = [values[a], values[b]];
    if (left == null || right == null) return (left == null) - (right == null) || a - b;
    return way * order(left, right) || a - b;
  });
}

/** The values of a column, each once, with how many there are of it. */
export function counted(values, rows) {
  const found = new Map();
  for (const i of rows) if (values[i]) found.set(values[i], (found.get(values[i]) ?? 0) + 1);
  return [...found].sort(([a], [b]) => a.localeCompare(b, locale()));
}
