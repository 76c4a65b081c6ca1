/** The figures that explain the place of a stock: a sentence, returns, metrics, F-score, facts. */

import { el, icon } from "./dom.js";
import {
  day,
  decimal,
  inWords,
  NONE,
  number,
  percentile,
  price,
  returned,
  scored,
  share,
  signed,
  whole,
} from "./format.js";
import { facts } from "./tables.js";
import { FRACTIONS, REASONS } from "./terms.js";

/** The nodes of an explanation, with the readout and the chart of the closes. */
export function content(why, readout, chart) {
  const known = part("Facts", factsOf(why));
  const hasMetrics = why.metrics.length > 0;
  return [
    el("p", { class: "why" }, ...summary(why)),
    el(
      "div",
      { class: "explain" },
      el(
        "div",
        { class: "explain__side" },
        part(
          "Closes",
          readout,
          el("figure", { role: "img", "aria-label": chartLabel(why) }, chart),
        ),
        part("Returns", returnsTable(why)),
        hasMetrics && known,
      ),
      el(
        "div",
        { class: "explain__side" },
        hasMetrics && part("Composite", metricsTable(why), cutOf(why)),
        why.screens.length > 0 && part("Screens", screensTable(why)),
        part(
          `F-score ${why.f_score} of ${why.f_available}`,
          why.f_source === "vendor" && el("p", { class: "readout" }, VENDOR),
          signals(why),
        ),
        !hasMetrics && known,
      ),
    ),
  ];
}

const part = (title, ...nodes) => el("div", {}, el("h3", {}, title), ...nodes);

const chartLabel = (why) =>
  `Closes of ${why.ticker} over a year; the table of returns lists those behind the score`;

/** The answer in a sentence. */
function summary(why) {
  if (why.excluded_by)
    return [
      el("strong", {}, "Not ranked: "),
      `${reasonOf(why)}${jumped(why)}${instead(why)}.`,
    ];
  const kept = why.primary_rank
    ? `, and rank ${whole(why.primary_rank)} of the composite, ` +
      `among the best ${why.cut?.keep_percent}%`
    : "";
  const score = isMomentum(why)
    ? [signed(why.score), ": the mean of the returns over 3, 6 and 12 months"]
    : [scored(why.score, why.score_is_fraction), `: ${why.score_name}, the ${why.score_is_best} first`];
  return [
    el("strong", {}, `Rank ${why.rank}`),
    ` with a score of `,
    el("strong", {}, score[0]),
    `${score[1]}${kept}.`,
  ];
}

const isMomentum = (why) => why.score_name === "momentum";

/** Why a stock is not ranked: the condition of a screen of the owner, else the reason in words. */
function reasonOf({ excluded_by, screens }) {
  const known = REASONS[excluded_by];
  const screen = screens.find(({ reason }) => reason === excluded_by);
  return known ?? (screen ? `${inWords(excluded_by)}: ${screen.condition}` : inWords(excluded_by));
}

/** The jump that keeps a stock from being ranked, in words. */
const jumped = ({ excluded_by, jump }) =>
  excluded_by === "suspect_price" && jump
    ? `: from ${price(jump.close_before)} to ${price(jump.close)} on ${day(jump.date)}`
    : "";

/** The ticker that is ranked in place of one, in words. */
const instead = ({ ranked_instead }) => (ranked_instead ? `: ${ranked_instead}` : "");

/** How many stay by the composite, and how far the stock is from the last of them. */
function cutOf({ cut, primary_rank }) {
  if (!cut) return null;
  const place = primary_rank ? `Rank ${whole(primary_rank)} of ${whole(cut.compared)}; the` : "The";
  const stay = `${place} first ${whole(cut.kept)} stay, the best ${cut.keep_percent}%`;
  return el("p", { class: "readout" }, `${stay}${cut.distance === null ? "" : off(cut)}.`);
}

function off({ distance }) {
  const places = `${whole(Math.abs(distance))} place${Math.abs(distance) === 1 ? "" : "s"}`;
  if (distance === 0) return "; it is the last of them";
  return `; ${places} ${distance > 0 ? "outside" : "inside"}`;
}

const screensTable = ({ screens }) =>
  el(
    "table",
    { class: "plain" },
    el(
      "thead",
      {},
      el(
        "tr",
        {},
        el("th", { scope: "col" }, "Leaves if"),
        el("th", { scope: "col", class: "num" }, "Value"),
        el("th", { scope: "col", class: "num" }, "Off the cut"),
        el("th", { scope: "col" }, "This stock"),
      ),
    ),
    el("tbody", {}, screens.map(screenLine)),
  );

const VERDICT = { true: "leaves", false: "stays", null: "unknown, stays" };

const screenLine = (screen) =>
  el(
    "tr",
    {},
    el(
      "th",
      { scope: "row" },
      inWords(screen.reason),
      screen.condition && el("small", {}, el("code", {}, screen.condition)),
    ),
    num(
      screen.value === null
        ? screen.values.map(({ name, value }) => el("small", {}, `${name} ${readingOf(value)}`))
        : number(screen.value),
    ),
    num(
      number(screen.distance),
      screen.cut !== null && el("small", {}, `from ${number(screen.cut)}`),
    ),
    el("td", {}, VERDICT[String(screen.excludes)]),
  );

const readingOf = (value) => (typeof value === "number" ? number(value) : String(value ?? NONE));

function returnsTable(why) {
  return el(
    "table",
    { class: "plain" },
    el(
      "thead",
      {},
      el(
        "tr",
        {},
        ["Over", "From", "Base", "Close", "Return"].map((t, i) =>
          el("th", { scope: "col", class: i > 1 ? "num" : null }, t),
        ),
      ),
    ),
    el(
      "tbody",
      {},
      why.returns.map((r) =>
        el(
          "tr",
          {},
          el("th", { scope: "row", class: "nowrap" }, `${r.months} months`),
          el("td", { class: "nowrap" }, day(r.base_date)),
          num(price(r.base_close)),
          num(price(why.close)),
          num(
            returned(r.value),
            r.rate_change == null
              ? null
              : el("small", {}, ` ${signed(r.local)} local, rate ${signed(r.rate_change)}`),
          ),
        ),
      ),
    ),
    el(
      "tfoot",
      {},
      el(
        "tr",
        {},
        isMomentum(why) && [
          el("th", { scope: "row", colspan: 4 }, "Score, their mean"),
          num(signed(why.score)),
        ],
      ),
    ),
  );
}

const num = (...content) => el("td", { class: "num" }, ...content);

function metricsTable(why) {
  return el(
    "table",
    { class: "plain" },
    el(
      "thead",
      {},
      el(
        "tr",
        {},
        el("th", { scope: "col" }, "Metric"),
        el("th", { scope: "col", class: "num" }, "Value"),
        el("th", { scope: "col" }, "Best (0) to worst (1)"),
        el("th", { scope: "col", class: "num" }, "Place"),
      ),
    ),
    el("tbody", {}, why.metrics.map(metricLine)),
    why.metrics.length > 1 && el("tfoot", {}, meanLine(why)),
  );
}

const meanLine = (why) =>
  el(
    "tr",
    {},
    el("th", { scope: "row", colspan: 2 }, "Mean, 0 is best"),
    el("td", {}, rung(why.composite)),
    num(percentile(why.composite)),
  );

const metricLine = (metric) =>
  el(
    "tr",
    {},
    el("th", { scope: "row" }, inWords(metric.name)),
    num(
      valueOf(metric),
      metric.reported !== metric.value &&
        el("small", {}, `reported ${valueOf({ ...metric, value: metric.reported })}`),
    ),
    el("td", {}, rung(metric.percentile)),
    num(percentile(metric.percentile)),
  );

const valueOf = ({ name, value }) => (FRACTIONS.includes(name) ? share(value) : decimal(value));

/** Where a percentile lies; an unknown one counts as the middle. */
function rung(value) {
  const dot = el("i", { class: value === null ? "is-assumed" : null });
  dot.style.left = `${100 * (value ?? 0.5)}%`;
  return el("span", { class: "rung", "aria-hidden": "true" }, dot);
}

const VENDOR = "The vendor's score, used in place of these signals.";

const SIGNAL = {
  true: ["ok", "yes", "ok"],
  false: ["critical", "no", "no"],
  null: ["unknown", "unknown", "unknown"],
};

const signals = (why) =>
  el(
    "ul",
    { class: "signals" },
    why.f_signals.map((signal) => {
      const [status, word, shape] = SIGNAL[String(signal.value)];
      return el(
        "li",
        {},
        icon(status, null, shape),
        el("span", {}, inWords(signal.name)),
        el("span", {}, word),
      );
    }),
  );

const factsOf = (why) =>
  facts([
    [
      "Market cap",
      why.market_cap_msek === null
        ? "unknown"
        : `${whole(why.market_cap_msek)} M ${why.currency ?? ""}, ${inWords(why.market_cap_source ?? "").toLowerCase()}`,
    ],
    ["Close", `${price(why.close)} ${why.currency ?? ""} on ${day(why.close_date)}`],
    ["Type", inWords(why.stock_type ?? "unknown")],
    ["Statements to", why.fiscal_date ? day(why.fiscal_date) : "none in 18 months"],
    ["Ratios known from", why.ratios_known_from ? day(why.ratios_known_from) : "none in 12 months"],
    ["Multiples at the price of", why.multiples_as_of ? day(why.multiples_as_of) : "no day"],
  ]);
