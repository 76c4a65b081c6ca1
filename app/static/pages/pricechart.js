/** The closes of a stock as they were, gaps as gaps, with its splits and dividends. */

import { address, inPath, useAnswer } from "./api.js";
import { Lines } from "./lines.js";
import { date, decimal, longDate, price } from "./numbers.js";
import { ask } from "./router.js";
import { Answer, Empty } from "./states.js";
import { html } from "./ui.js";
import { known, t } from "./words.js";

const YEARS = { 1: 252, 3: 756, 10: 2520 };
const GAP_DAYS = 8;
/** The most points of a chart: there are no more pixels. */
const MOST = 1300;

const eventsOf = (ticker) => `/v1/stocks/${inPath(ticker)}/events`;

export function PriceChart({ ticker, query, currency, until }) {
  const years = query.get("years") in YEARS ? query.get("years") : "1";
  const closes = useAnswer(address(`/v1/stocks/${inPath(ticker)}/prices`, { days: YEARS[years] }));
  const events = useAnswer(eventsOf(ticker));
  return html`
    <div class="switch" role="group" aria-label=${t("stock.years")}>
      ${Object.keys(YEARS).map(
        (one) => html`
          <button type="button" aria-pressed=${String(one === years)} onClick=${() => ask({ years: one === "1" ? "" : one })}>
            ${t("stock.year", { count: Number(one) })}
          </button>
        `,
      )}
    </div>
    <${Answer} of=${closes} rows=${6}>
      ${({ prices }) => html`<${Chart} prices=${thinned(prices.filter((one) => one.date <= until))} events=${events.data?.events ?? []} currency=${currency} />`}
    <//>
  `;
}

/** Every n-th close of many; the last one stays. */
function thinned(prices) {
  const every = Math.ceil(prices.length / MOST);
  return every < 2 ? prices : prices.filter((_, i) => (prices.length - 1 - i) % every === 0);
}

function Chart({ prices, events, currency }) {
  if (prices.length < 2) return html`<${Empty} title=${t("stock.no_prices")} />`;
  const dates = prices.map((one) => one.date);
  const marks = events
    .filter((one) => ["split", "dividend"].includes(one.kind) && one.date >= dates[0] && one.date <= dates.at(-1))
    .map((one) => ({ date: one.date, kind: one.kind, text: `${date(one.date)}: ${told(one)}` }));
  return html`
    <${Lines}
      dates=${dates}
      lines=${[{ name: t("stock.closes", { currency: currency ?? "" }), values: prices.map((one) => one.close), kind: "own" }]}
      marks=${marks}
      height=${240}
      label=${t("stock.chart", { from: longDate(dates[0]), to: longDate(dates.at(-1)) })}
      value=${price}
      day=${date}
      gapDays=${GAP_DAYS}
    />
    ${marks.length > 0 && html`<p class="caveat">${t("stock.marks")}</p>`}
  `;
}

const shown = (value) => (typeof value === "number" ? decimal(value, 2) : (value ?? "–"));

/** An event in a sentence. */
function told({ kind, before, after, field }) {
  const values = { before: shown(before), after: shown(after), field: field ?? "" };
  return known(`event.${kind}`) ? t(`event.${kind}`, values) : `${kind} ${values.field} ${values.before} → ${values.after}`;
}

export function Events({ ticker }) {
  const events = useAnswer(eventsOf(ticker));
  return html`
    <section class="panel" aria-labelledby="events-title">
      <h2 id="events-title">${t("stock.events")}</h2>
      <${Answer} of=${events}>
        ${({ events: found, remembered_since: since }) => html`
          ${found.length === 0 && html`<p class="quiet">${t("stock.no_events")}</p>`}
          <ul class="events">
            ${found.slice(0, 30).map((one) => html`<li><span class="quiet">${date(one.date)}</span> ${told(one)}</li>`)}
          </ul>
          ${since && html`<p class="caveat">${t("stock.remembered", { date: longDate(since) })}</p>`}
        `}
      <//>
    </section>
  `;
}
