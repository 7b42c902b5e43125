/** Pieces of news that are remembered; older ones have long been worked off. */
const MOST = 10_000;

/**
 * Processes that share a queue find out separately what moved in a store. A job carries which news it is about, so that
 * a process that takes another's job reads the paths again, once for each piece of news.
 */
export class News {
  readonly #isShared: boolean;
  readonly #id: string;
  readonly #known = new Set<string>();
  #count = 0;

  constructor(isShared: boolean, random: () => number) {
    this.#isShared = isShared;
    this.#id = Math.floor(random() * 2 ** 48).toString(36);
  }

  /** The reason, with the name of a new piece of news of ours. */
  mark(reason: string): string {
    if (!this.#isShared) return reason;
    this.#count += 1;
    return `${reason} ${this.#id}.${this.#count}`;
  }

  /** May what we have read of the path be older than the job with this reason? */
  isNew(reason: string, store: string, path: string): boolean {
    if (!this.#isShared) return false;
    const [, id, count] = /^\w+ (\w+)\.(\d+)$/.exec(reason) ?? [];
    if (id === undefined || count === undefined) return true;
    if (id === this.#id) return false;
    const name = JSON.stringify([id, count, store, path]);
    if (this.#known.has(name)) return false;
    this.#known.add(name);
    const [oldest] = this.#known;
    if (this.#known.size > MOST && oldest !== undefined) this.#known.delete(oldest);
    return true;
  }
}
