import { decode, encode } from "../codec/index.ts";
import type { Value } from "../codec/value.ts";
import { Code, TrefoilError } from "../status.ts";
import type { Storage } from "../transport/storage/storage.ts";
import { aborted } from "./aborted.ts";
import { openRecord, sealRecord } from "./record.ts";

/** After what time something is sent again that the other side had no room for, in ms. */
const AGAIN = 1000;
/** After what time it is looked whether there is a session again, in ms; the next one asks by itself. */
const SOON = 20;

/** How a {@link Backlog} works. */
export interface BacklogOptions<R> {
  /** The space of its records, and the beginning of its reasons. */
  readonly room: string;
  readonly storage: Storage | null;
  readonly most: number;
  readonly mostBytes: number;
  /** What is thrown for one more than fits. */
  full(): TrefoilError;
  /** Checks the content of a record; throws if it is none that was made here. */
  check(content: readonly Value[]): void;
  /** Sends one and waits for the answer. */
  send(content: readonly Value[]): Promise<R>;
}

interface Item<R> {
  readonly key: string;
  readonly content: readonly Value[];
  readonly bytes: number;
  sent: boolean;
  flying: boolean;
  resolve(result: R): void;
  reject(err: TrefoilError): void;
}

/**
 * What waits to be sent until it was answered, over sessions, and with a storage over restarts: at least once, in order. So one is sent when the one before it was answered: of several on
 * their way a later one could be taken after an earlier one was refused for now, as busy.
 */
export class Backlog<R> {
  readonly #o: BacklogOptions<R>;
  #items: Item<R>[] = [];
  #open = false;
  /** Counts sessions. */
  #session = 0;
  #over: TrefoilError | null = null;
  #last = 0;
  #writing = 0;
  #timer: ReturnType<typeof setTimeout> | null = null;
  #idle: (() => void)[] = [];

  constructor(options: BacklogOptions<R>) {
    this.#o = options;
    const { room, storage } = options;
    for (const [key, record] of [...(storage?.load(room) ?? [])].sort(([a], [b]) => (a < b ? -1 : 1))) {
      if (!key.startsWith("work/")) continue;
      this.#last = Math.max(this.#last, Number.parseInt(key.slice(5), 16) || 0);
      try {
        const content = openRecord(key, record, room).list();
        const values: Value[] = [];
        while (content.left > 0) values.push(content.value());
        options.check(values);
        this.#items.push({ key, content: values, bytes: record.length, sent: true, flying: false, resolve: () => undefined, reject: () => undefined });
      } catch {
        storage?.report(new TrefoilError(Code.DataLoss, "transport.storage_damaged", `records of ${room} cannot be read; they are kept as they are`));
      }
    }
  }

  /** Takes one more, and waits for its answer. The signal takes it back. */
  add(content: readonly unknown[], signal: AbortSignal | undefined): Promise<R> {
    return new Promise((resolve, reject) => {
      if (this.#over !== null) throw this.#over;
      if (signal?.aborted) throw aborted(signal, false);
      const copy = decode(encode(content)) as Value[];
      this.#last = Math.max(this.#last + 1, Date.now() * 1000);
      const key = `work/${this.#last.toString(16).padStart(16, "0")}`;
      const record = sealRecord(key, [copy]);
      const bytes = this.#items.reduce((n, i) => n + i.bytes, record.length);
      if (this.#items.length >= this.#o.most || bytes > this.#o.mostBytes) throw this.#o.full();
      const end = (): void => signal?.removeEventListener("abort", abort);
      const abort = (): void => this.#settle(item, () => item.reject(aborted(signal as AbortSignal, item.sent)));
      const item: Item<R> = {
        key, content: copy, bytes: record.length, sent: false, flying: false,
        resolve: (result) => (end(), resolve(result)),
        reject: (err) => (end(), reject(err)),
      };
      signal?.addEventListener("abort", abort);
      this.#items.push(item);
      this.#write(key, record);
      this.#pump();
    });
  }

  /** A session is open. */
  start(): void {
    this.#over = null;
    this.#open = true;
    this.#pump();
  }

  /** It has ended: what was sent on it is to be sent again. */
  stop(): void {
    this.#open = false;
    this.#session++;
    for (const item of this.#items) item.flying = false;
  }

  /** Nothing will be sent any more: who waits is told so. What is stored goes on in the next process. */
  close(err: TrefoilError): void {
    if (this.#over !== null) return;
    this.#over = err;
    this.#open = false;
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    const stored = this.#o.storage !== null; // then it is still to be sent
    for (const item of this.#items) item.reject(item.sent || stored ? new TrefoilError(err.code, err.reason, err.message, { unknown: true, cause: err }) : err);
    if (!stored) this.#items = [];
  }

  /** Resolves when nothing is left. */
  drained(): Promise<void> {
    return new Promise((resolve) => {
      this.#idle.push(resolve);
      this.#rest();
    });
  }

  #rest(): void {
    if (this.#items.length > 0 || this.#writing > 0) return;
    for (const resolve of this.#idle.splice(0)) resolve();
  }

  #pump(): void {
    if (!this.#open || this.#timer !== null) return;
    const first = this.#items[0];
    if (first !== undefined && !first.flying) this.#send(first);
  }

  #send(item: Item<R>): void {
    item.sent = item.flying = true;
    const session = this.#session;
    this.#o.send(item.content).then(
      (result) => this.#settle(item, () => item.resolve(result)),
      (err: unknown) => {
        const e = TrefoilError.from(err);
        if (this.#over !== null || session !== this.#session) return;
        item.flying = false;
        if (/\.(not_connected|connection_lost)$/.test(e.reason)) return this.#later(SOON);
        if (e.code === Code.Unavailable || /\.(busy|too_many)$/.test(e.reason)) return this.#later(AGAIN);
        this.#settle(item, () => item.reject(e));
      },
    );
  }

  /** Goes on a moment later, if there is a session then. */
  #later(ms: number): void {
    if (this.#timer !== null) return;
    this.#timer = setTimeout(() => {
      this.#timer = null;
      this.#pump();
    }, ms);
  }

  #settle(item: Item<R>, tell: () => void): void {
    if (this.#over !== null || !this.#items.includes(item)) return;
    this.#items = this.#items.filter((i) => i !== item);
    this.#write(item.key, null);
    tell();
    this.#pump();
  }

  #write(key: string, value: Uint8Array | null): void {
    const { storage, room } = this.#o;
    if (storage === null) return this.#rest();
    this.#writing++;
    void storage.apply([{ space: room, key, value }]).then(() => {
      this.#writing--;
      this.#rest();
    });
  }
}
