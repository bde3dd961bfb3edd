import type { ValueMap } from "./codec/value.ts";

/** The canonical error codes, with their usual numbers (google.rpc.Code). */
export const Code = {
  /** The caller gave up. */
  Canceled: 1,
  /** An error without a code of its own. */
  Unknown: 2,
  /** Malformed, whatever the state. */
  InvalidArgument: 3,
  /** Time ran out. */
  DeadlineExceeded: 4,
  /** What was named does not exist. */
  NotFound: 5,
  /** What was to be made exists. */
  AlreadyExists: 6,
  /** The caller is known and may not. */
  PermissionDenied: 7,
  /** A budget, limit or queue is full. */
  ResourceExhausted: 8,
  /** Well-formed, but breaks a rule of the present state. */
  FailedPrecondition: 9,
  /** Lost against a concurrent operation; trying again may succeed. */
  Aborted: 10,
  /** Beyond the end of what there is. */
  OutOfRange: 11,
  /** No such operation. */
  Unimplemented: 12,
  /** A defect on the answering side. */
  Internal: 13,
  /** Not reachable now; see {@link TrefoilError.unknown}. */
  Unavailable: 14,
  /** Stored data is damaged. */
  DataLoss: 15,
  /** The caller is not known. */
  Unauthenticated: 16,
} as const;

/** One of the 16 canonical codes. */
export type Code = (typeof Code)[keyof typeof Code];

/** A name such as DataLoss as it stands in texts: data_loss. */
export function snake(name: string): string {
  return name.replace(/(?!^)[A-Z]/g, "_$&").toLowerCase();
}

/** The name of a code in lower case with underscores, `code_77` outside the canonical range. */
export function codeName(code: number): string {
  if (code === 0) return "ok";
  const found = Object.entries(Code).find(([, n]) => n === code);
  return found ? snake(found[0]) : `code_${code}`;
}

/** Reports whether a number is one of the 16 codes. */
export function isCode(code: unknown): code is Code {
  return typeof code === "number" && Number.isInteger(code) && code >= 1 && code <= 16;
}

/** What {@link TrefoilError} takes besides code, reason and message. */
export interface ErrorOptions {
  /** Plain values for programs; default null. */
  details?: ValueMap | null;
  /** Default false; see {@link TrefoilError.unknown}. */
  unknown?: boolean;
  /** What caused the error on this side; it does not travel. */
  cause?: unknown;
}

/**
 * The one error class of this library, local errors and those that crossed the wire alike. Programs branch on `code` and
 * `reason`; `message` is for people.
 */
export class TrefoilError extends Error {
  /** One of the 16 codes. */
  readonly code: Code;
  /** The exact cause, such as `dstm.conflict`; "" if there is none. It never changes its meaning. */
  readonly reason: string;
  /** Plain values for programs, null if none. */
  readonly details: ValueMap | null;
  /** True if the effect may have happened although the operation failed. Unavailable without it means: it certainly did not. */
  readonly unknown: boolean;

  constructor(code: Code, reason: string, message: string, options: ErrorOptions = {}) {
    super(message, "cause" in options ? { cause: options.cause } : undefined);
    this.name = "TrefoilError";
    this.code = code;
    this.reason = reason;
    this.details = options.details ?? null;
    this.unknown = options.unknown ?? false;
  }

  /** Reports whether the argument is this error's code or its reason; the empty reason matches nothing. */
  is(reasonOrCode: string | number): boolean {
    return typeof reasonOrCode === "number" ? this.code === reasonOrCode : reasonOrCode !== "" && this.reason === reasonOrCode;
  }

  /** `code: message (reason)`, with `, outcome unknown` where it is. */
  override toString(): string {
    let text = codeName(this.code);
    if (this.message !== "") text += `: ${this.message}`;
    if (this.reason !== "") text += ` (${this.reason})`;
    return this.unknown ? `${text}, outcome unknown` : text;
  }

  /**
   * Any thrown thing as a TrefoilError, at the boundary to the wire: a TrefoilError is returned as it is, an `AbortError` becomes canceled, a
   * `TimeoutError` deadline_exceeded, anything else unknown with a message that does not repeat what the peer must not see.
   */
  static from(err: unknown): TrefoilError {
    if (err instanceof TrefoilError) return err;
    const name = typeof err === "object" && err !== null && "name" in err ? err.name : "";
    if (name === "AbortError") return new TrefoilError(Code.Canceled, "", "canceled", { cause: err });
    if (name === "TimeoutError") return new TrefoilError(Code.DeadlineExceeded, "", "deadline exceeded", { cause: err });
    return new TrefoilError(Code.Unknown, "", "the operation failed", { cause: err });
  }
}
