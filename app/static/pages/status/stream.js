/** The service's events, reconnected for ever. */

const KINDS = ["hello", "memory", "refresh", "alert", "version", "lake", "lost"];
const SILENCE_MS = 12_000; // a memory sample comes every second
const LONGEST_WAIT_MS = 15_000;
const WATCH_MS = 2000;

/**
 * Listen to a stream. `handlers` has a function for each kind of event, and `link(state)` with a
 * state of connecting, live, lost or retrying. A stream that falls silent is taken for lost.
 */
export class Stream {
  constructor(path, handlers) {
    this.path = path;
    this.handlers = handlers;
    this.failures = 0;
    this.heard = 0;
    this.online = () => this.retry();
    this.seen = () => document.hidden || this.#watch();
    this.watcher = setInterval(() => this.#watch(), WATCH_MS);
    addEventListener("online", this.online);
    document.addEventListener("visibilitychange", this.seen);
    this.#open();
  }

  /** Connect now, not when the wait is over. */
  retry() {
    if (!this.source) this.#open();
  }

  /** Listen no more. */
  close() {
    clearInterval(this.watcher);
    clearTimeout(this.timer);
    removeEventListener("online", this.online);
    document.removeEventListener("visibilitychange", this.seen);
    this.source?.close();
  }

  #open() {
    clearTimeout(this.timer);
    this.handlers.link(this.failures ? "retrying" : "connecting");
    this.heard = Date.now();
    this.source = new EventSource(this.path);
    this.source.onerror = () => this.#lose();
    for (const kind of KINDS) this.source.addEventListener(kind, (event) => this.#take(kind, event));
  }

  #take(kind, event) {
    this.heard = Date.now();
    if (kind === "lost") return this.#reopen(); // we were too slow: hello tells all again
    if (kind === "hello") this.#live();
    this.handlers[kind]?.(JSON.parse(event.data));
  }

  #live() {
    this.failures = 0;
    this.handlers.link("live");
  }

  #reopen() {
    this.source.close();
    this.#open();
  }

  #lose() {
    this.source?.close();
    this.source = null;
    const wait = Math.min(LONGEST_WAIT_MS, 1000 * 2 ** this.failures);
    this.failures += 1;
    this.timer = setTimeout(() => this.#open(), wait);
    this.handlers.link("lost");
  }

  #watch() {
    if (this.source && Date.now() - this.heard > SILENCE_MS) this.#lose();
  }
}
