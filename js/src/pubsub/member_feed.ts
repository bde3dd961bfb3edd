import { tooLarge } from "./errors.ts";
import { Feed } from "./feed.ts";
import type { Member, MemberEvent } from "./message.ts";

/** The most members that a feed holds: more than a frame of the usual size can list. */
export const maxMembers = 1 << 17;

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
    this.#touch(member.client);
    this.#bound();
    this.wake();
  }

  /** Notes whether there is something to tell about a client; so what is noted stays as bounded as those who are present. */
  #touch(id: string): void {
    if (this.#present.has(id) === this.#known.has(id)) this.#dirty.delete(id);
    else this.#dirty.add(id);
  }

  /** Ends the feed if there are more members than it holds: a server does not keep more than fit into a frame. */
  #bound(): void {
    if (this.#present.size <= maxMembers) return;
    this.leave();
    this.end(tooLarge(`the topic has more than ${maxMembers} members`));
  }

  /** @internal Replaces everything. */
  reset(members: readonly Member[]): void {
    if (this.closed) return;
    const before = [...this.#present.keys()];
    this.#present.clear();
    for (const member of members) this.#present.set(member.client, member);
    for (const id of before) this.#touch(id);
    for (const id of this.#present.keys()) this.#touch(id);
    this.#bound();
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
