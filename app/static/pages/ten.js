/** The stocks of a portfolio, a line each. */

import { change, date, price } from "./numbers.js";
import { kept, withQuery } from "./router.js";
import { Empty } from "./states.js";
import { html } from "./ui.js";
import { t, term } from "./words.js";

export function Ten({ strategy, moves, query }) {
  if (!strategy.rankings.length) return html`<${Empty} title=${t("ten.none")} />`;
  return html`
    <table class="ten">
      <caption class="vh">${t("ten.caption", { strategy: strategy.display_name })}</caption>
      <thead>
        <tr>
          <th class="ten__rank" scope="col"><abbr title=${t("column.rank")}>#</abbr></th>
          <th class="ten__name" scope="col">${t("column.name")}</th>
          <th class="ten__sector" scope="col">${t("column.sector")}</th>
          <th class="ten__price" scope="col">${t("column.close")}</th>
          <th class="ten__score" scope="col">
            <a href="/method#momentum" title=${t("help.score")}>${t("column.score")}</a>
          </th>
          <th class="ten__move" scope="col" title=${moves?.since ? t("help.move", { date: date(moves.since) }) : null}>
            ${t("column.move")}
          </th>
        </tr>
      </thead>
      <tbody>
        ${strategy.rankings.map(
          (place) => html`<${Place} key=${place.ticker} place=${place} moves=${moves} query=${query} strategy=${strategy} />`,
        )}
      </tbody>
    </table>
  `;
}

function Place({ place, moves, query, strategy }) {
  const to = withQuery(`/stock/${encodeURIComponent(place.ticker)}`, kept(query, { strategy: strategy.name }));
  return html`
    <tr>
      <td class="ten__rank">${place.rank}</td>
      <th class="ten__name" scope="row">
        <a href=${to} title=${place.name}>
          <span>${place.name ?? place.ticker}</span>
          <small>${place.ticker}<span class="ten__below"> · ${price(place.close)} · ${term("sector", place.sector)}</span></small>
        </a>
      </th>
      <td class="ten__sector" title=${term("sector", place.sector)}>${term("sector", place.sector)}</td>
      <td class="ten__price">
        ${price(place.close)}${place.currency && place.currency !== "SEK" && html` <small>${place.currency}</small>`}
      </td>
      <td class="ten__score">${scoreText(place.score, strategy.score_is_fraction)}</td>
      <td class="ten__move"><${Move} place=${place} moves=${moves} /></td>
    </tr>
  `;
}

/** A score: a return in whole percents; any other number as it is. */
export const scoreText = (score, isFraction = true) => (isFraction ? change(score) : price(score));

/** How far a stock has moved since the last rebalancing, in a sign and in words. */
export function Move({ place, moves }) {
  if (!moves?.since) return html`<span class="quiet">–</span>`;
  const before = moves.ranks[place.ticker];
  if (before === undefined) return html`<span class="move">${t("move.new")}</span>`;
  const up = before - place.rank;
  if (up === 0) return html`<span class="quiet"><span aria-hidden="true">=</span><span class="vh">${t("move.same")}</span></span>`;
  return html`
    <span class=${up > 0 ? "move move--up" : "move move--down"}>
      <span aria-hidden="true">${up > 0 ? "↑" : "↓"}\u2009${Math.abs(up)}</span>
      <span class="vh">${t(up > 0 ? "move.up" : "move.down", { count: Math.abs(up) })}</span>
    </span>
  `;
}

