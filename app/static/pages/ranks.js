/** The rank of a stock in a strategy over time. */

import { address, inPath, useAnswer } from "./api.js";
import { Lines } from "./lines.js";
import { date, whole } from "./numbers.js";
import { Answer } from "./states.js";
import { html } from "./ui.js";
import { t } from "./words.js";

export function Ranks({ ticker, query, strategies }) {
  const strategy = query.get("strategy") ?? strategies[0].name;
  const asked = { strategy, every: "month", universe: query.get("universe"), to: query.get("as_of") };
  const ranks = useAnswer(address(`/v1/stocks/${inPath(ticker)}/ranks`, asked));
  return html`
    <section class="panel" aria-labelledby="ranks-title">
      <h2 id="ranks-title">${t("stock.ranks")}</h2>
      <p class="quiet">${strategies.find((one) => one.name === strategy)?.display_name}</p>
      <${Answer} of=${ranks}>
        ${({ ranks: found }) =>
          found.some((one) => one.rank !== null)
            ? html`<${Lines}
                dates=${found.map((one) => one.date)}
                lines=${[{ name: t("column.rank"), values: found.map((one) => one.rank), kind: "own" }]}
                height=${180}
                label=${t("stock.ranks")}
                value=${whole}
                day=${date}
                down
              />`
            : html`<p class="quiet">${t("stock.no_ranks")}</p>`}
      <//>
    </section>
  `;
}
