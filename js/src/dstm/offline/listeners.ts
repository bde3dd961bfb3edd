import { guarded } from "../feed.ts";

/** Functions of the user that want to hear of something. */
export class Listeners {
  readonly #all = new Set<{ readonly fn: () => void }>();

  on(fn: () => void): () => void {
    const l = { fn };
    this.#all.add(l);
    return () => void this.#all.delete(l);
  }

  tell(): void {
    for (const l of [...this.#all]) {
      if (this.#all.has(l)) guarded(l.fn);
    }
  }
}
