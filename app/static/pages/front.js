/** The first page: each strategy with its ten names, its next rebalancing and its curve. */

import { address, useAnswer } from "./api.js";
import { Curve } from "./curve.js";
import { longDate } from "./numbers.js";
import { Pickers } from "./pickers.js";
import { kept, withQuery } from "./router.js";
import { Answer } from "./states.js";
import { Ten } from "./ten.js";
import { titled } from "./title.js";
import { html } from "./ui.js";
import { Since, useVisits } from "./visits.js";
import { known, t } from "./words.js";

/** The sentence of a strategy: of the house's in the language, of others as it is declared. */
export const sentenceOf = ({ name, description }) =>
  known(`sentence.${name}`) ? t(`sentence.${name}`) : description;

/** When a strategy is rebalanced next, in trading days. */
export function nextRebalance({ next_rebalance: next, trading_days: days }) {
  if (next == null) return t("rebalance.unknown");
  if (days === 0) return t("rebalance.today");
  return t("rebalance.in", { count: days });
}

export function Page({ query }) {
  const chosen = kept(query);
  const front = useAnswer(address("/v1/front", chosen));
  const moves = useAnswer(front.data ? address("/v1/front/moves", chosen) : null);
  const curves = useAnswer(front.data ? "/v1/front/curves" : null);
  const before = useVisits(front.data, Object.keys(chosen).length === 0);
  titled(t("front.title"));
  return html`
    <${Answer} of=${front} rows=${12}>
      ${(found) => html`
        <header class="page-head">
          <h1>
            ${found.as_of < found.newest ? t("front.heading.past") : t("front.heading")}
            <small>${longDate(found.as_of)}</small>
          </h1>
          <${Pickers} front=${found} query=${query} />
        </header>
        <div class="cards">
          ${found.strategies.map(
            (one) => html`
              <${Card}
                key=${one.name}
                strategy=${one}
                moves=${moves.data?.as_of === found.as_of ? moves.data.strategies[one.name] : null}
                curve=${curves.data?.curves[one.name]}
                before=${before}
                query=${query}
              />
            `,
          )}
        </div>
      `}
    <//>
  `;
}

function Card({ strategy, moves, curve, before, query }) {
  const whole = withQuery(`/strategies/${strategy.name}`, kept(query));
  const title = `title-${strategy.name}`;
  return html`
    <section class="card" aria-labelledby=${title}>
      <header class="card__head">
        <h2 id=${title}><a href=${whole}>${strategy.display_name}</a></h2>
        <p class="card__next" title=${longDate(strategy.next_rebalance)}>${nextRebalance(strategy)}</p>
        <p class="card__what">${sentenceOf(strategy)}</p>
      </header>
      <${Ten} strategy=${strategy} moves=${moves} query=${query} />
      <${Since} strategy=${strategy} before=${before} />
      <p class="card__more">
        <a href=${whole}>${t("front.whole", { count: strategy.ranked })}</a>
      </p>
      <${Curve} curve=${curve} strategy=${strategy.name} />
    </section>
  `;
}
