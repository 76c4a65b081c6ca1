/** Changes that need a token: asked for in a dialog, kept until the tab is closed. */

import { Refused } from "./api.js";
import { closesOnBack, showAsStep } from "./back.js";
import { byId } from "./dom.js";

const KEY = "stockrank-token";
const MEANING = {
  401: "The token is missing or wrong; it is the value of STOCKRANK_API_TOKEN on the server.",
  403: "The service has no token and takes changes from its own machine only; set STOCKRANK_API_TOKEN on the server to change things from here.",
};

/** A refusal as a sentence for people. @param {Refused} refused */
export function explained(refused) {
  const wait =
    refused.status === 429 && refused.retryAfter ? ` Try again in ${refused.retryAfter} s.` : "";
  return (MEANING[refused.status] ?? refused.message) + wait;
}

export class Permission {
  constructor() {
    this.dialog = /** @type {HTMLDialogElement} */ (byId("permission"));
    this.input = /** @type {HTMLInputElement} */ (byId("permission-token"));
    this.button = /** @type {HTMLButtonElement} */ (byId("permission-do"));
    byId("permission-form").addEventListener("submit", (event) => this.#submit(event));
    // Nothing of the token stays in the page.
    this.dialog.addEventListener("close", () => {
      this.input.value = "";
    });
    closesOnBack(this.dialog);
  }

  get token() {
    return sessionStorage.getItem(KEY) ?? "";
  }

  /** Do something with the token there is; ask for one only if it is refused. */
  async attempt(request) {
    try {
      request.done(await request.run(this.token));
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      if (error.status !== 401) return request.failed(explained(error), error.status);
      this.ask(request, this.token ? MEANING[401] : "");
    }
  }

  /**
   * Ask first, with a field for the token.
   * @param {{title: string, text: string, button: string, run: (token: string) => Promise<unknown>,
   *   done: (answer: unknown) => void}} request
   */
  ask(request, error = "") {
    this.request = request;
    byId("permission-title").textContent = request.title;
    byId("permission-text").textContent = request.text;
    this.button.textContent = request.button;
    this.input.value = this.token;
    this.#tell(error);
    showAsStep(this.dialog);
    this.input.focus();
  }

  async #submit(event) {
    event.preventDefault();
    this.#busy(true);
    try {
      await this.#run(this.input.value.trim());
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      this.#tell(explained(error));
    } finally {
      this.#busy(false);
    }
  }

  async #run(token) {
    const answer = await this.request.run(token);
    if (token) sessionStorage.setItem(KEY, token);
    this.dialog.close();
    this.request.done(answer);
  }

  #tell(error) {
    byId("permission-error").textContent = error;
    this.input.toggleAttribute("aria-invalid", Boolean(error));
  }

  #busy(is) {
    this.button.setAttribute("aria-disabled", String(is));
  }
}
