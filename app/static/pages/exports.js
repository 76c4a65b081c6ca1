/** The ranking as files. */

import { address } from "./api.js";
import { html } from "./ui.js";
import { t } from "./words.js";

const FORMATS = ["csv", "parquet"];

export function Exports({ table }) {
  const path = `/v1/strategies/${encodeURIComponent(table.strategy)}`;
  const of = { as_of: table.as_of, universe: table.universe };
  return html`
    <p class="exports">
      <span class="quiet">${t("export.title")}</span>
      ${FORMATS.map((format) => html`<a class="button" href=${address(path, { ...of, format })} download=${`${table.strategy}-${table.as_of}.${format}`}>${t(`export.${format}`)}</a>`)}
    </p>
  `;
}
