/** What differs between the portfolios of two dates: who came, who went, and why. */

import { reason } from "./columns.js";
import { date } from "./numbers.js";
import { kept, withQuery } from "./router.js";
import { Answer } from "./states.js";
import { html } from "./ui.js";
import { t } from "./words.js";

const byTicker = ({ columns }) => new Map(columns.ticker.map((ticker, i) => [ticker, i]));

/** The rank of each stock of a table at another date. */
export function before(now, then) {
  const places = byTicker(then);
  return now.columns.ticker.map((ticker) => then.columns.rank[places.get(ticker)] ?? null);
}

const ten = ({ columns }, size) => columns.ticker.filter((_, i) => columns.rank[i] !== null && columns.rank[i] <= size);

/** Where a stock of one date is at the other: its rank, or why it has none. */
function whereabouts(ticker, table, places) {
  const i = places.get(ticker);
  if (i === undefined) return t("changes.unlisted");
  const rank = table.columns.rank[i];
  return rank === null ? reason(table.columns.excluded_by[i]) : t("changes.rank", { rank });
}

export function Changes({ now, then, against, size, query }) {
  return html`
    <section class="changes" aria-labelledby="changes-title">
      <h2 id="changes-title">${t("changes.title", { from: date(against), to: date(now.as_of) })}</h2>
      <${Answer} of=${then}>
        ${(old) => {
          const [here, there] = [ten(now, size), ten(old, size)];
          const came = here.filter((one) => !there.includes(one));
          const went = there.filter((one) => !here.includes(one));
          return html`
            <div class="changes__lists">
              <${List} kind="came" tickers=${came} names=${now} where=${old} query=${query} />
              <${List} kind="went" tickers=${went} names=${old} where=${now} query=${query} />
            </div>
          `;
        }}
      <//>
    </section>
  `;
}

function List({ kind, tickers, names, where, query }) {
  const [own, other] = [byTicker(names), byTicker(where)];
  return html`
    <div>
      <h3>${t(`changes.${kind}`, { count: tickers.length })}</h3>
      <ul>
        ${tickers.map(
          (ticker) => html`
            <li>
              <a href=${withQuery(`/stock/${encodeURIComponent(ticker)}`, kept(query))}>${names.columns.name[own.get(ticker)] ?? ticker}</a>
              <span class="quiet">${t(`changes.${kind}.why`, { where: whereabouts(ticker, where, other) })}</span>
            </li>
          `,
        )}
      </ul>
    </div>
  `;
}
