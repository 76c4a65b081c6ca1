/** The kept versions, each with a way back to it. */

import { change } from "./api.js";
import { byId, el, show, state } from "./dom.js";
import { agoTime, day, ofBytes, whole } from "./format.js";
import { head, headOfNumbers } from "./tables.js";

/**
 * Values that are not known of a damaged version, or of one of another layout, are null.
 * @typedef {{version: string, created_at: string | null, as_of: string | null,
 *   rows: number | null, bytes: number | null, current: boolean, withdrawn: boolean,
 *   state: string, changed: string[] | string | null}} Version
 */

/** States of versions that nobody can roll back to. */
const UNREADABLE = new Set(["damaged", "other layout"]);

export class Versions {
  /** `permission` asks before a roll-back; `done(version)` is called after one. */
  constructor({ permission, done }) {
    this.permission = permission;
    this.done = done;
  }

  /** @param {Version[]} versions, newest first */
  draw(versions) {
    const region = byId("versions");
    if (!versions.length)
      return show(
        region,
        state("No version yet", "Each refresh publishes one; the newest few are kept."),
      );
    show(
      region,
      el(
        "table",
        { class: "stack" },
        el("caption", { class: "vh" }, "Kept versions, newest first"),
        el(
          "thead",
          {},
          el(
            "tr",
            {},
            ["Version", "Closes of"].map(head),
            ["Rows", "Size"].map(headOfNumbers),
            el("th", { scope: "col" }, el("span", { class: "vh" }, "Roll back")),
          ),
        ),
        el(
          "tbody",
          {},
          versions.map((version) =>
            this.#line(
              version,
              versions.find((v) => v.current),
            ),
          ),
        ),
      ),
    );
  }

  #line(version, current) {
    return el(
      "tr",
      { "data-version": version.version },
      el(
        "th",
        { scope: "row", class: "s-main" },
        el("span", { class: "id nowrap" }, version.version),
        version.created_at &&
          el("span", { class: "cell-2" }, agoTime(version.created_at), ` · ${changes(version)}`),
      ),
      el("td", { class: "nowrap s-side" }, day(version.as_of)),
      el("td", { class: "num s-one s-rows" }, whole(version.rows)),
      el("td", { class: "num s-two" }, ofBytes(version.bytes)),
      el(
        "td",
        { class: "num s-end" },
        UNREADABLE.has(version.state) && [tag("warn", version.state), " "],
        version.current
          ? tag("accent", "published")
          : !UNREADABLE.has(version.state) && this.#button(version, current),
      ),
    );
  }

  #button(version, current) {
    return [
      version.withdrawn && [tag("warn", "rolled back"), " "],
      el(
        "button",
        {
          class: "button button--small",
          type: "button",
          "aria-label": `Roll back to ${version.version}`,
          click: () => this.#ask(version, current),
        },
        "Roll back",
      ),
    ];
  }

  #ask(version, current) {
    this.permission.ask({
      title: "Publish this version?",
      text: question(version, current),
      button: "Roll back",
      run: (token) =>
        change(`/v1/data/versions/${encodeURIComponent(version.version)}/rollback`, token),
      done: () => this.done(version.version),
    });
  }
}

function tag(kind, text) {
  return el("span", { class: `tag tag--${kind}` }, text);
}

function changes({ changed }) {
  const list = Array.isArray(changed) ? changed : changed ? [String(changed)] : [];
  return list.length ? list.join(", ") : "nothing changed";
}

/** A sentence on the effect of a roll-back, before it is made. */
function question(version, current) {
  const back = !current || version.version < current.version;
  return (
    `Rankings with closes of ${day(version.as_of)} from version ${version.version} are then served` +
    (current ? ` in place of ${current.version}, of ${day(current.as_of)}. ` : ". ") +
    (back && current
      ? "The newer version is withdrawn: a refresh does not publish the same state of the database again."
      : "")
  );
}
