import type { Value } from "../codec/value.ts";
import { aborted } from "../internal/aborted.ts";
import { Backlog } from "../internal/backlog.ts";
import { fits, isMap } from "../internal/body.ts";
import { goodMetadata, maxName } from "../internal/limits.ts";
import type { TrefoilError } from "../status.ts";
import type { Pattern, Receiver } from "../transport/pattern.ts";
import type { Session } from "../transport/session.ts";
import type { Storage } from "../transport/storage/storage.ts";
import { badRequest, closed, notConnected, tooMany } from "./errors.ts";
import type { OutFrame } from "./frames.ts";
import { membersFrame, publishFrame } from "./frames.ts";
import { Link } from "./link.ts";
import { Matcher } from "./matcher.ts";
import { MemberFeed } from "./member_feed.ts";
import type { Member, Position } from "./message.ts";
import { checkFilter, checkTopic } from "./name.ts";
import type { Outcome } from "./request.ts";
import { Request } from "./request.ts";
import type { SubscribeOptions } from "./subscription.ts";
import { Subscription, beginOf, queueOf } from "./subscription.ts";
import type { Begin } from "./wire.ts";
import { Wire } from "./wire.ts";

/** Options of a {@link PubSub}; all may be left out. */
export interface PubSubOptions {
  /** How many publishes and queries may wait for their answers; more fail at once with `pubsub.too_many`. A positive integer; default 256. */
  maxPending?: number | undefined;
  /** Where publications with `queue` wait: what `openStorage` gave, the same as that of the connection. Default: in memory. */
  storage?: Storage | undefined;
  /** How many of those may wait, and their bytes; one more fails at once with `pubsub.too_many`. Defaults 256 and 1 MiB. */
  queueLength?: number | undefined;
  queueBytes?: number | undefined;
}

/** Options of one publication; all may be left out. */
export interface PublishOptions {
  /** Keeps the publication from this client. Default false. */
  notToMyself?: boolean | undefined;
  /** Goes with it: at most 32 entries, keys of 255 bytes, values of 4 KiB. Default: none. */
  metadata?: Readonly<Record<string, string>> | undefined;
  /** What the publication is about, in at most 255 bytes. Default: none. */
  key?: string | undefined;
  /** Gives up waiting for the answer; the outcome is unknown if it had been sent. Default: none. */
  signal?: AbortSignal | undefined;
  /**
   * Keeps the publication until the broker has answered it: without a session it waits for one, and if a session ends before the answer it is sent again in the next; so it may be
   * published twice. Those of one client go in order. With a storage also over a reload. The signal takes it back. Default false.
   */
  queue?: boolean | undefined;
}

/**
 * The client's side of pub/sub. It is a {@link Pattern}: hand it to one client, over whose reconnects its subscriptions live on, each from
 * where it stood.
 */
export class PubSub implements Pattern {
  readonly name = "pubsub";
  /** @internal By id, as they were made. */
  readonly wires = new Map<number, Wire>();
  /** @internal */
  readonly matcher = new Matcher<Wire>();
  readonly #maxPending: number;
  readonly #options: PubSubOptions;
  readonly #backlog: Backlog<Position | null>;
  #link: Link | null = null;
  #lastId = 0; // of requests and subscriptions, over all sessions
  #closed: TrefoilError | null = null;

  /** Throws invalid_argument for options that make no sense. */
  constructor(options: PubSubOptions = {}) {
    this.#maxPending = options.maxPending ?? 256;
    if (!Number.isSafeInteger(this.#maxPending) || this.#maxPending < 1) throw badRequest("maxPending is a positive integer");
    const [most, mostBytes] = [options.queueLength ?? 256, options.queueBytes ?? 1 << 20];
    if (!(most >= 0) || !(mostBytes >= 0)) throw badRequest("queueLength and queueBytes are no negative numbers");
    this.#options = options;
    this.#backlog = new Backlog<Position | null>({
      room: "pubsub", storage: options.storage ?? null, most, mostBytes,
      full: () => tooMany(most),
      check: checkPublication,
      send: async (content) => {
        const [topic, notToMyself, metadata, payload, key] = content as [string, boolean, Record<string, string> | null, Value, string | null];
        return (await this.#request(undefined, (id) => publishFrame(topic, id, notToMyself, metadata ?? undefined, payload, key ?? undefined))).position;
      },
    });
  }

  /** Implements {@link Pattern}: whatever was subscribed is subscribed again, from where it stood. */
  attach(session: Session): Receiver {
    const link = new Link(this, session);
    if (this.#closed) return link; // the other patterns may go on
    this.#link = link;
    for (const wire of this.wires.values()) {
      wire.state = "unsent"; // what the old session said is void
      link.subscribe(wire);
    }
    this.#backlog.start();
    return link;
  }

  /** Implements {@link Pattern}: no session will come any more, so all subscriptions end. */
  finish(err: TrefoilError): void {
    this.#finish(closed(err));
  }

  /** Ends all subscriptions and fails what waits for an answer, for good. It does not close the connection. Closing twice is harmless. */
  close(): void {
    this.#finish(closed());
  }

  #finish(err: TrefoilError): void {
    if (this.#closed) return;
    this.#closed = err;
    this.#backlog.close(err);
    const link = this.#link;
    const wires = [...this.wires.values()];
    this.#link = null;
    for (const wire of wires) {
      this.remove(wire);
      link?.unsubscribe(wire); // as a courtesy
      wire.finish(err);
    }
    link?.abandon(err);
  }

  /**
   * Publishes value on topic. It resolves when the broker has accepted it, with its position, null if the topic keeps no history. Without
   * a session it fails at once with `pubsub.not_connected`. An error whose `unknown` is set leaves open whether it was published; any other means that it was not.
   */
  async publish(topic: string, value: unknown, options: PublishOptions = {}): Promise<Position | null> {
    checkTopic(topic);
    const { key, metadata, notToMyself, signal } = options;
    if (key !== undefined && !fits(key, maxName)) throw badRequest(`the key is longer than ${maxName} bytes`);
    if (metadata && !goodMetadata(metadata)) throw badRequest("metadata is at most 32 strings of 4 KiB under keys of 255 bytes");
    const own = metadata && { ...metadata };
    const payload = value === undefined ? null : value;
    if (options.queue === true) return this.#backlog.add([topic, notToMyself === true, own ?? null, payload, key ?? null], signal);
    const outcome = await this.#request(signal, (id) => publishFrame(topic, id, notToMyself === true, own, payload, key));
    return outcome.position;
  }

  /**
   * Subscribes to a topic or filter. It returns at once and survives reconnects; {@link Subscription.ready} tells when the server has answered.
   * Throws `pubsub.bad_topic` and `pubsub.bad_request`; what the server refuses ends the subscription with its error.
   */
  subscribe<T = Value>(filter: string, options: SubscribeOptions = {}): Subscription<T> {
    checkFilter(filter);
    const begin = beginOf(options);
    const subscription = new Subscription<T>(filter, queueOf(filter, options), (s) => this.#unsubscribe(s));
    if (this.#closed) subscription.end(this.#closed);
    else if (options.signal?.aborted) subscription.close();
    else this.#join(filter, begin, subscription as Subscription<unknown>);
    subscription.follow(options.signal);
    return subscription;
  }

  /**
   * Lists who is subscribed to topic on the server's node, in the order of joining. It needs the permission to subscribe. `pubsub.no_members` if the
   * topic's rule does not keep them; `pubsub.not_connected` at once without a session.
   */
  async members(topic: string, options: { signal?: AbortSignal | undefined } = {}): Promise<Member[]> {
    checkTopic(topic);
    return (await this.#request(options.signal, (id) => membersFrame(topic, id))).members;
  }

  /**
   * Follows the members of topic on the server's node. It needs the permission to subscribe, and does not make this client a member. It
   * returns at once, as {@link subscribe} does.
   */
  watchMembers(topic: string, options: { signal?: AbortSignal | undefined } = {}): MemberFeed {
    checkTopic(topic);
    const feed = new MemberFeed(topic, () => {
      for (const wire of this.wires.values()) if (wire.watch === feed) this.#leave(wire);
    });
    if (this.#closed) feed.end(this.#closed);
    else if (!options.signal?.aborted) this.#add(topic, { from: null, last: 0 }, feed);
    feed.follow(options.signal);
    return feed;
  }

  /** Implements {@link Pattern}. */
  fork(storage: Storage): PubSub | null {
    return this.#options.storage ? new PubSub({ ...this.#options, storage }) : null;
  }

  /** Implements {@link Pattern}. */
  drained(): Promise<void> {
    return this.#backlog.drained();
  }

  /** @internal */
  detach(link: Link): void {
    if (this.#link !== link) return;
    this.#link = null;
    this.#backlog.stop();
  }

  /** @internal Takes a wire out: refused, ended, or left by its last subscription. */
  remove(wire: Wire): void {
    this.wires.delete(wire.id);
    if (!wire.watch) this.matcher.remove(wire.filter, wire);
  }

  #request(signal: AbortSignal | undefined, frame: (id: number) => OutFrame): Promise<Outcome> {
    return new Promise((resolve, reject) => {
      const link = this.#link;
      if (signal?.aborted) throw aborted(signal, false);
      if (this.#closed) throw this.#closed;
      if (!link) throw notConnected();
      if (link.pending >= this.#maxPending) throw tooMany(this.#maxPending);
      const id = ++this.#lastId;
      link.send(new Request(id, frame(id), link, signal, resolve, reject));
    });
  }

  #join(filter: string, begin: Begin, subscription: Subscription<unknown>): void {
    let wire = begin.from || begin.last > 0 ? undefined : this.#shared(filter);
    wire ??= this.#add(filter, begin, null);
    wire.sinks.add(subscription);
    if (wire.started) subscription.answered();
  }

  #shared(filter: string): Wire | undefined {
    for (const wire of this.wires.values()) if (wire.filter === filter && wire.joinable) return wire;
    return undefined;
  }

  #add(filter: string, begin: Begin, watch: MemberFeed | null): Wire {
    const wire = new Wire(filter, ++this.#lastId, begin, watch);
    this.wires.set(wire.id, wire);
    if (!watch) this.matcher.add(filter, wire);
    this.#link?.subscribe(wire);
    return wire;
  }

  #unsubscribe(subscription: Subscription<unknown>): void {
    for (const wire of this.wires.values()) {
      if (wire.sinks.delete(subscription) && wire.sinks.size === 0) this.#leave(wire);
    }
  }

  #leave(wire: Wire): void {
    this.remove(wire);
    this.#link?.unsubscribe(wire);
  }
}

/** Throws unless content is that of a publication. */
function checkPublication(content: readonly Value[]): void {
  const [topic, notToMyself, metadata, payload, key] = content;
  const texts = metadata === null || (isMap(metadata) && goodMetadata(metadata as Record<string, string>));
  if (content.length !== 5 || typeof topic !== "string" || typeof notToMyself !== "boolean" || !texts || payload === undefined) throw badRequest("no publication");
  if (key !== null && !(typeof key === "string" && fits(key, maxName))) throw badRequest("no key");
  checkTopic(topic);
}
