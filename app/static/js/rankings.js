/** The top tens. */

import { byId, el, hidden, seenAs, show, state, svg } from "./dom.js";
import { change, day, returned, scored } from "./format.js";

/**
 * @typedef {{rank: number, ticker: string, name: string | null, score: number | null,
 *   return_3m: number | null, return_6m: number | null, return_12m: number | null,
 *   f_score: number, f_available: number, rank_before: number | null}} Ranked
 */

const COLUMNS = [
  ["c-rank line-1", "#", "Rank"],
  ["c-stock line-1", "Stock", "Stock"],
  ["c-path line-1", "12 m", "Price over 12 months"],
  ["c-change line-1", "Change", "Change of rank since the version before"],
  ["c-score", "Score", "Score; of the four it is the mean of the three returns"],
  ["c-r3", "3 m", "Return over 3 months"],
  ["c-r6", "6 m", "Return over 6 months"],
  ["c-r12", "12 m", "Return over 12 months"],
  ["c-f", "F", "F-score"],
];

/** Show the tables; `open(strategy, ticker)` explains a stock. */
export function drawTens(top, open) {
  const before = top.previous_version ? ` · change since version ${top.previous_version}` : "";
  byId("rankings-note").textContent = `Closes of ${day(top.as_of)}${before}`;
  suggest(top.strategies.flatMap((strategy) => strategy.rankings)[0]?.ticker);
  const region = byId("tens");
  const focused = keyOf(document.activeElement);
  show(
    region,
    top.strategies.map((strategy) => ten(strategy, open, Boolean(top.previous_version))),
  );
  /** @type {NodeListOf<HTMLElement>} */
  const stocks = region.querySelectorAll(".stock");
  if (focused) [...stocks].find((stock) => keyOf(stock) === focused)?.focus();
}

/** Suggest a ticker to explain, or none. */
function suggest(ticker) {
  const box = /** @type {HTMLInputElement} */ (byId("lookup-ticker"));
  box.placeholder = ["Explain a ticker", ticker].filter(Boolean).join(", ");
}

const keyOf = (node) =>
  node?.classList.contains("stock") ? `${node.dataset.strategy} ${node.dataset.ticker}` : null;

function ten(strategy, open, compared) {
  const id = `ten-${strategy.name}`;
  return el(
    "section",
    { class: "ten", "aria-labelledby": id },
    el(
      "header",
      { class: "ten__head" },
      el("h3", { id, lang: "sv" }, strategy.display_name),
      el("p", {}, average(strategy)),
    ),
    strategy.rankings.length
      ? table(strategy, id, open, compared)
      : state(
          "No stock passes",
          "Every stock is excluded by one of the screens.",
        ),
  );
}

function average({ rankings, score_is_fraction }) {
  const scores = rankings.map((r) => r.score).filter((s) => s !== null);
  const mean = scores.reduce((a, b) => a + b, 0) / scores.length;
  return scores.length ? `mean ${scored(mean, score_is_fraction)}` : "";
}

// The roles are said again because a table that is laid out as a grid may lose them.
function table(strategy, id, open, compared) {
  return el(
    "table",
    { role: "table", "aria-labelledby": id, keydown: walk },
    el("thead", { role: "rowgroup" }, el("tr", { role: "row" }, COLUMNS.map(headOf))),
    el(
      "tbody",
      { role: "rowgroup" },
      strategy.rankings.map((ranked) => line(ranked, strategy, open, compared)),
    ),
  );
}

const headOf = ([name, seen, said]) =>
  el("th", { role: "columnheader", scope: "col", class: name }, seenAs(seen, said));

function line(ranked, strategy, open, compared) {
  const cell = (name, ...content) => el("td", { role: "cell", class: name }, ...content);
  return el(
    "tr",
    { role: "row" },
    cell("c-rank", ranked.rank),
    el("th", { role: "rowheader", scope: "row", class: "c-stock" }, button(ranked, strategy, open)),
    cell("c-path", path(ranked)),
    cell("c-change", compared && change(ranked.rank, ranked.rank_before)),
    cell("c-score", scored(ranked.score, strategy.score_is_fraction)),
    cell("c-r3", returned(ranked.return_3m)),
    cell("c-r6", returned(ranked.return_6m)),
    cell("c-r12", returned(ranked.return_12m)),
    cell("c-f", fScore(ranked)),
  );
}

const fScore = ({ f_score, f_available }) =>
  f_available
    ? seenAs(`${f_score}/${f_available}`, `${f_score} of ${f_available}`)
    : seenAs("–", "unknown", { class: "muted" });

function button(ranked, strategy, open) {
  return el(
    "button",
    {
      class: "stock",
      type: "button",
      title: ranked.name,
      "aria-haspopup": "dialog",
      "data-strategy": strategy.name,
      "data-ticker": ranked.ticker,
      click: () => open(strategy.name, ranked.ticker),
    },
    el("span", { class: "stock__ticker" }, ranked.ticker),
    " ",
    el("span", { class: "stock__name" }, ranked.name),
    hidden(", explain"),
  );
}

/** The price 12, 6 and 3 months ago and now, as the returns tell it. */
function path(ranked) {
  const returns = [ranked.return_12m, ranked.return_6m, ranked.return_3m];
  if (returns.some((r) => r === null || r <= -1)) return null;
  const prices = [...returns.map((r) => 1 / (1 + r)), 1];
  const [low, high] = [Math.min(...prices), Math.max(...prices)];
  const x = [1, 22, 32.5, 43];
  const y = prices.map((p) => 14 - (12 * (p - low)) / (high - low || 1));
  return svg(
    "svg",
    { class: "path", viewBox: "0 0 46 16", "aria-hidden": "true" },
    svg("polyline", { points: x.map((at, i) => `${at},${y[i].toFixed(1)}`).join(" ") }),
    svg("circle", { cx: 43, cy: y[3].toFixed(1), r: 1.75 }),
  );
}

/** Arrow keys go from stock to stock. */
function walk(event) {
  const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  if (!step) return;
  const stocks = [...event.currentTarget.querySelectorAll(".stock")];
  const next = stocks[stocks.indexOf(document.activeElement) + step];
  if (!next) return;
  event.preventDefault();
  next.focus();
}

const STEPS = [
  "Reads the database",
  "Ranks every stock by each strategy",
  "Publishes the result at once",
];

/** The way to begin where nothing is published. */
export function drawNoTens() {
  byId("rankings-note").textContent = "";
  suggest();
  show(
    byId("tens"),
    el(
      "div",
      { class: "first" },
      el("h3", {}, "Nothing is published yet"),
      el(
        "p",
        {},
        "The first refresh makes the top tens. It takes seconds to minutes, depending on the size of the database.",
      ),
      el(
        "ol",
        { class: "first__steps" },
        STEPS.map((step) => el("li", {}, step)),
      ),
      el(
        "button",
        { class: "button button--strong", type: "button", "data-refresh": true },
        "Refresh now",
      ),
    ),
  );
}
