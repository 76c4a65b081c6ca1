/** The conditions by which a strategy leaves stocks out, and what they say of one. */

import { decimal, NONE, whole } from "./numbers.js";
import { reason } from "./columns.js";
import { html } from "./ui.js";
import { t } from "./words.js";

const number = (value) => (Number.isInteger(value) || Math.abs(value) >= 1000 ? whole(value) : decimal(value));
const written = (value) => (typeof value === "number" ? number(value) : String(value ?? NONE));
const verdict = ({ excludes }) => (excludes === null ? "screen.unknown" : excludes ? "screen.leaves" : "screen.stays");

export const Screens = ({ why }) => html`
  <div class="wide" tabindex="0" role="group" aria-labelledby="screens-caption">
    <table class="facts">
      <caption id="screens-caption">${t("screen.title")}</caption>
      <thead>
        <tr><th scope="col">${t("screen.rule")}</th><th scope="col">${t("stock.value")}</th><th scope="col">${t("screen.off")}</th><th scope="col">${t("screen.this")}</th></tr>
      </thead>
      <tbody>${why.screens.map((screen) => html`<${Screen} screen=${screen} />`)}</tbody>
    </table>
  </div>
`;

const Screen = ({ screen }) => html`
  <tr>
    <th scope="row">${reason(screen.reason)}${screen.condition && html` <small><code>${screen.condition}</code></small>`}</th>
    <td>${screen.value === null ? screen.values.map(({ name, value }) => html`<small class="screen__value">${name} ${written(value)}</small>`) : number(screen.value)}</td>
    <td>${screen.distance === null ? NONE : number(screen.distance)}${screen.cut !== null && html` <small>${t("screen.from", { cut: number(screen.cut) })}</small>`}</td>
    <td>${t(verdict(screen))}</td>
  </tr>
`;
