/** Changes that need a token: asked for in a dialog, kept until the tab is closed. */

import { Refused } from "../api.js";
import { html, useEffect, useRef, useState } from "../ui.js";
import { t } from "../words.js";
import { sentence } from "./parts.js";

const KEY = "stockrank-token";
const STEP = "permission";
const MEANINGS = { 401: "status.token.wrong", 403: "status.token.machine" };

const token = () => sessionStorage.getItem(KEY) ?? "";

/** A refusal as a sentence for people. */
function explained({ status, message, retryAfter }) {
  const text = MEANINGS[status] ? t(MEANINGS[status]) : sentence(message) || t("state.offline");
  return status === 429 && retryAfter ? `${text} ${t("status.token.wait", { seconds: retryAfter })}` : text;
}

/**
 * `attempt` does something with the token there is, and asks for one only if it is refused; `ask`
 * asks first. A request is `{title, text, button, run(token), done(answer), failed(text, status)}`.
 */
export function usePermission() {
  const [request, set] = useState(null);
  const ask = (wanted, error = "") => set({ ...wanted, error });
  const attempt = async (wanted) => {
    try {
      wanted.done(await wanted.run(token()));
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      if (error.status !== 401) return wanted.failed(explained(error), error.status);
      ask(wanted, token() ? t(MEANINGS[401]) : "");
    }
  };
  return { ask, attempt, dialog: request && html`<${Dialog} request=${request} onClose=${() => set(null)} />` };
}

/** Show a dialog as a step that Back takes away; it takes its own step away when it is closed. */
function useStep(box, onClose) {
  useEffect(() => {
    const dialog = box.current;
    const isHere = () => history.state?.dialog === STEP;
    const popped = () => isHere() || dialog.close();
    const closed = () => {
      if (isHere()) history.back();
      onClose();
    };
    history.pushState({ dialog: STEP }, "");
    addEventListener("popstate", popped);
    dialog.addEventListener("close", closed);
    dialog.showModal();
    return () => {
      removeEventListener("popstate", popped);
      dialog.removeEventListener("close", closed);
    };
  }, []);
}

function Dialog({ request, onClose }) {
  const box = useRef();
  const field = useRef();
  const [error, tell] = useState(request.error);
  const [busy, set] = useState(false);
  useStep(box, onClose);
  useEffect(() => field.current.focus(), []);
  const close = () => box.current.close();
  const submit = async (event) => {
    event.preventDefault();
    set(true);
    try {
      const given = field.current.value.trim();
      const answer = await request.run(given);
      if (given) sessionStorage.setItem(KEY, given);
      close();
      request.done(answer);
    } catch (refused) {
      if (!(refused instanceof Refused)) throw refused;
      tell(explained(refused));
    } finally {
      set(false);
    }
  };
  return html`
    <dialog class="dialog" ref=${box} aria-labelledby="permission-title" aria-describedby="permission-text" onClick=${(event) => event.target === box.current && close()}>
      <form onSubmit=${submit}>
        <h2 id="permission-title">${request.title}</h2>
        <p id="permission-text">${request.text}</p>
        <label class="field">
          <span class="field__label">${t("status.token")}</span>
          <input ref=${field} type="password" autocomplete="off" defaultValue=${token()} aria-invalid=${error ? "true" : null} aria-describedby="permission-hint permission-error" />
          <small id="permission-hint">${t("status.token.hint")}</small>
        </label>
        <p class="dialog__error" id="permission-error" role="alert">${error}</p>
        <div class="dialog__buttons">
          <button class="button" type="button" onClick=${close}>${t("status.cancel")}</button>
          <button class="button button--strong" type="submit" disabled=${busy}>${request.button}</button>
        </div>
      </form>
    </dialog>
  `;
}
