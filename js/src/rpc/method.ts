import type { Value } from "../codec/value.ts";
import { fits } from "../internal/body.ts";
import { maxName } from "../internal/limits.ts";
import { Code, TrefoilError } from "../status.ts";
import { badResult } from "./errors.ts";
import type { Metadata } from "./metadata.ts";
import type { Peer } from "./peer.ts";
import type { CallInfo, Handler } from "./serve.ts";

/** How a call is made. Every field may be left out. */
export interface CallOptions {
  /** Gives the call up when it is aborted; the handler is told. Default: none. */
  signal?: AbortSignal | undefined;
  /** Milliseconds until the call's deadline, above 0. The handler knows it too. Default: none. */
  timeout?: number | undefined;
  /** Goes with the call. Default: none. */
  metadata?: Metadata | undefined;
  /**
   * Waits for a connection, until `signal` or `timeout` ends it, where the call would fail at once with `rpc.not_connected`; also if the
   * connection ends before the call was given to it. A call that may have been sent is not sent again. Default false.
   */
  waitReady?: boolean | undefined;
  /** Says that running the call twice does no more than running it once. Default false. */
  idempotent?: boolean | undefined;
  /**
   * Keeps an idempotent call, without a timeout, until it was answered: without a session it waits for one, and if a session ends before the answer it is sent again in the next; so its
   * handler may run twice. Those of one client go in order, each when the one before was answered. With a storage also over a reload, after which nobody hears of the result. The signal takes it back. Default false.
   */
  queue?: boolean | undefined;
  /** Is called with what came beside the answer, result or error; null if nothing came. */
  onMetadata?: ((metadata: Metadata | null) => void) | undefined;
}

/** How values are checked where they come in: TypeScript's types end at the wire. */
export interface MethodOptions<In, Out> {
  /** Turns what arrived into the input, or throws: the call is then answered `rpc.bad_request`. Default: it is taken as it is. */
  input?: ((value: Value) => In) | undefined;
  /** Turns what arrived into the result, or throws: the call then fails with `rpc.bad_result`. Default: it is taken as it is. */
  output?: ((value: Value) => Out) | undefined;
}

/**
 * A procedure: a name, the type of its input and the type of its result. It holds no connection and may be used by many peers at once.
 */
export class Method<In, Out> {
  /** The method's name on the wire. */
  readonly name: string;
  readonly #options: MethodOptions<In, Out>;

  /** See {@link method}. */
  constructor(name: string, options: MethodOptions<In, Out> = {}) {
    if (!validName(name)) {
      throw new TrefoilError(Code.InvalidArgument, "rpc.bad_name", "a method's name has 1 to 255 bytes of UTF-8 without control characters");
    }
    this.name = name;
    this.#options = options;
  }

  /**
   * Calls the method on the server and waits for the answer. It settles once: with the result, or with a {@link TrefoilError}: the
   * handler's, or one with a reason of {@link RpcReason}. An error with code unavailable and without `unknown` means that the handler
   * certainly did not run. Input that is no value is never sent.
   */
  async call(peer: Peer, input: In, options: CallOptions = {}): Promise<Out> {
    const answer = await peer.send(this.name, input, options, false);
    options.onMetadata?.(answer.metadata);
    if (answer.error) throw answer.error;
    try {
      return this.#options.output ? this.#options.output(answer.payload) : (answer.payload as Out);
    } catch (err) {
      throw badResult("the result does not fit", err);
    }
  }

  /**
   * Calls the method and wants no answer: it resolves when the call was given to the connection, which does not mean that it
   * arrives or succeeds. A timeout reaches the handler; an abort afterwards does not.
   */
  async notify(peer: Peer, input: In, options: Omit<CallOptions, "onMetadata"> = {}): Promise<void> {
    await peer.send(this.name, input, options, true);
  }

  /**
   * Answers the method when the server calls this client. fn runs for many calls at once, at most {@link PeerOptions.maxConcurrent}. A
   * TrefoilError that it throws travels as it is; abort errors as canceled or deadline_exceeded with outcome unknown; of anything else
   * nothing travels but code unknown. Throws already_exists if the peer handles the method already. What it returns takes the handler away.
   */
  handle(peer: Peer, fn: (input: In, call: CallInfo) => Out | Promise<Out>): () => void {
    const parse = this.#options.input;
    const handler: Handler = {
      procedure: this.name,
      input: (value) => (parse ? parse(value) : value),
      run: (input, call) => fn(input as In, call),
    };
    return peer.register(handler);
  }
}

/**
 * Defines a method. A name has 1 to 255 bytes of UTF-8 without control characters; a prefix `ns:` names a namespace. Throws
 * invalid_argument on any other.
 */
export function method<In, Out>(name: string, options: MethodOptions<In, Out> = {}): Method<In, Out> {
  return new Method<In, Out>(name, options);
}

/** Reports whether a name may name a method. */
export function validName(name: string): boolean {
  return name !== "" && fits(name, maxName) && !/[\p{Cc}\p{Cs}]/u.test(name);
}
