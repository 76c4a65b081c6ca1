/** The top tens, and what changed in them since the version before. */

import { change, date, NONE } from "../numbers.js";
import { Empty } from "../states.js";
import { Move, scoreText } from "../ten.js";
import { html } from "../ui.js";
import { t } from "../words.js";
import { Shown } from "./parts.js";

export function Tens({ top, watch, old, refresh }) {
  const { as_of: asOf, previous_version: before } = top.data ?? {};
  const note = before ? t("status.tens.since", { date: date(asOf), version: before }) : t("status.closes", { date: date(asOf) });
  return html`
    <section aria-labelledby="tens-title">
      <header class="panel__head">
        <h2 id="tens-title">${t("status.tens")}</h2>
        ${old && html`<span class="old-mark">${old}</span>`}
        <p class="panel__aside">${asOf && !watch.empty && note}</p>
      </header>
      <${Shown} of=${top} rows=${10} empty=${watch.empty} nothing=${html`<${First} refresh=${refresh} />`}>
        ${({ strategies }) => html`
          <div class="cards">${strategies.map((one) => html`<${Ten} key=${one.name} strategy=${one} compared=${Boolean(before)} />`)}</div>
        `}
      <//>
    </section>
  `;
}

function Ten({ strategy, compared }) {
  const id = `ten-${strategy.name}`;
  const fraction = strategy.score_is_fraction;
  const scores = strategy.rankings.map((one) => one.score).filter((one) => one !== null);
  const mean = scores.reduce((a, b) => a + b, 0) / scores.length;
  return html`
    <section class="card" aria-labelledby=${id}>
      <header class="card__head">
        <h3 id=${id}><a href="/strategies/${strategy.name}">${strategy.display_name}</a></h3>
        <p class="card__next">${scores.length > 0 && t("status.mean", { score: scoreText(mean, fraction) })}</p>
      </header>
      ${strategy.rankings.length ? html`<${Table} strategy=${strategy} labelled=${id} compared=${compared} />` : html`<${Empty} title=${t("ten.none")} />`}
    </section>
  `;
}

const Table = ({ strategy, labelled, compared }) => html`
  <table class="ten" aria-labelledby=${labelled} onKeyDown=${walk}>
    <thead>
      <tr>
        <th class="ten__rank" scope="col"><abbr title=${t("column.rank")}>#</abbr></th>
        <th class="ten__name" scope="col">${t("column.name")}</th>
        <th class="ten__move" scope="col">${t("column.move")}</th>
        <th class="ten__score" scope="col">${t("column.score")}</th>
        ${[3, 6, 12].map((months) => html`<th class="ten__return" scope="col" title=${t("stock.months", { count: months })}>${t("status.months", { months })}</th>`)}
        <th class="ten__f" scope="col"><abbr title=${t("column.f_score")}>F</abbr></th>
      </tr>
    </thead>
    <tbody>
      ${strategy.rankings.map((place) => html`<${Place} key=${place.ticker} place=${place} strategy=${strategy} compared=${compared} />`)}
    </tbody>
  </table>
`;

function Place({ place, strategy, compared }) {
  const ranks = place.rank_before === null ? {} : { [place.ticker]: place.rank_before };
  return html`
    <tr>
      <td class="ten__rank">${place.rank}</td>
      <th class="ten__name" scope="row">
        <a href="/stock/${encodeURIComponent(place.ticker)}?strategy=${strategy.name}" title=${place.name}>
          <span>${place.name ?? place.ticker}</span><small>${place.ticker}</small>
        </a>
      </th>
      <td class="ten__move"><${Move} place=${place} moves=${{ since: compared, ranks }} /></td>
      <td class="ten__score">${scoreText(place.score, strategy.score_is_fraction)}</td>
      ${[3, 6, 12].map((months) => html`<td class="ten__return">${change(place[`return_${months}m`])}</td>`)}
      <td class="ten__f">${place.f_available ? `${place.f_score}/${place.f_available}` : NONE}</td>
    </tr>
  `;
}

/** Arrow keys go from stock to stock. */
function walk(event) {
  const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  if (!step) return;
  const stocks = [...event.currentTarget.querySelectorAll("tbody a")];
  const next = stocks[stocks.indexOf(document.activeElement) + step];
  if (!next) return;
  event.preventDefault();
  next.focus();
}

/** The way to begin where nothing is published. */
const First = ({ refresh }) => html`
  <div class="first">
    <h3>${t("status.first")}</h3>
    <p>${t("status.first.text")}</p>
    <ol>${["read", "rank", "publish"].map((step) => html`<li>${t(`status.first.${step}`)}</li>`)}</ol>
    ${refresh}
  </div>
`;
