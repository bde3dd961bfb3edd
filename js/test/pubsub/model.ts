import type { Value } from "../../src/codec/index.ts";
import type { Gap, PubSub, Subscription, SubscriptionEvent } from "../../src/pubsub/index.ts";
import { Cause } from "../../src/pubsub/index.ts";
import { FakeSession, settle } from "../rpc/fake.ts";
import { me } from "./helpers.ts";

/** Random numbers that a seed reproduces. */
export class Random {
  #state: number;

  constructor(seed: number) {
    this.#state = seed >>> 0;
  }

  /** 0 to n-1. */
  below(n: number): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let t = this.#state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) % n;
  }

  chance(percent: number): boolean {
    return this.below(100) < percent;
  }
}

interface Publication {
  epoch: number;
  offset: number;
  topic: string;
  prev: number;
  mine: boolean; // published "not to myself" by this client
}

interface Place {
  epoch: number;
  offset: number;
}

/** A subscription as the model of the server knows it. */
interface Sub {
  id: number;
  filter: string;
  live: boolean;
  cursor: Place;
  told: number; // gaps were told up to here
}

const matches = (filter: string, topic: string): boolean => filter === topic || filter === "t.*";
const epochName = (epoch: number): string => `e${epoch}`;
const epochNumber = (name: string): number => Number(name.slice(1));

/** A small server with one log. What it sends is under way until it is delivered, and lost when the connection is cut. */
export class Model {
  readonly all: Publication[] = [];
  /** Where the client's subscription to a filter began. */
  readonly starts = new Map<string, Place>();
  /** Up to where a change to an epoch has covered that epoch, by filter and epoch. */
  readonly jumps = new Map<string, number>();
  #epoch = 1;
  #head = 0;
  #floor = 0;
  #subs: Sub[] = [];
  #under: unknown[][] = [];
  #session: FakeSession;
  readonly #client: PubSub;
  readonly #random: Random;

  constructor(client: PubSub, random: Random) {
    this.#client = client;
    this.#random = random;
    this.#session = new FakeSession(client);
  }

  /** Answers what the client has sent. */
  hear(): void {
    for (const [, kind, filter, id, options] of this.#session.take()) {
      if (kind === 1) this.#subscribe(filter as string, id as number, (options ?? {}) as Record<string, Value>);
    }
  }

  /** Delivers up to n frames. */
  deliver(n: number): void {
    for (const frame of this.#under.splice(0, n)) this.#session.receive(frame);
  }

  cut(): void {
    this.#under = [];
    this.#subs = [];
    this.#session.end();
    this.#session = new FakeSession(this.#client);
  }

  publish(): void {
    const topic = this.#random.chance(50) ? "t.a" : "t.b";
    const last = this.all.filter((p) => p.epoch === this.#epoch && p.topic === topic).at(-1);
    this.#head += 1 + this.#random.below(3);
    const p = { epoch: this.#epoch, offset: this.#head, topic, prev: last?.offset ?? 0, mine: this.#random.chance(10) };
    this.all.push(p);
    const live = this.#subs.filter((s) => s.live && matches(s.filter, topic));
    if (live.length === 0) return;
    if (this.#random.chance(15)) return live.forEach((s) => this.#fallBehind(s)); // no room
    const frame = p.mine ? [2, 11, 3, topic, p.offset, p.prev] : [2, 8, 3, topic, p.offset, p.prev, me, null, p.offset, null];
    this.#under.push(frame);
    if (this.#random.chance(5)) this.#under.push(frame); // seen is seen
    for (const s of live) s.cursor.offset = p.offset;
  }

  /** History forgets its older half. */
  trim(): void {
    this.#floor = Math.max(this.#floor, Math.floor((this.#floor + this.#head) / 2));
  }

  renew(): void {
    this.#epoch++;
    this.#head = this.#floor = this.#random.below(30);
    for (const s of this.#subs) if (s.live) this.#fallBehind(s);
  }

  /** Sends the next part of history to whoever is behind; true if there was somebody. */
  catchUp(): boolean {
    const behind = this.#subs.filter((s) => !s.live);
    for (const s of behind) this.#step(s);
    return behind.length > 0;
  }

  get quiet(): boolean {
    return this.#under.length === 0;
  }

  #subscribe(filter: string, id: number, options: Record<string, Value>): void {
    let cursor: Place = { epoch: this.#epoch, offset: this.#head };
    if (typeof options["epoch"] === "string") {
      cursor = { epoch: epochNumber(options["epoch"]), offset: options["offset"] as number };
    } else {
      if (options["last"]) {
        const known = this.all.filter((p) => p.epoch === this.#epoch && matches(filter, p.topic) && p.offset > this.#floor);
        const first = known.slice(-(options["last"] as number))[0];
        if (first) cursor.offset = first.offset - 1;
      }
      this.starts.set(filter, { ...cursor });
    }
    const s: Sub = { id, filter, live: false, cursor, told: 0 };
    const replay = options["epoch"] !== undefined || options["last"] !== undefined;
    if (cursor.epoch !== this.#epoch) cursor.offset = this.#head;
    this.#under.push([2, 2, 3, id, "log", epochName(this.#epoch), cursor.offset, replay]);
    if (replay || cursor.epoch !== this.#epoch) s.live = false;
    else s.live = true;
    this.#subs.push(s);
  }

  #fallBehind(s: Sub): void {
    s.live = false;
    this.#under.push([2, 9, 3, s.id, 0, false, []]);
  }

  #step(s: Sub): void {
    if (s.cursor.epoch !== this.#epoch) {
      s.cursor = { epoch: this.#epoch, offset: this.#head };
      s.told = 0;
      const key = `${s.filter} ${this.#epoch}`;
      this.jumps.set(key, Math.max(this.jumps.get(key) ?? 0, this.#head));
      this.#under.push([2, 10, 3, s.id, Cause.EpochChanged, epochName(this.#epoch), this.#head, this.#head, null]);
      return;
    }
    if (this.#floor > Math.max(s.cursor.offset, s.told)) {
      s.told = this.#floor;
      this.#under.push([2, 10, 3, s.id, Cause.HistoryLost, epochName(this.#epoch), s.cursor.offset, this.#floor, null]);
      return;
    }
    const left = this.all.filter((p) => p.epoch === this.#epoch && p.offset > Math.max(s.cursor.offset, this.#floor) && matches(s.filter, p.topic));
    const part = left.slice(0, 3);
    const upTo = part.length < left.length ? part.at(-1)!.offset : this.#head;
    s.live = upTo === this.#head && this.#random.chance(70);
    const entries = part.map((p) => (p.mine ? [p.topic, p.offset] : [p.topic, p.offset, me, null, p.offset, null]));
    this.#under.push([2, 9, 3, s.id, upTo, s.live, entries]);
    s.cursor.offset = upTo;
  }
}

/** Checks what one subscription yields against what was published. */
export class Checker {
  readonly #sub: Subscription;
  readonly #model: Model;
  readonly #iterator: AsyncIterator<SubscriptionEvent>;
  readonly #got: Publication[] = [];
  readonly gaps: { gap: Gap; behind: number }[] = []; // behind so many messages
  #next: Promise<IteratorResult<SubscriptionEvent>> | null = null;

  constructor(sub: Subscription, model: Model) {
    this.#sub = sub;
    this.#model = model;
    this.#iterator = sub[Symbol.asyncIterator]();
  }

  /** Takes up to n events that wait. */
  async take(n: number): Promise<number> {
    for (let i = 0; i < n; i++) {
      this.#next ??= this.#iterator.next();
      const result = await Promise.race([this.#next, settle()]);
      if (!result || result.done) return i;
      this.#next = null;
      this.#note(result.value);
    }
    return n;
  }

  #note(e: SubscriptionEvent): void {
    if (e.type === "gap") {
      this.gaps.push({ gap: e, behind: this.#got.length });
      return;
    }
    const { epoch, offset } = e.position!;
    const p = this.#model.all.find((q) => q.epoch === epochNumber(epoch) && q.offset === offset);
    if (!p || p.topic !== e.topic || e.value !== offset || p.mine) throw new Error(`made up: ${epoch} ${offset}`);
    const before = this.#got.at(-1);
    if (before && (before.epoch > p.epoch || (before.epoch === p.epoch && before.offset >= p.offset))) {
      throw new Error(`${this.#sub.filter}: ${epoch} ${offset} is twice or out of order`);
    }
    this.#got.push(p);
  }

  /** Throws unless all that was published since the subscription began came, or a gap tells of it. */
  verify(): void {
    const start = this.#model.starts.get(this.#sub.filter)!;
    for (const p of this.#model.all) {
      if (p.mine || !matches(this.#sub.filter, p.topic)) continue;
      if (p.epoch < start.epoch || (p.epoch === start.epoch && p.offset <= start.offset)) continue;
      if (this.#got.includes(p) || this.gaps.some((g) => this.#covers(g, p))) continue;
      throw new Error(`${this.#sub.filter}: ${epochName(p.epoch)} ${p.offset} is lost without a word`);
    }
  }

  #covers({ gap: g, behind }: { gap: Gap; behind: number }, p: Publication): boolean {
    if (g.epoch === null) return false;
    const next = this.#got[behind];
    if (g.cause === Cause.BufferFull && g.to === 0) {
      return !next || p.epoch < next.epoch || (p.epoch === next.epoch && p.offset < next.offset);
    }
    const epoch = epochNumber(g.epoch);
    if (epoch === p.epoch && g.after < p.offset && p.offset <= g.to) return true;
    if (g.cause !== Cause.EpochChanged) return false;
    return p.epoch < epoch || (p.epoch === epoch && p.offset <= (this.#model.jumps.get(`${this.#sub.filter} ${epoch}`) ?? 0));
  }
}
