import type { Pattern } from "../pattern.ts";
import type { Environment } from "../socket.ts";
import type { Adopter, Connect, SharedStorage, Storage } from "./storage.ts";

/** How often it is looked for tabs that died meanwhile, in ms. */
const LOOK = 60_000;

/**
 * Works off what tabs that died have left: one after another is connected as the client that it was until its queue is empty. What is left then needs a decision of the
 * user, and moves to the own storage.
 */
export class Adoption implements Adopter {
  #running: Promise<void> | null = null;
  #timer: unknown = null;
  #stopped = false;
  #stop: () => void = () => {};
  readonly #stopping = new Promise<false>((resolve) => (this.#stop = () => resolve(false)));

  constructor(
    readonly storage: SharedStorage,
    readonly patterns: readonly Pattern[],
    readonly connect: Connect,
    readonly env: Environment,
  ) {}

  start(): void {
    if (this.#stopped || this.#running !== null) return;
    this.env.clearTimeout(this.#timer);
    this.#running = this.#all().finally(() => {
      this.#running = null;
      if (!this.#stopped) this.#timer = this.env.setTimeout(() => this.start(), LOOK);
    });
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    this.env.clearTimeout(this.#timer);
    this.#stop();
    await this.#running;
  }

  async #all(): Promise<void> {
    while (!this.#stopped) {
      const orphan = await this.storage.orphan();
      if (orphan === null) return;
      if (!(await this.#one(orphan))) return;
    }
  }

  /** Says whether it came to its end. */
  async #one(orphan: Storage): Promise<boolean> {
    const forks = this.patterns.flatMap((p) => p.fork?.(orphan) ?? []);
    const client = this.connect(orphan, forks);
    let leave = (): void => {};
    const ended = new Promise<false>((resolve) => (leave = client.onState((s) => s.phase === "closed" && resolve(false))));
    const drained = Promise.all(forks.map((f) => f.drained?.())).then(() => true);
    const done = await Promise.race([drained, ended, this.#stopping]);
    const moved = done ? await this.storage.absorb(orphan) : null;
    leave();
    await client.close(); // closes the orphan too
    if (moved === null) return false;
    for (const p of this.patterns) p.absorb?.(moved.get(p.name) ?? new Map());
    return true;
  }
}
