import { Feed } from "./feed.ts";
import type { Member, MemberEvent } from "./message.ts";

/**
 * Tells who is subscribed to a topic: first all who are, then every change. It holds the present state, not a queue: a program that looks away for long does
 * not see a member that came and went, and after a reconnect it sees the difference.
 */
export class MemberFeed extends Feed<MemberEvent> {
  /** Whose members these are. */
  readonly topic: string;
  readonly #leave: () => void;
  readonly #present = new Map<string, Member>(); // by the server
  readonly #known = new Map<string, Member>(); // by the program
  readonly #dirty = new Set<string>(); // whose state may differ

  /** @internal Made by {@link PubSub.watchMembers}. */
  constructor(topic: string, leave: () => void) {
    super();
    this.topic = topic;
    this.#leave = leave;
  }

  /** All who are members now, in the order of joining. */
  list(): Member[] {
    return [...this.#present.values()];
  }

  /** @internal Notes a join or leave. */
  change(member: Member, joined: boolean): void {
    if (this.closed) return;
    if (joined) this.#present.set(member.client, member);
    else this.#present.delete(member.client);
    this.#dirty.add(member.client);
    this.wake();
  }

  /** @internal Replaces everything. */
  reset(members: readonly Member[]): void {
    if (this.closed) return;
    for (const id of this.#present.keys()) this.#dirty.add(id);
    this.#present.clear();
    for (const member of members) {
      this.#present.set(member.client, member);
      this.#dirty.add(member.client);
    }
    this.answered();
    this.wake();
  }

  protected override take(): MemberEvent | undefined {
    for (const id of this.#dirty) {
      this.#dirty.delete(id);
      const event = this.#difference(id);
      if (event) return event;
    }
    return undefined;
  }

  /** Brings the program's knowledge about one client up to date. */
  #difference(id: string): MemberEvent | undefined {
    const now = this.#present.get(id);
    const then = this.#known.get(id);
    if (now && !then) {
      this.#known.set(id, now);
      return { type: "joined", member: now };
    }
    if (then && !now) {
      this.#known.delete(id);
      return { type: "left", member: then };
    }
    return undefined;
  }

  protected override leave(): void {
    this.#leave();
  }
}
