/** What is held: pasted, uploaded or typed, and shown as a list that can be mended. */

import { parsed, whole } from "./numbers.js";
import { html, useState } from "./ui.js";
import { t } from "./words.js";

/** Lines of `ticker;shares`: `{holdings, not_matched}`. */
export function read(text) {
  const holdings = [];
  const not_matched = [];
  for (const line of text.split(/\r?\n/).filter((one) => one.trim())) {
    const [, ticker, number] = /^\s*(.+?)\s*[;\t|,]\s*([\d\s\u00a0.,]+?)\s*[;\t|,]?\s*$/.exec(line) ?? [];
    const shares = number === undefined ? null : parsed(number);
    if (shares !== null && Number.isInteger(shares)) holdings.push({ ticker: ticker.toUpperCase(), shares });
    else not_matched.push({ text: line.trim(), reason: t("holdings.unread") });
  }
  return { holdings, not_matched };
}

/** The text of what was pasted or uploaded. */
const asText = async (source) => (typeof source === "string" ? source : decoded(new Uint8Array(await source.arrayBuffer())));

/** The text of a file: UTF-16 by its mark or zeros, UTF-8, else as Windows writes it. */
export function decoded(bytes) {
  const marked = (bytes[0] === 0xff && bytes[1] === 0xfe) || bytes.subarray(0, 200).includes(0);
  if (marked) return new TextDecoder("utf-16le").decode(bytes);
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    return new TextDecoder("windows-1252").decode(bytes);
  }
}

export function HoldingsField({ holdings, onChange }) {
  const [text, type] = useState("");
  const [left, leave] = useState([]);
  const add = async (source) => {
    const found = read(await asText(source));
    onChange(merged(holdings, found.holdings));
    leave(found.not_matched);
    type("");
  };
  return html`
    <section class="panel" aria-labelledby="holdings-title">
      <h2 id="holdings-title">${t("holdings.title")}</h2>
      <label class="field">
        <span class="field__label">${t("holdings.paste")}</span>
        <textarea rows="4" spellcheck=${false} placeholder=${"VOLV B;100\nINVE B;250"} value=${text} onInput=${(event) => type(event.target.value)}></textarea>
      </label>
      <div class="holdings__ways">
        <button class="button" type="button" disabled=${!text.trim()} onClick=${() => add(text)}>${t("holdings.add")}</button>
        <label class="button">
          ${t("holdings.upload")}
          <input class="vh" type="file" accept=".csv,.txt,.tsv" onChange=${(event) => event.target.files[0] && add(event.target.files[0])} />
        </label>
        ${holdings.length > 0 && html`<button class="link" type="button" onClick=${() => onChange([])}>${t("holdings.clear")}</button>`}
      </div>
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
    <ul class="caveat">
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
