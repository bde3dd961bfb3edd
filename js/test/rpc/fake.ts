import { decode, encode } from "../../src/codec/index.ts";
import type { Value } from "../../src/codec/index.ts";
import { Code, TrefoilError } from "../../src/status.ts";
import type { Frame, Pattern, Receiver } from "../../src/transport/pattern.ts";
import type { Session } from "../../src/transport/session.ts";

/** A session without a connection: what is sent is kept, what is received is made up. */
export class FakeSession implements Session {
  readonly id = "f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff";
  readonly client = "000102030405060708090a0b0c0d0e0f";
  readonly user = "ada";
  maxFrame = 1 << 20;
  error: TrefoilError | null = null;
  /** What was sent, decoded; stream numbers and all. */
  sent: Value[][] = [];
  /** How many frames there is room for. */
  room = Infinity;
  closedWith: number | null = null;
  readonly receiver: Receiver;
  #drained: (() => void)[] = [];

  constructor(pattern: Pattern, room = Infinity) {
    this.room = room;
    this.receiver = pattern.attach(this);
  }

  number(): number {
    return 1;
  }

  feature(): boolean {
    return false;
  }

  trySend(frame: readonly unknown[]): void {
    const bytes = encode(frame);
    if (this.error) throw this.error;
    if (bytes.length > this.maxFrame) throw new TrefoilError(Code.ResourceExhausted, "transport.frame_too_large", "too large");
    if (this.room <= 0) throw new TrefoilError(Code.ResourceExhausted, "transport.full", "full");
    this.room--;
    this.sent.push(decode(bytes) as Value[]);
  }

  afterDrain(fn: () => void): void {
    if (!this.error) this.#drained.push(fn);
  }

  close(code: number): void {
    this.closedWith ??= code;
  }

  /** Makes room. */
  drain(room = Infinity): void {
    this.room = room;
    const fns = this.#drained;
    this.#drained = [];
    for (const fn of fns) fn();
  }

  /** Ends the session; `told` false leaves the receiver without word for now. */
  end(told = true): void {
    this.error ??= new TrefoilError(Code.Unavailable, "transport.closed", "gone");
    this.#drained = [];
    if (told) this.receiver.close(this.error);
  }

  /** A frame arrives: `[pattern, kind, stream, ...]`, through the codec. */
  receive(frame: readonly unknown[]): void {
    const [, kind, stream, ...body] = decode(encode(frame)) as Value[];
    this.receiver.receive({ kind, stream, body } as Frame);
  }

  /** Takes what was sent since the last time. */
  take(): Value[][] {
    const { sent } = this;
    this.sent = [];
    return sent;
  }
}

/** Lets everything run that is ready to. */
export const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** What a promise was rejected with. */
export async function failure(promise: Promise<unknown>): Promise<TrefoilError> {
  try {
    await promise;
  } catch (err) {
    if (err instanceof TrefoilError) return err;
    throw err;
  }
  throw new Error("it did not fail");
}

/** What a function threw. */
export function thrown(fn: () => unknown): TrefoilError {
  try {
    fn();
  } catch (err) {
    if (err instanceof TrefoilError) return err;
    throw err;
  }
  throw new Error("it did not throw");
}
