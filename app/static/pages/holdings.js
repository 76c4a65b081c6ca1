/** What is held: pasted, uploaded or typed, and shown as a list that can be mended. */

import { call } from "./api.js";
import { parsed, whole } from "./numbers.js";
import { html, useState } from "./ui.js";
import { t } from "./words.js";

const READ = "/v1/portfolio/holdings";

export function HoldingsField({ holdings, onChange }) {
  const [text, type] = useState("");
  const [left, leave] = useState([]);
  const [error, fail] = useState(null);
  const add = async (source) => {
    fail(null);
    try {
      const found = await call(READ, { body: new Blob([source]) });
      onChange(merged(holdings, found.holdings));
      leave(found.not_matched);
      type("");
    } catch (problem) {
      fail(problem.message || t("state.offline"));
    }
  };
  const paste = (event) => {
    const pasted = event.clipboardData?.getData("text/plain");
    if (!pasted?.trim()) return;
    event.preventDefault();
    const lines = [text, pasted].filter((one) => one.trim()).join("\n");
    type(lines); // which stays if it cannot be read
    add(lines);
  };
  return html`
    <section class="panel" aria-labelledby="holdings-title">
      <h2 id="holdings-title">${t("holdings.title")}</h2>
      <label class="field">
        <span class="field__label">${t("holdings.paste")}</span>
        <textarea rows="4" spellcheck=${false} placeholder=${"VOLV B;100\nINVE B;250"} value=${text} onInput=${(event) => type(event.target.value)} onPaste=${paste}></textarea>
      </label>
      <div class="holdings__ways">
        <button class="button" type="button" disabled=${!text.trim()} onClick=${() => add(text)}>${t("holdings.add")}</button>
        <label class="button">
          ${t("holdings.upload")}
          <input class="vh" type="file" accept=".csv,.txt,.tsv" onChange=${(event) => event.target.files[0] && add(event.target.files[0])} />
        </label>
        ${holdings.length > 0 && html`<button class="link" type="button" onClick=${() => onChange([])}>${t("holdings.clear")}</button>`}
      </div>
      ${error && html`<p class="caveat" role="alert">${error}</p>`}
      ${left.length > 0 && html`<${Left} lines=${left} />`}
      ${holdings.length > 0 && html`<${List} holdings=${holdings} onChange=${onChange} />`}
    </section>
  `;
}

/** Holdings with those that were read, a stock once. */
function merged(before, read) {
  const found = new Map(before.map((one) => [one.ticker, one]));
  for (const { ticker, name, shares } of read) found.set(ticker, { ticker, name, shares });
  return [...found.values()];
}

const Left = ({ lines }) => html`
  <div role="alert">
    <p>${t("holdings.left", { count: lines.length })}</p>
    <ul class="caveat" lang="en">
      ${lines.map((one) => html`<li>${one.text} – ${one.reason}${one.nearest?.length ? `: ${one.nearest.map((near) => near.ticker).join(", ")}` : ""}</li>`)}
    </ul>
  </div>
`;

const List = ({ holdings, onChange }) => html`
  <ul class="holdings">
    ${holdings.map(
      (one, i) => html`
        <li key=${one.ticker}>
          <span><b>${one.name ?? one.ticker}</b> <small>${one.ticker}</small></span>
          <input
            inputmode="numeric"
            aria-label=${t("holdings.shares", { ticker: one.ticker })}
            value=${whole(one.shares)}
            onChange=${(event) => {
              const shares = Math.max(0, Math.floor(parsed(event.target.value) ?? one.shares));
              onChange(holdings.map((other, at) => (at === i ? { ...other, shares } : other)));
            }}
          />
          <button class="link" type="button" onClick=${() => onChange(holdings.filter((_, at) => at !== i))}>
            ${t("run.remove")}<span class="vh"> ${one.ticker}</span>
          </button>
        </li>
      `,
    )}
  </ul>
`;
