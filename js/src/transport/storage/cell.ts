import type { TrefoilError } from "../../status.ts";

/** Whether a storage is durable and what is wrong with it, for those who want to know. */
export class ProblemCell {
  #durable: boolean;
  #problem: TrefoilError | null;
  readonly #listeners = new Set<{ readonly fn: (problem: TrefoilError | null) => void }>();

  constructor(durable: boolean, problem: TrefoilError | null) {
    this.#durable = durable;
    this.#problem = problem;
  }

  get durable(): boolean {
    return this.#durable;
  }

  get problem(): TrefoilError | null {
    return this.#problem;
  }

  /** Changes it, and tells, unless that was known already. */
  set(durable: boolean, problem: TrefoilError | null): void {
    if (durable === this.#durable && problem?.reason === this.#problem?.reason) return;
    this.#durable = durable;
    this.#problem = problem;
    if (problem !== null) console.warn(`trefoil: storage: ${problem.toString()}`);
    for (const { fn } of [...this.#listeners]) {
      try {
        fn(problem);
      } catch (err) {
        queueMicrotask(() => {
          throw err; // the listener's defect is the program's uncaught error
        });
      }
    }
  }

  on(fn: (problem: TrefoilError | null) => void): () => void {
    const l = { fn };
    this.#listeners.add(l);
    return () => void this.#listeners.delete(l);
  }
}
