/** Where a stock stands in each strategy: its place, or why it has none and how far off it is. */

import { reason } from "./columns.js";
import { decimal, percent, whole } from "./numbers.js";
import { kept, withQuery } from "./router.js";
import { scoreText } from "./ten.js";
import { html } from "./ui.js";
import { t } from "./words.js";

export const Standing = ({ reasons, query }) => html`
  <section class="panel stock__second" aria-labelledby="standing-title">
    <h2 id="standing-title">${t("stock.standing")}</h2>
    <ul class="standing">
      ${reasons.map(
        (why) => html`
          <li>
            <a href=${withQuery(`/strategies/${why.strategy}`, kept(query))}>${why.display_name}</a>
            <b class="standing__rank">${why.rank === null ? t("stock.unranked") : `#${why.rank}`}</b>
            <span class="standing__why">${because(why)}</span>
          </li>
        `,
      )}
    </ul>
  </section>
`;

/** Why a stock is ranked or not, in a sentence or two, with the distance to what decided. */
export function because(why) {
  const parts = [why.rank === null ? `${reason(why.excluded_by)}.` : t("stock.score", { score: scoreText(why.score, why.score_is_fraction) })];
  if (why.ranked_instead) parts.push(t("stock.instead", { ticker: why.ranked_instead }));
  if (why.cut && why.primary_rank !== null && why.cut.distance !== null) parts.push(cutText(why));
  const screen = why.screens.find((one) => one.excludes);
  if (why.excluded_by === "low_f_score") parts.push(t("stock.f_score", { score: why.f_score, of: why.f_available }));
  else if (screen && screen.distance !== null && why.excluded_by === screen.reason)
    parts.push(t("stock.screen", { value: decimal(screen.value, 2), cut: decimal(screen.cut, 2) }));
  return parts.join(" ");
}

function cutText({ primary_rank: rank, cut }) {
  const values = { rank: whole(rank), kept: whole(cut.kept), compared: whole(cut.compared), share: percent(cut.keep_percent / 100), count: Math.abs(cut.distance) };
  return cut.distance > 0 ? t("stock.cut.out", values) : t("stock.cut.in", values);
}
