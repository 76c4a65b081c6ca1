/** The kept versions, each with a way back to it. */

import { change } from "../api.js";
import { date, whole } from "../numbers.js";
import { html } from "../ui.js";
import { t } from "../words.js";
import { ofBytes, Panel, Quiet, Shown } from "./parts.js";
import { Ago } from "./times.js";

/** States of versions that nobody can roll back to. */
const UNREADABLE = { damaged: "status.damaged", "other layout": "status.other_layout" };

/** `ask` asks before a roll-back; `done(version)` is called after one. */
export function Versions({ versions, watch, old, ask, done }) {
  const nothing = html`<${Quiet} title=${t("status.versions.none")} text=${t("status.versions.none.text")} />`;
  return html`
    <${Panel} name="versions" title=${t("status.versions")} old=${old} aside=${t("status.versions.aside")}>
      <${Shown} of=${versions} rows=${6} empty=${watch.empty} nothing=${nothing}>
        ${(found) => (found.length ? html`<${Table} versions=${found} ask=${ask} done=${done} />` : nothing)}
      <//>
    <//>
  `;
}

function Table({ versions, ask, done }) {
  const current = versions.find((one) => one.current);
  return html`
    <table class="stack">
      <caption class="vh">${t("status.versions.caption")}</caption>
      <thead>
        <tr>
          <th scope="col">${t("status.version")}</th>
          <th scope="col">${t("status.closes_of")}</th>
          <th scope="col" class="num">${t("status.rows")}</th>
          <th scope="col" class="num">${t("status.size")}</th>
          <th scope="col"><span class="vh">${t("status.roll_back")}</span></th>
        </tr>
      </thead>
      <tbody>
        ${versions.map((one) => html`<${Line} key=${one.version} version=${one} onAsk=${() => ask(request(one, current, done))} />`)}
      </tbody>
    </table>
  `;
}

const Tag = ({ text, kind }) => html`<span class="tag tag--${kind}">${t(text)}</span>`;

const Line = ({ version, onAsk }) => html`
  <tr data-version=${version.version}>
    <th scope="row" class="s-main">
      <span class="id">${version.version}</span>
      ${version.created_at && html`<small><${Ago} at=${version.created_at} /> · <span lang="en">${changes(version)}</span></small>`}
    </th>
    <td class="s-side nowrap">${date(version.as_of)}</td>
    <td class="num" data-label=${t("status.rows")}>${whole(version.rows)}</td>
    <td class="num" data-label=${t("status.size")}>${ofBytes(version.bytes)}</td>
    <td class="num s-end">
      ${UNREADABLE[version.state] && html`<${Tag} text=${UNREADABLE[version.state]} kind="warn" />`}
      ${version.withdrawn && html`<${Tag} text="status.rolled_back" kind="warn" />`}
      ${version.current
        ? html`<${Tag} text="status.published" kind="accent" />`
        : !UNREADABLE[version.state] &&
          html`<button class="button button--small" type="button" aria-label=${t("status.roll_back.to", { version: version.version })} onClick=${onAsk}>
            ${t("status.roll_back")}
          </button>`}
    </td>
  </tr>
`;

const changes = ({ changed }) => {
  const list = Array.isArray(changed) ? changed : changed ? [String(changed)] : [];
  return list.length ? list.join(", ") : t("status.unchanged.version");
};

/** A roll-back, with a sentence on its effect before it is made. */
function request({ version, as_of: asOf }, current, done) {
  const parts = [
    current
      ? t("status.rollback.effect", { date: date(asOf), version, current: current.version, before: date(current.as_of) })
      : t("status.rollback.effect.alone", { date: date(asOf), version }),
    current && version < current.version && t("status.rollback.withdrawn"),
  ];
  return {
    title: t("status.rollback.title"),
    text: parts.filter(Boolean).join(" "),
    button: t("status.roll_back"),
    run: (token) => change(`/v1/data/versions/${encodeURIComponent(version)}/rollback`, token),
    done: () => done(version),
  };
}
