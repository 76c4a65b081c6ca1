/** The ranking as files. */

import { address } from "./api.js";
import { html } from "./ui.js";
import { t } from "./words.js";

const FORMATS = [
  ["csv", { format: "csv" }],
  ["csv_sv", { format: "csv", locale: "sv" }],
  ["xlsx", { format: "xlsx" }],
  ["parquet", { format: "parquet" }],
];

export function Exports({ table }) {
  const path = `/v1/export/rankings/${encodeURIComponent(table.strategy)}`;
  const of = { as_of: table.as_of, universe: table.universe };
  return html`
    <p class="exports">
      <span class="quiet">${t("export.title")}</span>
      ${FORMATS.map(([name, wanted]) => html`<a class="button" href=${address(path, { ...of, ...wanted })} download>${t(`export.${name}`)}</a>`)}
    </p>
  `;
}
