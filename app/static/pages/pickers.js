/** The choices of a universe and a date, which are part of the address. */

import { longDate } from "./numbers.js";
import { ask } from "./router.js";
import { html } from "./ui.js";
import { t, term } from "./words.js";

/** A labelled list; `options` are pairs of a value and its text. */
export const Choice = ({ label, value, options, onChange, hides = false }) => html`
  <label class="field">
    <span class=${hides ? "vh" : "field__label"}>${label}</span>
    <select value=${value} onChange=${(event) => onChange(event.target.value)}>
      ${options.map(([one, text]) => html`<option value=${one} selected=${one === value}>${text}</option>`)}
    </select>
  </label>
`;

export const DateField = ({ label, value, max, onChange }) => html`
  <label class="field">
    <span class="field__label">${label}</span>
    <input type="date" value=${value ?? ""} max=${max} onChange=${(event) => onChange(event.target.value)} />
  </label>
`;

/** The universe and the date of what is shown. */
export function Pickers({ front, query }) {
  const past = front.as_of < front.newest;
  return html`
    <div class="pickers">
      <${Choice}
        label=${t("pick.universe")}
        value=${front.universe}
        options=${front.universes.map((name) => [name, term("universe", name)])}
        onChange=${(value) => ask({ universe: value === front.universes[0] ? "" : value }, { replaces: false })}
      />
      <${DateField}
        label=${t("pick.date")}
        value=${query.get("as_of") ?? front.as_of}
        max=${front.newest}
        onChange=${(value) => ask({ as_of: value === front.newest ? "" : value }, { replaces: false })}
      />
      ${past &&
      html`<button class="button" type="button" onClick=${() => ask({ as_of: "" }, { replaces: false })}>
        ${t("pick.newest", { date: longDate(front.newest) })}
      </button>`}
    </div>
  `;
}
