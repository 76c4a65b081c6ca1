/** Calls of the service. */

/** An answer other than success, with the sentence that came with it. */
export class Refused extends Error {
  /** @param {number} status @param {string} detail @param {string | null} [retryAfter] */
  constructor(status, detail, retryAfter = null) {
    super(detail);
    this.status = status;
    this.retryAfter = retryAfter;
  }
}

/** The JSON of a path. @throws {Refused} */
export const read = (path) => call(path, {});

/** Change something, with a token if there is one. @throws {Refused} */
export const change = (path, token) =>
  call(path, { method: "POST", headers: token ? { Authorization: `Bearer ${token}` } : {} });

async function call(path, options) {
  const answer = await fetch(path, {
    cache: "no-cache",
    ...options,
    headers: { Accept: "application/json", ...options.headers },
  }).catch(() => {
    throw new Refused(0, "The service does not answer.");
  });
  const body = await answer.json().catch(() => null);
  if (!answer.ok)
    throw new Refused(answer.status, detailOf(answer, body), answer.headers.get("Retry-After"));
  return body;
}

const detailOf = (answer, body) =>
  typeof body?.detail === "string"
    ? sentence(body.detail)
    : `The service answered ${answer.status}.`;

/** Text that begins and ends as a sentence does. */
export function sentence(text) {
  const capital = text.charAt(0).toUpperCase() + text.slice(1);
  return /[.!?]$/.test(capital) ? capital : `${capital}.`;
}
