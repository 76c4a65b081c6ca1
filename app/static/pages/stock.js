/** A stock: its price, where it stands in each strategy and why, what is known of it and since when. */

import { address, call, inPath, useAnswer } from "./api.js";
import { Events, PriceChart } from "./pricechart.js";
import { Facts, Signals } from "./facts.js";
import { date, longDate, money } from "./numbers.js";
import { Pickers } from "./pickers.js";
import { Ranks } from "./ranks.js";
import { kept } from "./router.js";
import { Standing } from "./standing.js";
import { Failed, Loading } from "./states.js";
import { titled } from "./title.js";
import { html, useEffect, useState } from "./ui.js";
import { t, term } from "./words.js";

/** What every strategy says of a stock; the first error ends it. */
function useReasons(ticker, strategies, chosen) {
  const [state, set] = useState({});
  const key = JSON.stringify([ticker, strategies, chosen]);
  useEffect(() => {
    if (!strategies) return;
    const stop = new AbortController();
    set(({ data }) => ({ data: data?.[0]?.ticker === ticker ? data : undefined }));
    const paths = strategies.map((name) => address(`/v1/strategies/${inPath(name)}/explain/${inPath(ticker)}`, chosen));
    Promise.all(paths.map((path) => call(path, { signal: stop.signal })))
      .then((data) => set({ data }))
      .catch((error) => stop.signal.aborted || set({ error }));
    return () => stop.abort();
  }, [key]);
  return state;
}

export function Page({ name: asked, query }) {
  const chosen = kept(query);
  const front = useAnswer(address("/v1/front", chosen));
  const reasons = useReasons(asked, front.data?.strategies.map((one) => one.name), chosen);
  const [first] = reasons.data ?? [];
  titled(first ? `${first.name} (${first.ticker})` : asked);
  const failed = front.error ?? reasons.error;
  if (failed) return html`<h1>${asked}</h1><${Failed} error=${failed} />`;
  if (!first) return html`<${Loading} rows=${12} />`;
  return html`
    <header class="page-head">
      <div>
        <h1>${first.name ?? first.ticker}<small>${first.ticker}</small></h1>
        <p class="quiet">
          ${[term("sector", first.sector), term("market", first.market)].filter(Boolean).join(" · ")}
        </p>
      </div>
      <${Pickers} front=${front.data} query=${query} />
    </header>
    <p class="quote">
      <b>${money(first.close, first.currency)}</b>
      <span class="quiet">${first.close_date ? t("stock.close", { date: longDate(first.close_date) }) : t("stock.no_close")}</span>
    </p>
    ${first.jump && html`<p class="banner banner--warn">${t("stock.jump", { date: date(first.jump.date), before: money(first.jump.close_before), after: money(first.jump.close) })}</p>`}
    <div class="stock">
      <div class="stock__side">
        <section class="panel stock__first" aria-labelledby="price-title">
          <h2 id="price-title">${t("stock.price")}</h2>
          <${PriceChart} ticker=${first.ticker} query=${query} currency=${first.currency} until=${first.as_of} />
        </section>
        <${Facts} reasons=${reasons.data} query=${query} />
        <${Ranks} ticker=${first.ticker} query=${query} strategies=${front.data.strategies} />
        <${Events} ticker=${first.ticker} />
      </div>
      <div class="stock__side">
        <${Standing} reasons=${reasons.data} query=${query} />
        <${Signals} reasons=${reasons.data} query=${query} />
      </div>
    </div>
  `;
}

