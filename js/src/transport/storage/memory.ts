import type { TrefoilError } from "../../status.ts";
import { newKey } from "../key.ts";
import { ProblemCell } from "./cell.ts";
import type { SharedStorage, Storage } from "./storage.ts";

const nothing: ReadonlyMap<string, Uint8Array> = new Map();

/** What stands where nothing can be stored: a key of its own, and a reason. Nothing is kept, as who applies has it in memory anyway. */
export class MemoryStorage implements SharedStorage {
  readonly key: Uint8Array = newKey();
  readonly #cell: ProblemCell;

  constructor(problem: TrefoilError | null) {
    this.#cell = new ProblemCell(false, null);
    this.#cell.set(false, problem);
  }

  get durable(): boolean {
    return false;
  }

  get problem(): TrefoilError | null {
    return this.#cell.problem;
  }

  onProblem(fn: (problem: TrefoilError | null) => void): () => void {
    return this.#cell.on(fn);
  }

  load(): ReadonlyMap<string, Uint8Array> {
    return nothing;
  }

  apply(): Promise<void> {
    return Promise.resolve();
  }

  report(problem: TrefoilError): void {
    this.#cell.set(false, problem);
  }

  orphan(): Promise<Storage | null> {
    return Promise.resolve(null);
  }

  absorb(): Promise<null> {
    return Promise.resolve(null);
  }

  adopter(): null {
    return null;
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}
